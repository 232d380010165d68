using System.Globalization;
using Verify.Checks;

namespace Verify.Chaos.Live.Proofs;

/// <summary>While the disks of all nodes are full, every read is answered and every write is refused with the reason: 507 "disk full" by a leader
/// whose own disk refused a write, 429 "disks of the group are full or stand still" by one that still has room in its last segment. Judged are operations that were called at least <see cref="GraceUs"/> after the last disk was filled (the first write has to meet it, and the leader waits 2 s before it says so of others) and
/// answered before the first one was freed.</summary>
/// <param name="nodes">How many disks are all.</param>
internal sealed class FullDisksCheck(int nodes) : ICheck
{
    private const long GraceUs = 2_500_000;
    private const int ReadsMin = 5;

    public string Name => "fullDisks";

    public Finding Judge(RunFacts facts)
    {
        var windows = Windows(facts.Events);
        var ops = facts.History.Ops.Where(op => windows.Any(w => op.CalledUs >= w.FromUs + GraceUs && op.ReturnedUs <= w.ToUs)).ToArray();
        var (reads, writes) = (ops.Where(IsRead).ToArray(), ops.Where(op => !IsRead(op)).ToArray());
        var wrong = reads.Where(op => op.Outcome != OpOutcome.Ok).Concat(writes.Where(op => !IsRefusedWithReason(op))).OrderBy(op => op.CalledUs).ToArray();
        var observed = string.Create(CultureInfo.InvariantCulture,
            $"while all disks were full ({windows.Count} times): {reads.Length} reads, {reads.Count(op => op.Outcome == OpOutcome.Ok)} answered; {writes.Length} writes, {writes.Count(IsRefusedWithReason)} refused for full disks");
        if (wrong.Length > 0)
            return Made(Verdict.Invalid, observed) with { AtUs = [wrong[0].CalledUs], Evidence = string.Join(Environment.NewLine, wrong.Take(10).Select(Describe)) };
        return Made(reads.Length < ReadsMin || writes.Length == 0 ? Verdict.Unknown : Verdict.Valid, observed);
    }

    private static bool IsRead(Op op) => op.Kind == OpKind.KvGet;

    private static bool IsRefusedWithReason(Op op) => op.Outcome == OpOutcome.Failed
        && (op.Error.Contains("disk full", StringComparison.Ordinal) || op.Error.Contains("disks of the group are full", StringComparison.Ordinal));

    private static string Describe(Op op) => string.Create(CultureInfo.InvariantCulture, $"{op.CalledUs / 1e6:0.000} s: {op.Kind} by {op.By}: {op.Outcome} {op.Error}");

    private List<(long FromUs, long ToUs)> Windows(IEnumerable<RunEvent> events)
    {
        var windows = new List<(long, long)>();
        var full = new HashSet<string>(StringComparer.Ordinal);
        long? since = null;
        foreach (var e in events.Where(e => e["fault"] == "diskFull"))
        {
            if (e.Kind == EventKinds.FaultBegun && full.Add(e.Subject) && full.Count == nodes) since = e.AtUs;
            if (e.Kind != EventKinds.FaultEnded || !full.Remove(e.Subject)) continue;
            if (since is { } from) windows.Add((from, e.AtUs));
            since = null;
        }

        return windows;
    }

    private static Finding Made(Verdict verdict, string observed) =>
        new("fullDisks", verdict, "with all disks full reads are answered and writes refused with the reason", observed, "all of them");
}
