using Verify.Checks.Linearizability;

namespace Verify.Checks.Recorded;

/// <summary>Gives the calls of a file the meaning of one model.</summary>
internal abstract class CallReading<TState, TCall>(string file)
    where TState : notnull
{
    public abstract IModel<TState, TCall> Model { get; }

    /// <summary>Could this answer have been wrong? A history without such answers shows nothing.</summary>
    public abstract bool IsObservation(TCall call);

    /// <summary>False: the call says nothing about the object.</summary>
    /// <exception cref="RunFileException">The call is none of this model's.</exception>
    public abstract bool TryRead(RecordedCall call, out TCall read);

    protected RunFileException NotOurs(RecordedCall call, string model, string known) => new(
        file, call.Line, $"':{call.Function}' is no call of the model '{model}', which knows {known}; another --model, or --model auto, may fit");

    protected RunFileException Wrong(RecordedCall call, string what) => new(file, call.Line, what);

    protected (EdnValue First, EdnValue Second) Pair(RecordedCall call) => call.Asked is EdnValue.Sequence { Items: [var first, var second] }
        ? (first, second)
        : throw Wrong(call, $"':{call.Function}' needs [from to], and not {call.Asked}");

    protected long Number(RecordedCall call, EdnValue? value, string name) => value is EdnValue.Integer(var number)
        ? number
        : throw Wrong(call, $"':{name}' of ':{call.Function}' must be a whole number, and not {value?.ToString() ?? "missing"}");

    /// <summary>":ok" with the value :refused, or what the format itself marks so.</summary>
    protected static bool IsRefused(RecordedCall call) => call.End == CallEnd.Refused || call.Answered is EdnValue.Keyword("refused");
}

/// <summary>A register, or many by key: values are numbered in the order in which they turn up; the initial one is number 0.</summary>
/// <param name="mayCas">False: the plain register.</param>
internal sealed class RegisterReading(string file, EdnValue initial, bool mayCas) : CallReading<int, RegisterCall>(file)
{
    private readonly Dictionary<EdnValue, int> _numbers = new() { [initial] = RegisterModel.Absent };

    public override IModel<int, RegisterCall> Model { get; } = new RegisterModel();

    public override bool IsObservation(RegisterCall call) => call.Kind != RegisterCallKind.Write;

    public override bool TryRead(RecordedCall call, out RegisterCall read)
    {
        read = default;
        switch (call.Function)
        {
            case "read" when call.IsOpen || (call.Answered is EdnValue.Nil && initial is not EdnValue.Nil):
                return false;
            case "read":
                read = new(RegisterCallKind.Read, NumberOf(call.Answered));
                return true;
            case "write":
                read = new(RegisterCallKind.Write, NumberOf(call.Asked));
                return true;
            case "cas" when mayCas:
                var (from, to) = Pair(call);
                read = IsRefused(call)
                    ? new(RegisterCallKind.CasRefused, RegisterModel.Absent, NumberOf(from))
                    : new(RegisterCallKind.Cas, NumberOf(to), NumberOf(from));
                return true;
            default:
                throw NotOurs(call, mayCas ? "cas" : "register", mayCas ? ":read, :write and :cas" : ":read and :write");
        }
    }

    private int NumberOf(EdnValue value)
    {
        if (!_numbers.TryGetValue(value, out var number))
        {
            number = _numbers.Count;
            _numbers.Add(value, number);
        }

        return number;
    }
}

/// <summary>Keys with get, put, append, delete and compare-and-set. Nil and "" are both "nothing there", as in Porcupine's KV tests.</summary>
internal sealed class KvReading(string file) : CallReading<KvState, KvCall>(file)
{
    public override IModel<KvState, KvCall> Model { get; } = new KvModel();

    public override bool IsObservation(KvCall call) => call.Kind is KvCallKind.Get or KvCallKind.Cas or KvCallKind.CasRefused;

    public override bool TryRead(RecordedCall call, out KvCall read)
    {
        read = default;
        switch (call.Function)
        {
            case "get" or "read" when call.IsOpen:
                return false;
            case "get" or "read":
                read = new(KvCallKind.Get, TextOf(call.Answered));
                return true;
            case "put" or "write":
                read = new(KvCallKind.Put, TextOf(call.Asked));
                return true;
            case "append":
                read = new(KvCallKind.Append, TextOf(call.Asked) ?? "");
                return true;
            case "delete":
                read = new(KvCallKind.Delete, null);
                return true;
            case "cas":
                var (from, to) = Pair(call);
                read = new(IsRefused(call) ? KvCallKind.CasRefused : KvCallKind.Cas, TextOf(to), TextOf(from));
                return true;
            default:
                throw NotOurs(call, "kv", ":get, :put, :append, :delete and :cas");
        }
    }

    private static string? TextOf(EdnValue value) => value switch
    {
        EdnValue.Nil or EdnValue.Text("") => null,
        EdnValue.Text(var words) => words,
        _ => value.ToString(),
    };
}

/// <summary>:acquire (answered with a token), :release and :use (asked with it), :expire; the answer :refused is an observation. A client is
/// its :client, or else its process.</summary>
internal sealed class LockReading(string file) : CallReading<LockState, LockCall>(file)
{
    public override IModel<LockState, LockCall> Model { get; } = new LockModel();

    public override bool IsObservation(LockCall call) => call.Kind != LockCallKind.Expire;

    public override bool TryRead(RecordedCall call, out LockCall read)
    {
        var client = call.Fields?.Of("client")?.ToString() ?? call.Process;
        var isRefused = IsRefused(call);
        read = call.Function switch
        {
            "acquire" when isRefused => new(LockCallKind.AcquireRefused, client),
            "acquire" => new(LockCallKind.Acquire, client, call.IsOpen ? null : Number(call, call.Answered, "value")),
            "release" => new(isRefused ? LockCallKind.ReleaseRefused : LockCallKind.Release, client, Number(call, call.Asked, "value")),
            "use" => new(isRefused ? LockCallKind.UseRefused : LockCallKind.Use, client, Number(call, call.Asked, "value")),
            "expire" => new(LockCallKind.Expire, client),
            _ => throw NotOurs(call, "lock", ":acquire, :release, :use and :expire"),
        };
        return true;
    }
}

/// <summary>:add with :session, :number and the :value to add, answered with the new value or :refused; :read.</summary>
internal sealed class CounterReading(string file) : CallReading<CounterState, CounterCall>(file)
{
    public override IModel<CounterState, CounterCall> Model { get; } = new SessionCounterModel();

    public override bool IsObservation(CounterCall call) => call.Kind != CounterCallKind.Add || call.Answer is not null;

    public override bool TryRead(RecordedCall call, out CounterCall read)
    {
        read = default;
        switch (call.Function)
        {
            case "read" when call.IsOpen:
                return false;
            case "read":
                read = new(CounterCallKind.Read, "", 0, 0, Number(call, call.Answered, "value"));
                return true;
            case "add":
                var session = call.Fields?.Of("session")?.ToString() ?? throw Wrong(call, "':session' is missing: ':add' needs :session, :number and :value");
                var number = Number(call, call.Fields.Of("number"), "number");
                var isRefused = IsRefused(call);
                read = new(isRefused ? CounterCallKind.AddRefused : CounterCallKind.Add, session, number, Number(call, call.Asked, "value"),
                    isRefused || call.Answered is EdnValue.Nil ? null : Number(call, call.Answered, "value"));
                return true;
            default:
                throw NotOurs(call, "counter", ":add and :read");
        }
    }
}
