using Verify.Checks;

namespace Verify.Chaos.Explaining;

/// <summary>Says in a sentence why the smallest failing part of a key's history has no order: which of its operations ended before which
/// began, and what that would have needed.</summary>
internal static class KvContradiction
{
    public static string Of(KvFailure failure)
    {
        var ops = failure.Smallest;
        return StaleRead(ops) ?? TwoWinners(ops) ?? Unwritten(ops)
            ?? $"these {ops.Count} operations on '{failure.Key}' have no order in which each answer is right and none comes before one that had ended when it was called";
    }

    public static string Words(Op op) => op.Kind switch
    {
        OpKind.KvPut => $"writes {op.Key}={Text(op.Value)}",
        OpKind.KvGet => $"reads {op.Key}={Text(op.Value)}",
        OpKind.KvDelete => $"deletes {op.Key}",
        OpKind.KvCas when op.CasRefused => $"is refused to change {op.Key} from {Text(op.Expected)}",
        OpKind.KvCas => $"changes {op.Key} from {Text(op.Expected)} to {Text(op.Value)}",
        _ => $"inserts row {op.Key} on {Text(op.Value)}",
    };

    public static bool Writes(Op op) => op.Kind is OpKind.KvPut or OpKind.KvDelete || op is { Kind: OpKind.KvCas, CasRefused: false };

    /// <summary>Written, overwritten, and read again after both had ended.</summary>
    private static string? StaleRead(IReadOnlyList<Op> ops)
    {
        foreach (var read in ops.Where(o => o.Kind == OpKind.KvGet && o.Outcome == OpOutcome.Ok).OrderByDescending(o => o.ReturnedUs))
        {
            var newer = ops.Where(w => Writes(w) && w.Outcome == OpOutcome.Ok && w.ReturnedUs < read.CalledUs && ValueAfter(w) != read.Value).MaxBy(w => w.CalledUs);
            if (newer is null) continue;
            var older = ops.FirstOrDefault(w => Writes(w) && ValueAfter(w) == read.Value && w.CalledUs < newer.CalledUs);
            var isOnlySource = !ops.Any(w => Writes(w) && ValueAfter(w) == read.Value && w.ReturnedUs > newer.CalledUs);
            if (!isOnlySource || (read.Value is not null && older is null)) continue;
            return $"client {newer.Client} had been told by {By(newer)} that it {Words(newer)} before client {read.Client} asked; {By(read)} still answers {Text(read.Value)}"
                + (older is null ? ", as if nothing had been written" : $", which client {older.Client} had written earlier");
        }

        return null;
    }

    /// <summary>Two compare-and-set that both found the same value, which nobody wrote again.</summary>
    private static string? TwoWinners(IReadOnlyList<Op> ops)
    {
        foreach (var won in ops.Where(o => o is { Kind: OpKind.KvCas, CasRefused: false, Outcome: OpOutcome.Ok }).GroupBy(o => o.Expected ?? "", StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var pair = won.Take(2).ToList();
            if (pair.Count < 2 || ops.Count(w => Writes(w) && ValueAfter(w) == pair[0].Expected) > 1) continue;
            return $"client {pair[0].Client} and client {pair[1].Client} were both told ({By(pair[0])}, {By(pair[1])}) that they changed {pair[0].Key} from {Text(pair[0].Expected)}, which was there once";
        }

        return null;
    }

    private static string? Unwritten(IReadOnlyList<Op> ops)
    {
        var read = ops.FirstOrDefault(o => o is { Kind: OpKind.KvGet, Outcome: OpOutcome.Ok, Value: not null } && !ops.Any(w => Writes(w) && ValueAfter(w) == o.Value && w.CalledUs <= o.ReturnedUs));
        return read is null ? null : $"{By(read)} answers client {read.Client} with {Text(read.Value)}, which nobody had written to {read.Key} by then";
    }

    private static string? ValueAfter(Op write) => write.Kind == OpKind.KvDelete ? null : write.Value;

    private static string By(Op op) => op.By.Length > 0 ? op.By : "the store";

    private static string Text(string? value) => value is null ? "nothing" : $"'{value}'";
}
