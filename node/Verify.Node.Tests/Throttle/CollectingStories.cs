using Verify.MySql;
using Verify.Node.Tests.Recovery;
using Verify.Node.Throttle;

namespace Verify.Node.Tests.Throttle;

/// <summary>How often replicas are asked for their lag and by whom, counted at the servers of the failover stories' bed.</summary>
public sealed class CollectingStories
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan While = TimeSpan.FromSeconds(10);

    [Test]
    public void The_leader_asks_each_replica_twenty_times_a_second_and_the_others_with_their_probes()
    {
        var bed = Bed();
        var probes = (int)(While / bed.Nodes[0].Config.Timing.ProbeInterval);
        var from = bed.Sent.Count;
        bed.RunFor(While);
        var sent = bed.Sent.Skip(from).ToArray();
        int Asked(string node, int server) => sent.Count(s => s.Node == node && s.Server == HaBed.Key(server) && s.Statement is Statement.ReadReplicaStatus);
        foreach (var server in new[] { 2, 3 })
        {
            Assert.That(Asked("north", server), Is.InRange(190, 205), $"the leader asks db{server} each 50 ms; the probe's own answer is one of them");
            Assert.That((Asked("east", server), Asked("west", server)), Is.EqualTo((probes, probes)), $"followers ask db{server} with their probes only");
        }

        Assert.That(sent.Count(s => s.Statement is Statement.ReadFacts && s.Node == "north" && s.Server == HaBed.Key(2)), Is.EqualTo(probes), "no probe is late or left out for it");
    }

    [Test]
    public void Who_leads_next_takes_the_pace_over_and_who_led_lets_it_go()
    {
        var bed = Bed();
        bed.Elect("west");
        bed.RunFor(TimeSpan.FromSeconds(1));
        var from = bed.Sent.Count;
        bed.RunFor(While);
        int Asked(string node) => bed.Sent.Skip(from).Count(s => s.Node == node && s.Server == HaBed.Key(2) && s.Statement is Statement.ReadReplicaStatus);
        Assert.That(Asked("west"), Is.InRange(190, 205));
        Assert.That(Asked("north"), Is.EqualTo((int)(While / bed.Nodes[0].Config.Timing.ProbeInterval)));
    }

    /// <summary>freno's CacheMillis.</summary>
    [Test]
    public void A_store_whose_samples_are_kept_for_a_while_has_its_replicas_asked_so_much_less()
    {
        var bed = Bed(new ThrottledCluster("main") { CacheFor = TimeSpan.FromMilliseconds(125) });
        var probes = (int)(While / bed.Nodes[0].Config.Timing.ProbeInterval);
        var from = bed.Sent.Count;
        bed.RunFor(While);
        int Asked(string node) => bed.Sent.Skip(from).Count(s => s.Node == node && s.Server == HaBed.Key(2) && s.Statement is Statement.ReadReplicaStatus);
        Assert.That(Asked("north"), Is.InRange(75, 85), "eight times a second");
        Assert.That(Asked("east"), Is.EqualTo(probes), "a probe reads what it needs itself");
    }

    private static HaBed Bed(params ThrottledCluster[] clusters)
    {
        var bed = new HaBed(config => config with { Throttle = config.Throttle with { CollectInterval = Pace, Clusters = [.. clusters] } });
        foreach (var node in bed.Nodes) node.Throttles();
        bed.Started();
        bed.RunFor(TimeSpan.FromSeconds(2));
        return bed;
    }
}
