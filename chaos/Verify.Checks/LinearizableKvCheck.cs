using System.Globalization;
using System.Text;
using Verify.Checks.Linearizability;

namespace Verify.Checks;

/// <summary>The KV store behaves like one copy that handles one call at a time, in an order that respects real time. Each key is
/// judged by itself. What certainly failed did not happen; what nobody answered may have happened at any time after its call, or never;
/// a refused compare-and-set is an observation.</summary>
/// <remarks>The store compares modify indexes, the history values. The two agree while every write of a key writes a new value, which
/// the workload does. Where a value was written twice, a refusal says nothing about values, and is left out.</remarks>
public sealed class LinearizableKvCheck(SearchLimits limits) : ICheck
{
    private const int CallsShownMax = 40;

    public LinearizableKvCheck(TimeSpan timeLimit)
        : this(new SearchLimits { Time = timeLimit })
    {
    }

    public string Name => "linearizable";

    public Finding Judge(RunFacts facts)
    {
        var ops = Relevant(facts.History.Ops);
        var observations = ops.Count(IsObservation);
        var partitions = Partitions(ops);
        var result = new PartitionedSearch<int, RegisterCall>(new RegisterModel(), limits).Judge(partitions);
        var observed = Observed(result, ops.Length, partitions.Count);
        var verdict = result.Verdict;
        if (verdict == Verdict.Valid && observations == 0)
        {
            (verdict, observed) = (Verdict.Unknown, "no read and no compare-and-set was answered: nothing was observed that could be wrong");
        }

        return new Finding(
            Name, verdict, "every key of the KV store is linearizable", observed, $"search limit {limits.Time.TotalSeconds:0.###} s")
        {
            AtUs = result.Smallest.Where(c => !c.IsOptional).Select(c => ops[c.Id].ReturnedUs).OrderDescending().Take(1).ToArray(),
            Evidence = Evidence(result, ops),
            Figures = new SortedDictionary<string, double>(StringComparer.Ordinal)
            {
                ["calls"] = ops.Length, ["keys"] = partitions.Count, ["searchSteps"] = result.Steps,
            },
        };
    }

    /// <summary>How small the failing part is, and whether that is the end of it.</summary>
    internal static string Enough<TCall>(LinearizationResult<TCall> result) => string.Create(
        CultureInfo.InvariantCulture,
        $"{result.Smallest.Count} call{(result.Smallest.Count == 1 ? " is" : "s are")} enough to show it{(result.IsSmallestMinimal ? "" : " (perhaps fewer: there was no time to try them all)")}");

    /// <summary>What certainly failed did not happen; a refusal is an observation, however it is filed.</summary>
    internal static Op[] Relevant(IReadOnlyList<Op> history) =>
        history.Where(o => o.Kind != OpKind.SqlInsert && (o.Outcome != OpOutcome.Failed || o.CasRefused)).ToArray();

    internal static bool IsObservation(Op op) => op.Outcome != OpOutcome.Unknown && (op.Kind is OpKind.KvGet or OpKind.KvCas || op.CasRefused);

    /// <summary>The key that cannot be put in order, with its operations; null when all can, or time ran out.</summary>
    public KvFailure? FailureIn(IReadOnlyList<Op> history)
    {
        var ops = Relevant(history);
        var result = new PartitionedSearch<int, RegisterCall>(new RegisterModel(), limits).Judge(Partitions(ops));
        Op[] OpsOf(IEnumerable<TimedCall<RegisterCall>> calls) => [.. calls.Select(c => ops[c.Id])];
        return result.Verdict != Verdict.Invalid ? null
            : new(result.Failed!.Name, OpsOf(result.Failed.Calls.OrderBy(c => c.CalledUs).ThenBy(c => c.Id)), OpsOf(result.Smallest), OpsOf(result.Longest));
    }

    private static string Observed(LinearizationResult<RegisterCall> result, int calls, int keys) => result.Verdict switch
    {
        Verdict.Valid => $"a legal order exists for all {calls} calls on {keys} keys",
        Verdict.Invalid => $"no legal order exists for key '{result.Failed!.Name}': at most {result.Longest.Count} of its {result.Failed.Calls.Count} "
            + $"calls can be put in order; {Enough(result)}",
        _ => result.Why,
    };

    internal static List<Partition<RegisterCall>> Partitions(Op[] ops) =>
        Enumerable.Range(0, ops.Length).GroupBy(i => ops[i].Key, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => new Partition<RegisterCall>(g.Key, Calls(ops, g.ToArray())))
            .ToList();

    private static List<TimedCall<RegisterCall>> Calls(Op[] ops, int[] ofKey)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        int Number(string? value) => value is null ? RegisterModel.Absent : NumberOf(numbers, value);

        var writtenTwice = ofKey.Select(i => ops[i]).Where(o => o.Kind is OpKind.KvPut or OpKind.KvCas && !o.CasRefused)
            .GroupBy(o => o.Value ?? "", StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key)
            .ToHashSet(StringComparer.Ordinal);

        var seen = Seen(ops, ofKey);
        var calls = new List<TimedCall<RegisterCall>>(ofKey.Length);
        foreach (var i in ofKey)
        {
            var op = ops[i];
            var isUnknown = op.Outcome == OpOutcome.Unknown;
            var saysNothing = (isUnknown && op.Kind == OpKind.KvGet) || (op.CasRefused && (isUnknown || writtenTwice.Contains(op.Expected ?? "")))
                || (isUnknown && op.Value is { } value && seen?.Contains(value) == false);
            if (saysNothing)
            {
                continue;
            }

            var call = op.Kind switch
            {
                OpKind.KvGet => new RegisterCall(RegisterCallKind.Read, Number(op.Value)),
                OpKind.KvPut => new RegisterCall(RegisterCallKind.Write, Number(op.Value)),
                OpKind.KvDelete => new RegisterCall(RegisterCallKind.Write, RegisterModel.Absent),
                _ when op.CasRefused => new RegisterCall(RegisterCallKind.CasRefused, RegisterModel.Absent, Number(op.Expected)),
                _ => new RegisterCall(RegisterCallKind.Cas, Number(op.Value), Number(op.Expected)),
            };
            calls.Add(new TimedCall<RegisterCall>(call, op.CalledUs, op.ReturnedUs, isUnknown, i));
        }

        return calls;
    }

    /// <summary>Values that somebody read or compared with. A write that nobody answered for, and whose value nobody saw, may be left out: any legal order
    /// that has it is legal without it, because nothing stands between it and the next write that could tell. Null: a comparison was refused, and
    /// a value that nobody saw may have been what refused it.</summary>
    private static HashSet<string>? Seen(Op[] ops, int[] ofKey)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var i in ofKey)
        {
            if (ops[i].CasRefused) return null;
            if (ops[i] is { Kind: OpKind.KvGet, Outcome: not OpOutcome.Unknown, Value: { } read }) seen.Add(read);
            if (ops[i] is { Kind: OpKind.KvCas, Expected: { } expected }) seen.Add(expected);
        }

        return seen;
    }

    private static int NumberOf(Dictionary<string, int> numbers, string value)
    {
        if (!numbers.TryGetValue(value, out var number))
        {
            number = numbers.Count + 1;
            numbers.Add(value, number);
        }

        return number;
    }

    private static string Evidence(LinearizationResult<RegisterCall> result, Op[] ops)
    {
        if (result.Verdict != Verdict.Invalid)
        {
            return "";
        }

        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"These {result.Smallest.Count} calls on '{result.Failed!.Name}' have no legal order:\n");
        foreach (var call in result.Smallest.Take(CallsShownMax))
        {
            text.Append("  ").Append(OpText.Of(ops[call.Id], call.IsOptional)).Append('\n');
        }

        if (result.Smallest.Count > CallsShownMax)
        {
            text.Append(CultureInfo.InvariantCulture, $"  … and {result.Smallest.Count - CallsShownMax} more\n");
        }

        text.Append(
            CultureInfo.InvariantCulture,
            $"The longest order found puts {result.Longest.Count} of {result.Failed.Calls.Count} calls in a row; its end:\n");
        foreach (var call in result.Longest.TakeLast(5))
        {
            text.Append("  ").Append(OpText.Of(ops[call.Id], call.IsOptional)).Append('\n');
        }

        return text.ToString();
    }
}
