using System.Collections.Immutable;
using System.Diagnostics;
using Verify.MySql;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Topology;
using Verify.Sim.Hosts;
using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests.Nodes;

/// <summary>What a large fleet costs one node: simulated servers on the wire, real protocol, one probe a second for each. Figures are printed; what is
/// asserted is generous, because the machine may be busy. The processor time is that of the node's process as if it had the whole core: the
/// same world with and without the node, subtracted.</summary>
[TestFixture]
public sealed class ThousandServersTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Measured = TimeSpan.FromSeconds(10);

    [Test]
    public void A_thousand_servers_at_one_probe_a_second_have_their_cost_printed()
    {
        var idle = WorldThread.Run(() => Play(servers: 1000, largest: 300, withNode: false));
        var busy = WorldThread.Run(() => Play(servers: 1000, largest: 300, withNode: true));
        var share = (busy.Wall - idle.Wall) / Measured;
        TestContext.Out.WriteLine($"1,000 servers, one probe a second: {share:P1} of a core and {(busy.Bytes - idle.Bytes) / 1e6:0.0} MB for the node ({busy.Wall.TotalSeconds:0.00} s with it, {idle.Wall.TotalSeconds:0.00} s without it, for {Measured.TotalSeconds:0} simulated seconds)");
        foreach (var (what, times) in busy.Analysis) TestContext.Out.WriteLine($"replication-analysis, {what}: median {times[times.Length / 2]:0.000} ms, p99 {times[times.Length * 99 / 100]:0.000} ms, max {times[^1]:0.000} ms of {times.Length}");
        Assert.That(busy.Reached, Is.EqualTo(1000));
        Assert.That(share, Is.LessThan(1), "one core must do");
    }

    [Test]
    public void The_analysis_of_three_servers_has_its_time_printed()
    {
        var played = WorldThread.Run(() => Play(servers: 3, largest: 3, withNode: true));
        foreach (var (what, times) in played.Analysis) TestContext.Out.WriteLine($"replication-analysis, {what}: median {times[times.Length / 2]:0.000} ms, p99 {times[times.Length * 99 / 100]:0.000} ms, max {times[^1]:0.000} ms of {times.Length}");
        Assert.That(played.Reached, Is.EqualTo(3));
    }

    [Test]
    public void The_analysis_of_a_cluster_of_three_hundred_servers_has_its_time_printed()
    {
        var played = WorldThread.Run(() => Play(servers: 300, largest: 300, withNode: true));
        foreach (var (what, times) in played.Analysis) TestContext.Out.WriteLine($"replication-analysis, {what}: median {times[times.Length / 2]:0.000} ms, p99 {times[times.Length * 99 / 100]:0.000} ms, max {times[^1]:0.000} ms of {times.Length}");
        Assert.That(played.Reached, Is.EqualTo(300));
    }

    private sealed record Played(TimeSpan Wall, long Bytes, int Reached, IReadOnlyList<(string What, double[] Ms)> Analysis);

    private static Played Play(int servers, int largest, bool withNode)
    {
        using var world = SimWorld.FromSeed(1, Exact);
        Played? played = null;
        world.Run(
            async () =>
            {
                var fleet = new MySqlFleet(world);
                var clusters = ImmutableArray.CreateBuilder<ClusterSpec>();
                for (var first = 0; first < servers;)
                {
                    var size = Math.Min(first == 0 ? largest : 4, servers - first);
                    string[] names = [.. Enumerable.Range(first, size).Select(n => $"db{n:0000}")];
                    foreach (var name in names) fleet.Add(name, "dc1");
                    foreach (var name in names.Skip(1)) await fleet.FollowAsync(name, names[0]);
                    clusters.Add(new($"c{first:0000}", [.. names.Select(n => new Instance(new InstanceKey(n, MySqlFleet.Port), "dc1"))]) { IsManaged = false });
                    first += size;
                }

                var before = GC.GetTotalMemory(forceFullCollection: true);
                NodeFleet? nodes = null;
                if (withNode)
                {
                    nodes = new NodeFleet(world, 1, c => MySqlFleet.Configure(c) with
                    {
                        Clusters = clusters.ToImmutable(),
                        Discovery = new() { DetailsInterval = TimeSpan.FromSeconds(5) },
                        Timing = c.Timing with { ProbeInterval = TimeSpan.FromSeconds(1), ReportInterval = TimeSpan.FromSeconds(1), ObservationAgeMax = TimeSpan.FromSeconds(4) },
                    });
                    await nodes.LeaderAsync();
                }

                await Task.Delay(TimeSpan.FromSeconds(5), world.WorldTime);
                var began = Stopwatch.GetTimestamp();
                await Task.Delay(Measured, world.WorldTime);
                var wall = Stopwatch.GetElapsedTime(began);
                var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
                played = new(wall, bytes, nodes is null ? 0 : await ReachedAsync(nodes), nodes is null ? [] : Analyses(nodes, servers));
            },
            Limit);
        return played!;
    }

    private static async Task<int> ReachedAsync(NodeFleet nodes) => await nodes.Leader!.AskAsync(new ApiRequest.Clusters()) is ApiReply.ClusterList(var clusters)
        ? clusters.Sum(c => c.Instances.Count(i => i.LastProbeOk && i.Details is not null)) : 0;

    /// <summary>From the question on the loop to the answer, from memory.</summary>
    private static List<(string, double[])> Analyses(NodeFleet nodes, int servers)
    {
        var core = nodes.Leader!.RunningNode()!.Core;
        double Ask()
        {
            var began = Stopwatch.GetTimestamp();
            var answered = 0;
            core.Api.Ask(new(new LeaderRequest.Client(new ApiRequest.TopologyAnalysis()), wasForwarded: false, core.Pulse.Now + TimeSpan.FromSeconds(3), reply =>
                answered = ((ApiReply.Topology)((LeaderReply.Client)reply).Reply).Entries.Count));
            var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            Assert.That(answered, Is.GreaterThan(0));
            return took;
        }

        for (var warm = 0; warm < 300; warm++) Ask();
        return [($"{servers} servers", [.. Enumerable.Range(0, 1000).Select(_ => Ask()).Order()])];
    }
}
