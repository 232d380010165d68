namespace Verify.Checks.Linearizability;

public enum CounterCallKind { Add, AddRefused, Read }

/// <summary>A call on the counter and its answer.</summary>
/// <param name="Session">Add: whose request it is.</param>
/// <param name="Number">Add: which request of the session; a repetition has the same.</param>
/// <param name="Delta">Add: what is added.</param>
/// <param name="Answer">The value that was answered; null when nobody was told.</param>
public readonly record struct CounterCall(CounterCallKind Kind, string Session, long Number, long Delta, long? Answer);

/// <summary>The counter and what it remembers of its sessions: the last request of each, and its answer.</summary>
public sealed class CounterState : IEquatable<CounterState>
{
    private readonly (string Session, long Number, long Answer)[] _sessions; // sorted by session

    public static readonly CounterState Zero = new(0, []);

    private CounterState(long value, (string Session, long Number, long Answer)[] sessions) => (Value, _sessions) = (value, sessions);

    public long Value { get; }

    public (long Number, long Answer)? LastOf(string session)
    {
        var at = Array.FindIndex(_sessions, s => string.Equals(s.Session, session, StringComparison.Ordinal));
        return at < 0 ? null : (_sessions[at].Number, _sessions[at].Answer);
    }

    public CounterState Added(string session, long number, long delta) =>
        new(Value + delta, [.. _sessions.Where(s => !string.Equals(s.Session, session, StringComparison.Ordinal)).Append((session, number, Value + delta)).OrderBy(s => s.Item1, StringComparer.Ordinal)]);

    public bool Equals(CounterState? other) => other is not null && Value == other.Value && _sessions.AsSpan().SequenceEqual(other._sessions);
    public override bool Equals(object? obj) => Equals(obj as CounterState);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Value);
        foreach (var session in _sessions)
        {
            hash.Add(session);
        }

        return hash.ToHashCode();
    }
}

/// <summary>A counter that carries each numbered request of a session out once: a repetition gets the first answer again, an older
/// request than the last is refused (Ongaro 2014, "Consensus: Bridging Theory and Practice", section 6.3).</summary>
public sealed class SessionCounterModel : IModel<CounterState, CounterCall>
{
    public CounterState Initial => CounterState.Zero;

    public bool TryStep(CounterState state, CounterCall call, out CounterState next)
    {
        next = state;
        var last = call.Kind == CounterCallKind.Read ? null : state.LastOf(call.Session);
        switch (call.Kind)
        {
            case CounterCallKind.Read:
                return call.Answer == state.Value;
            case CounterCallKind.AddRefused:
                return last is { } later && call.Number < later.Number;
            case CounterCallKind.Add when last is { } known && call.Number <= known.Number:
                return call.Number == known.Number && (call.Answer is null || call.Answer == known.Answer);
            case CounterCallKind.Add:
                next = state.Added(call.Session, call.Number, call.Delta);
                return call.Answer is null || call.Answer == next.Value;
            default:
                throw new ArgumentOutOfRangeException(nameof(call), call.Kind, "not a call on a counter");
        }
    }

    /// <summary>Reads and refusals may go: every other answer rests on every addition.</summary>
    public bool[] MayBeLeftOut(IReadOnlyList<CounterCall> calls, int from, int count) =>
        calls.Skip(from).Take(count).Select(c => c.Kind != CounterCallKind.Add).ToArray();
}
