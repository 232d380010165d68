using Verify.Chaos.Live;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>Three verify-node processes.</summary>
internal sealed class VerifyGroup : IKvGroup
{
    /// <summary>As etcd runs here: neither goes before the other or before the load generator.</summary>
    private static (string, string) OrdinaryPriority => ("VERIFY_PROCESS_PRIORITY", "normal");

    /// <summary>The node's switch that makes its syncs empty; the node says so loudly in its log.</summary>
    private static readonly (string, string)[] WithoutSync = [("VERIFY_TEST_ONLY_NO_SYNC", "1"), OrdinaryPriority];
    private readonly LiveCluster _cluster;

    private VerifyGroup(LiveCluster cluster, string name) => (_cluster, Name) = (cluster, name);

    public string Name { get; }
    public int Size => _cluster.Nodes.Count;
    public string Directory => _cluster.Directory;

    public static async Task<VerifyGroup> StartAsync(bool syncs, Action<string> say) =>
        new(await LiveCluster.StartAsync(3, say, syncs ? [OrdinaryPriority] : WithoutSync), syncs ? "verify-node" : "verify-node without sync");

    public Uri Address(int member) => _cluster.Nodes[member].Http;
    public int Pid(int member) => _cluster.Nodes[member] is { IsRunning: true } node ? node.Pid : 0;
    public byte[] Put(int member, string key, string value) => HttpWire.Put(Address(member), $"/kv/{key}", $$"""{"value":"{{value}}"}""");
    public byte[] ReadConsistent(int member, string key) => HttpWire.Get(Address(member), $"/kv/{key}");
    public byte[]? ReadLease(int member, string key) => HttpWire.Get(Address(member), $"/kv/{key}?lease=true");
    public byte[] ReadStale(int member, string key) => HttpWire.Get(Address(member), $"/kv/{key}?consistent=false");
    public long WrittenAt(HttpWire answered) => answered.Number("\"modify_index\""u8);
    public long AppliedUpTo(HttpWire answered) => answered.Number("\"applied_index\""u8);

    public async Task<int> LeaderAsync(CancellationToken cancel)
    {
        var leader = await _cluster.WholeAsync(cancel);
        return _cluster.Nodes.ToList().IndexOf(leader);
    }

    /// <summary>Answered with 200 by a node that holds the leader lease and has applied an entry of its own term: it takes writes.</summary>
    public byte[] LeaderQuestion(int member) => HttpWire.Get(Address(member), "/api/leader-check");

    public bool SaysItLeads(int status, HttpWire answered) => status == 200;
    public Task KillAsync(int member) => _cluster.Nodes[member].KillAsync();
    public Task StartAsync(int member) => _cluster.StartAsync(_cluster.Nodes[member]);

    public byte[] TransferQuestion(int leader, int heir) =>
        HttpWire.Post(Address(leader), "/cluster/transfer", $$"""{"to":"{{_cluster.RaftName(_cluster.Nodes[heir])}}"}""");

    public string LogTail(int member) => _cluster.Nodes[member].LogTail();
    public ValueTask DisposeAsync() => _cluster.DisposeAsync();
}
