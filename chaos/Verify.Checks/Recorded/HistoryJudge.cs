using System.Globalization;
using Verify.Checks.Linearizability;

namespace Verify.Checks.Recorded;

/// <summary>Judges a history from a file: tells the format from the text, reads it under a model, searches. Formats: our history.ndjson,
/// Jepsen's history.edn, the etcd and KV logs of Porcupine's tests.</summary>
/// <param name="model">One of <see cref="Models"/>; "auto" goes by the calls.</param>
/// <param name="initial">What a register holds at first, as EDN.</param>
public sealed class HistoryJudge(string model, SearchLimits limits, string initial = "nil")
{
    private const int LongestOrderLines = 5;
    public static readonly IReadOnlyList<string> Models = ["auto", "register", "cas", "kv", "lock", "counter"];

    /// <exception cref="RunFileException">Names the line and what to do.</exception>
    public HistoryVerdict Judge(string text, string file)
    {
        var start = text.AsSpan().TrimStart("\uFEFF \t\r\n,");
        if (start.StartsWith("{\"") || start.StartsWith("{ \""))
        {
            return Own(text, file);
        }

        var isEdn = start.Length > 0 && start[0] is '{' or '[' or '(' or ';' or '#';
        var calls = isEdn ? EdnHistory.Read(text, file) : EtcdLog.Read(text, file);
        if (!isEdn && calls.Count == 0 && start.Length > 0 && !text.Contains("jepsen", StringComparison.Ordinal))
        {
            throw new RunFileException(file, 1, "this is no history: expected is history.ndjson (a JSON object per line), EDN (maps with :process, :type, :f, :value) or a jepsen.util log");
        }

        return Foreign(calls, file, isEdn ? "EDN" : "etcd log");
    }

    private HistoryVerdict Own(string text, string file)
    {
        if (model is not ("auto" or "kv" or "cas"))
        {
            throw new RunFileException(file, 1, $"history.ndjson holds KV operations; judge it with --model kv, not with '{model}'");
        }

        var ops = LinearizableKvCheck.Relevant(HistoryFile.Read(new StringReader(text), file).Ops);
        var observations = ops.Count(LinearizableKvCheck.IsObservation);
        return Search(
            new RegisterModel(), LinearizableKvCheck.Partitions(ops), call => OpText.Of(ops[call.Id], call.IsOptional), observations,
            new() { File = file, Format = "history.ndjson", Model = "kv", Verdict = Verdict.Unknown, Observed = "", Calls = ops.Length, OpenCalls = ops.Count(o => o.Outcome == OpOutcome.Unknown), Parts = 0, SearchSteps = 0 });
    }

    private HistoryVerdict Foreign(IReadOnlyList<RecordedCall> calls, string file, string format)
    {
        var name = string.Equals(model, "auto", StringComparison.Ordinal) ? ModelOf(calls) : model;
        return name switch
        {
            "register" or "cas" => Read(new RegisterReading(file, InitialValue(), mayCas: name is "cas"), calls, file, format, name),
            "kv" => Read(new KvReading(file), calls, file, format, name),
            "lock" => Read(new LockReading(file), calls, file, format, name),
            "counter" => Read(new CounterReading(file), calls, file, format, name),
            _ => throw new FormatException($"'{name}' is no model; there are: {string.Join(", ", Models)}"),
        };
    }

    private EdnValue InitialValue() => new EdnReader(initial, "--initial").Next() ?? new EdnValue.Nil();

    private static string ModelOf(IReadOnlyList<RecordedCall> calls) =>
        calls.Any(c => c.Function is "acquire" or "release" or "use" or "expire") ? "lock"
        : calls.Any(c => c.Function is "add") ? "counter"
        : calls.Any(c => c.Function is "get" or "put" or "append" or "delete") ? "kv" : "cas";

    private HistoryVerdict Read<TState, TCall>(CallReading<TState, TCall> reading, IReadOnlyList<RecordedCall> calls, string file, string format, string name)
        where TState : notnull
    {
        var parts = new SortedDictionary<string, List<TimedCall<TCall>>>(StringComparer.Ordinal);
        var (observations, open) = (0, 0);
        for (var i = 0; i < calls.Count; i++)
        {
            var call = calls[i];
            open += call.IsOpen ? 1 : 0;
            if (call.End == CallEnd.NotDone || !reading.TryRead(call, out var read))
            {
                continue;
            }

            observations += !call.IsOpen && reading.IsObservation(read) ? 1 : 0;
            var key = call.Key?.ToString() ?? "";
            if (!parts.TryGetValue(key, out var part))
            {
                parts.Add(key, part = []);
            }

            part.Add(new(read, call.CalledAt, call.ReturnedAt, call.IsOpen, i));
        }

        return Search(
            reading.Model, parts.Select(p => new Partition<TCall>(p.Key, p.Value)).ToArray(), call => Line(calls[call.Id], call.IsOptional), observations,
            new() { File = file, Format = format, Model = name, Verdict = Verdict.Unknown, Observed = "", Calls = calls.Count, OpenCalls = open, Parts = 0, SearchSteps = 0 });
    }

    private HistoryVerdict Search<TState, TCall>(
        IModel<TState, TCall> over, IReadOnlyList<Partition<TCall>> parts, Func<TimedCall<TCall>, string> tell, int observations, HistoryVerdict bare)
        where TState : notnull
    {
        var result = new PartitionedSearch<TState, TCall>(over, limits).Judge(parts);
        var isEmpty = result.Verdict == Verdict.Valid && observations == 0;
        return bare with
        {
            Parts = parts.Count,
            SearchSteps = result.Steps,
            Verdict = isEmpty ? Verdict.Unknown : result.Verdict,
            Observed = isEmpty ? "no answer could have been wrong: nothing was observed" : Observed(result, bare.Calls, parts.Count),
            FailedPart = result.Failed?.Name ?? "",
            Smallest = result.Smallest.Select(tell).ToArray(),
            IsSmallestMinimal = result.IsSmallestMinimal,
            LongestOrder = result.Longest.Count,
            LongestOrderEnd = result.Longest.TakeLast(LongestOrderLines).Select(tell).ToArray(),
        };
    }

    private static string Observed<TCall>(LinearizationResult<TCall> result, int calls, int parts) => result.Verdict switch
    {
        Verdict.Valid => string.Create(CultureInfo.InvariantCulture, $"a legal order exists for all {calls} calls in {parts} part{(parts == 1 ? "" : "s")}"),
        Verdict.Invalid => string.Create(CultureInfo.InvariantCulture,
            $"no legal order exists{(result.Failed!.Name.Length > 0 ? $" for key {result.Failed.Name}" : "")}: at most {result.Longest.Count} of {result.Failed.Calls.Count} calls can be put in a row; {LinearizableKvCheck.Enough(result)}"),
        _ => result.Why,
    };

    private static string Line(RecordedCall call, bool isOpen)
    {
        var answer = isOpen ? "not answered by then" : call.End == CallEnd.Refused ? "refused" : call.Answered is EdnValue.Nil && call.Function is not ("read" or "get") ? "done" : call.Answered.ToString();
        var asked = call.Asked is EdnValue.Nil ? "" : $" {call.Asked}";
        return string.Create(CultureInfo.InvariantCulture, $"line {call.Line}: process {call.Process} {call.Function}{(call.Key is { } key ? $" {key}" : "")}{asked} → {answer}");
    }
}
