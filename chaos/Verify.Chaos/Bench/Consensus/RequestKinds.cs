namespace Verify.Chaos.Bench.Consensus;

/// <summary>Which requests the bench measures, and what was promised for them.</summary>
internal static class RequestKinds
{
    private const double GoalWriteP99Ms = 10, GoalWritesPerSecond = 15_000, GoalLeaseP99Ms = 2, GoalStaleP99Ms = 1;
    private const string Key = "bench-0";
    private static readonly int[] WriteClients = [1, 8, 64, 256];
    private static readonly int[] ReadClients = [1, 8];

    public static IReadOnlyList<RequestKind> All(string value)
    {
        var kinds = WriteClients.Select(clients => Write(value, clients)).ToList();
        kinds.Add(Write(value, 8) with { AtLeader = false, Goal = null, GoalText = "" });
        foreach (var clients in ReadClients)
        {
            kinds.Add(new("KV read, linearizable", AtLeader: true, clients) { Question = (g, m) => Same(g.ReadConsistent(m, Key)) });
            kinds.Add(new("KV read, lease", AtLeader: true, clients)
            {
                Question = (g, m) => Same(g.ReadLease(m, Key) ?? g.ReadConsistent(m, Key)), Counterpart = " (linearizable; it has no lease read)",
                GoalText = $"p99 < {GoalLeaseP99Ms} ms", Goal = (ours, _) => ours.Spread.P99 < GoalLeaseP99Ms,
            });
            kinds.Add(new("KV read, stale", AtLeader: true, clients) { Question = (g, m) => Same(g.ReadStale(m, Key)), Counterpart = " (serializable)" });
            kinds.Add(new("KV read, stale", AtLeader: false, clients)
            {
                Question = (g, m) => Same(g.ReadStale(m, Key)), Counterpart = " (serializable)",
                GoalText = $"p99 < {GoalStaleP99Ms} ms", Goal = (ours, _) => ours.Spread.P99 < GoalStaleP99Ms,
            });
        }

        kinds.Add(new("KV read, linearizable", AtLeader: false, 1) { Question = (g, m) => Same(g.ReadConsistent(m, Key)) });
        return kinds;
    }

    public static RequestKind Write(string value, int clients) => new("KV write 64 B, synced,", AtLeader: true, clients)
    {
        Question = (group, member) => client => group.Put(member, $"bench-{client}", value),
        GoalText = clients == 256 ? $">= {GoalWritesPerSecond:0}/s" : $"p50 <= etcd's, p99 < {GoalWriteP99Ms} ms",
        Goal = clients == 256
            ? (ours, _) => ours.PerSecond >= GoalWritesPerSecond
            : (ours, other) => ours.Spread.P99 < GoalWriteP99Ms && (other is null || ours.Spread.Median <= other.Spread.Median),
    };

    private static Func<int, byte[]> Same(byte[] request) => _ => request;
}
