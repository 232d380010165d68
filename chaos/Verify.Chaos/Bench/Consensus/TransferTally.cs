using Verify.Chaos.Running;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>One planned transfer, and what clients saw of it.</summary>
internal sealed record TransferSeen(double Seconds, int Writes, int Failed, string Trouble, double LongestMs)
{
    public static TransferSeen Of(double seconds, IReadOnlyList<LoadResult> loads) => new(
        seconds, loads.Sum(l => l.LatenciesMs.Count + l.Errors), loads.Sum(l => l.Errors), loads.Select(l => l.Trouble).FirstOrDefault(t => t.Length > 0) ?? "",
        loads.SelectMany(l => l.LatenciesMs).DefaultIfEmpty(0).Max());
}

/// <summary>The planned transfers of one kind, of each group.</summary>
/// <param name="asked">Whom the clients ask, in a few words.</param>
/// <param name="clients">The same for the table.</param>
internal sealed class TransferTally(List<IKvGroup> groups, string asked, string clients)
{
    public const double GoalMs = 50;
    private readonly List<TransferSeen>[] _seen = [.. groups.Select(_ => new List<TransferSeen>())];

    public string Asked => asked;

    public void Add(int group, TransferSeen seen) => _seen[group].Add(seen);

    /// <summary>A transfer that is slow once is a transfer that a client felt: the slowest counts, and with fewer than a hundred p99 is nearly that one.</summary>
    public static bool Reaches(Spread takenMs, int failed) => takenMs.P99 <= GoalMs && failed == 0;

    /// <exception cref="HarnessException">None of ours was carried out.</exception>
    public IReadOnlyList<Figure> Figures()
    {
        if (_seen[0].Count == 0) throw new HarnessException("no planned transfer was carried out");
        var taken = _seen.Select(s => Of(s, static one => one.Seconds * 1000)).ToArray();
        var longest = _seen.Select(s => Of(s, static one => one.LongestMs)).ToArray();
        var failed = _seen.Select(s => s.Sum(static one => one.Failed)).ToArray();
        return
        [
            ConsensusBench.Beside(new("consensus", $"planned transfer: asked -> another node leads; {failed[0]} of {_seen[0].Sum(static one => one.Writes)} writes failed ({clients}, no retries)", "ms", taken[0])
            {
                Goal = $"p99 <= {GoalMs:0} ms, no failed write", ReachesGoal = Reaches(taken[0], failed[0]),
            }, groups, taken, "ms", groups.Count > 1 ? $", {failed[1]} writes failed" : ""),
            ConsensusBench.Beside(new("consensus", $"planned transfer: the longest that a client waited for a write ({clients})", "ms", longest[0]), groups, longest, "ms"),
        ];
    }

    private static Spread Of(List<TransferSeen> seen, Func<TransferSeen, double> what) => Spread.Of(seen.Count > 0 ? [.. seen.Select(what)] : [double.NaN]);
}
