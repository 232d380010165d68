using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Verify.Chaos.Bench.Consensus;
using Verify.Chaos.Running;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Topology;
using Verify.Raft;
using Verify.Sim;
using Verify.Sim.Fleet;
using Verify.Sim.Hosts;

namespace Verify.Chaos.Bench;

/// <summary>What a large fleet costs one node: simulated servers, the real protocol on a simulated wire, one probe a second for each. The servers' own work and
/// the simulator's are in the CPU time; a world with the same servers and no node is subtracted. The analysis is asked of the node as any client asks.</summary>
internal sealed class FleetBench : IBench
{
    private const string Part = "fleet", DataCenter = "dc1";
    private const int PeerPort = 10008;
    private const int Questions = 1_000, WarmQuestions = 300;
    private const int LargestCluster = 300, OtherClusters = 4;
    private const double GoalAnalysisMs = 2;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10), Settling = TimeSpan.FromSeconds(5);

    public Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var figures = new List<Figure>();
        foreach (var servers in options.Quick ? new[] { 3, 300 } : [3, 300, 1_000])
        {
            cancel.ThrowIfCancellationRequested();
            var idle = WorldThread.Run(() => Play(servers, withNode: false, options));
            var busy = WorldThread.Run(() => Play(servers, withNode: true, options));
            if (busy.Reached != servers) throw new HarnessException($"the node reached {busy.Reached} of {servers} servers; what that costs is of no interest");
            var share = 100 * (busy.CpuSeconds - idle.CpuSeconds) / busy.Seconds;
            say(string.Create(CultureInfo.InvariantCulture, $"fleet: {servers} servers: {share:0.0} % of a core, {(busy.Bytes - idle.Bytes) / 1e6:0.0} MB"));
            figures.Add(new(Part, $"{servers} servers, one probe a second each: CPU of one core for the node and for what it asks of the servers", "%", Spread.Of([share])));
            figures.Add(new(Part, $"{servers} servers: live objects for the node and its connections", "MB", Spread.Of([(busy.Bytes - idle.Bytes) / 1e6])));
            var spread = Spread.Of(busy.AnalysisMs);
            figures.Add(new(Part, $"replication-analysis of {servers} servers, {Math.Min(servers, LargestCluster)} of them in one cluster, from question to answer", "ms", spread)
            {
                Goal = servers <= LargestCluster ? $"p99 < {GoalAnalysisMs:0}" : "", ReachesGoal = servers <= LargestCluster ? spread.P99 < GoalAnalysisMs : null,
            });
        }

        return Task.FromResult<IReadOnlyList<Figure>>(figures);
    }

    private sealed record Played(double Seconds, double CpuSeconds, long Bytes, int Reached, IReadOnlyCollection<double> AnalysisMs);

    private static Played Play(int servers, bool withNode, BenchOptions options)
    {
        using var world = SimWorld.FromSeed(1);
        Played? played = null;
        world.Run(async () => played = await PlayAsync(world, servers, withNode, options), Limit);
        return played!;
    }

    private static async Task<Played> PlayAsync(SimWorld world, int servers, bool withNode, BenchOptions options)
    {
        var clusters = await ServersAsync(world, servers);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var node = withNode ? await NodeAsync(world, clusters) : null;
        await Task.Delay(Settling, world.WorldTime);
        var (measured, cpu) = (options.Length(10, 3), ProcessCost.ThreadCpuSeconds());
        await Task.Delay(measured, world.WorldTime);
        cpu = ProcessCost.ThreadCpuSeconds() - cpu;
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        return new(measured.TotalSeconds, cpu, bytes, node is null ? 0 : await ReachedAsync(node), node is null ? [] : await AnalysesAsync(node));
    }

    /// <summary>One large cluster, and as many small ones as are needed for the rest.</summary>
    private static async Task<ImmutableArray<ClusterSpec>> ServersAsync(SimWorld world, int servers)
    {
        var clusters = ImmutableArray.CreateBuilder<ClusterSpec>();
        for (var first = 0; first < servers; first += clusters[^1].Instances.Length)
        {
            var size = Math.Min(first == 0 ? LargestCluster : OtherClusters, servers - first);
            clusters.Add(new($"c{first:0000}", [.. Enumerable.Range(first, size).Select(n => new Instance(new InstanceKey($"db{n:0000}", MySqlFleet.Port), DataCenter))]) { IsManaged = false });
        }

        var fleet = new MySqlFleet(world);
        foreach (var instance in clusters.SelectMany(c => c.Instances)) fleet.Add(instance.Key.Host, DataCenter);
        await Task.Delay(Settling, world.WorldTime);
        foreach (var cluster in clusters)
            foreach (var replica in cluster.Instances.Skip(1)) await fleet.FollowAsync(replica.Key.Host, cluster.Instances[0].Key.Host);
        return clusters.ToImmutable();
    }

    private static async Task<SimHost> NodeAsync(SimWorld world, ImmutableArray<ClusterSpec> clusters)
    {
        var self = new Member(new NodeId("n1"), new("n1", PeerPort), DataCenter);
        var config = new NodeConfig
        {
            Self = self.Id, DataCenter = self.DataCenter, PeerBind = self.Endpoint, Members = [self], TopologyLogin = MySqlFleet.Topology, ReplicationLogin = MySqlFleet.Replication, Clusters = clusters,
            Discovery = new() { DetailsInterval = TimeSpan.FromSeconds(5) },
            Timing = new() { ProbeInterval = TimeSpan.FromSeconds(1), ReportInterval = TimeSpan.FromSeconds(1), ObservationAgeMax = TimeSpan.FromSeconds(4) },
        };
        var host = world.AddHost(self.Id.Name, self.DataCenter, NodeProgram.Of(config));
        world.Start(host);
        while (host.RunningNode() is not { LeadsForSure: true }) await Task.Delay(TimeSpan.FromMilliseconds(5), world.WorldTime);
        return host;
    }

    private static async Task<int> ReachedAsync(SimHost node) =>
        await node.AskAsync(new ApiRequest.Clusters()) is ApiReply.ClusterList(var clusters) ? clusters.Sum(c => c.Instances.Count(i => i.LastProbeOk && i.Details is not null)) : 0;

    private static async Task<IReadOnlyCollection<double>> AnalysesAsync(SimHost node)
    {
        var times = new List<double>();
        for (var i = 0; i < WarmQuestions + Questions; i++)
        {
            var began = Stopwatch.GetTimestamp();
            if (await node.AskAsync(new ApiRequest.TopologyAnalysis()) is not ApiReply.Topology { Entries.Count: > 0 }) throw new HarnessException("the node has no analysis of its servers");
            if (i >= WarmQuestions) times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        return times;
    }
}
