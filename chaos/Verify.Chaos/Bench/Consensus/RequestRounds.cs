using System.Globalization;
using Verify.Chaos.Running;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>One kind of request, asked of all groups in turn, round by round and in changing order, so that noise of the machine hits
/// all alike; the values of all rounds are put together.</summary>
internal sealed record RequestKind(string What, bool AtLeader, int Clients)
{
    /// <summary>Client → request, for a member of a group; null when the system has nothing of the kind.</summary>
    public required Func<IKvGroup, int, Func<int, byte[]>?> Question { get; init; }

    /// <summary>What the other system is asked instead, when it is not the same; for the table.</summary>
    public string Counterpart { get; init; } = "";

    /// <summary>Judges ours beside the other's (null: not measured).</summary>
    public Func<Measured, Measured?, bool>? Goal { get; init; }
    public string GoalText { get; init; } = "";
}

/// <summary>What came of all rounds of one kind in one group.</summary>
internal sealed class Measured(string group)
{
    private double _seconds;
    private double _cpuSeconds;

    public string Group => group;
    public List<double> LatenciesMs { get; } = [];
    public int Errors { get; private set; }
    public string Trouble { get; private set; } = "";
    public Spread Spread => Spread.Of(LatenciesMs);
    public double PerSecond => LatenciesMs.Count / _seconds;

    /// <summary>Of all members together.</summary>
    public double CpuMicrosPerRequest => _cpuSeconds * 1e6 / Math.Max(1, LatenciesMs.Count);

    public void Add(LoadResult load, double cpuSeconds)
    {
        LatenciesMs.AddRange(load.LatenciesMs);
        _seconds += load.Seconds;
        _cpuSeconds += cpuSeconds;
        Errors += load.Errors;
        if (load.Trouble.Length > 0) Trouble = load.Trouble;
    }
}

/// <summary>Plays <see cref="RequestKind"/>s.</summary>
internal static class RequestRounds
{
    /// <param name="groups">Ours first.</param>
    public static async Task<Figure> MeasureAsync(
        RequestKind kind, IReadOnlyList<IKvGroup> groups, int rounds, TimeSpan length, Action<string> say, CancellationToken cancel)
    {
        var measured = groups.Select(g => new Measured(g.Name)).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            for (var turn = 0; turn < groups.Count; turn++)
            {
                cancel.ThrowIfCancellationRequested();
                var at = round % 2 == 0 ? turn : groups.Count - 1 - turn;
                var group = groups[at];

                // Asked anew each time: on a busy machine leadership can move meanwhile, and the figure must say the truth.
                var leader = await group.LeaderAsync(cancel);
                var member = kind.AtLeader ? leader : (leader + 1) % group.Size;
                if (kind.Question(group, member) is not { } question) continue;
                var cpu = ProcessCost.CpuSeconds(group);
                var load = HttpLoad.Run(group.Address(member), question, kind.Clients, length, cancel);
                measured[at].Add(load, ProcessCost.CpuSeconds(group) - cpu);
                if (load.LatenciesMs.Count == 0) throw new HarnessException($"{group.Name}: {kind.What}: nothing was answered ({load.Trouble}); its log ends: {group.LogTail(member)}");
            }
        }

        foreach (var one in measured.Where(m => m.LatenciesMs.Count > 0)) say(Line(kind, one));
        return FigureOf(kind, measured[0], measured.Length > 1 && measured[1].LatenciesMs.Count > 0 ? measured[1] : null);
    }

    private static string Title(RequestKind kind) =>
        $"{kind.What} at {(kind.AtLeader ? "the leader" : "a follower")}, {kind.Clients} client{(kind.Clients > 1 ? "s" : "")}";

    private static string Line(RequestKind kind, Measured one) => string.Create(CultureInfo.InvariantCulture,
        $"consensus: {Title(kind)}: {one.Group}: p50 {one.Spread.Median:0.00} ms, p99 {one.Spread.P99:0.00} ms, {one.PerSecond:0}/s, {one.CpuMicrosPerRequest:0} µs CPU each{Errors(one)}");

    private static string Errors(Measured one) => one.Errors > 0 ? $", {one.Errors} refused ({one.Trouble})" : "";

    private static Figure FigureOf(RequestKind kind, Measured ours, Measured? other)
    {
        var spread = ours.Spread;
        return new("consensus", Title(kind) + Errors(ours), "ms", spread)
        {
            PerSecond = ours.PerSecond,
            Goal = kind.GoalText,
            ReachesGoal = kind.Goal?.Invoke(ours, other),
            CpuMicrosPerRequest = ours.CpuMicrosPerRequest,
            Other = other is null ? null : new(other.Group, other.Spread) { PerSecond = other.PerSecond, CpuMicrosPerRequest = other.CpuMicrosPerRequest },
            Beside = other is null
                ? string.Create(CultureInfo.InvariantCulture, $"{ours.CpuMicrosPerRequest:0} µs CPU each")
                : string.Create(CultureInfo.InvariantCulture,
                    $"{other.Group}{kind.Counterpart}: p50 {other.Spread.Median:0.00}, p99 {other.Spread.P99:0.00} ms, {other.PerSecond:0}/s{Errors(other)}; theirs / ours: p50 {other.Spread.Median / spread.Median:0.00}, p99 {other.Spread.P99 / spread.P99:0.00}, per s {other.PerSecond / ours.PerSecond:0.00}; CPU each: ours {ours.CpuMicrosPerRequest:0}, theirs {other.CpuMicrosPerRequest:0} µs"),
        };
    }
}
