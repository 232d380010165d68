using Verify.Node.State;
using Verify.Node.State.Fleet;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Recovery;

/// <summary>Servers come and go while the group runs.</summary>
internal sealed class FleetStories
{
    private static FleetCommand.Learn Found(string cluster, bool isManaged, params int[] servers) => new(
        [.. servers.Select(n => new FleetServer(HaBed.Key(n), cluster, n switch { 1 => "east", 2 => "north", _ => "west" }, "", ""))],
        [new(cluster, "", "", isManaged)]);

    [Test]
    public void A_cluster_that_was_found_is_looked_at_and_left_alone_until_it_is_managed()
    {
        var bed = new HaBed(c => c with { Clusters = [] });
        foreach (var node in bed.Nodes) node.Start();
        bed.Elect("north");
        bed.RunFor(TimeSpan.FromSeconds(1));
        bed.Submit(bed.Leader!, new Command.Fleet(Found("shop", isManaged: false, 1, 2, 3)), _ => { });
        bed.RunFor(TimeSpan.FromSeconds(5));
        Assert.That(bed.Nodes.All(n => n.Part.Clusters().Single() is { Primary: null, Instances.Count: 3 } c && c.Instances.All(i => i.LastProbeOk)), bed.Story());
        Assert.That(bed.HaCommands, Is.Empty, "nobody asked for more than to look");

        bed.Submit(bed.Leader!, new Command.Fleet(new FleetCommand.Manage("shop", IsManaged: true)), _ => { });
        bed.RunUntil(() => bed.Nodes.All(n => n.Ha.Cluster("shop") is { LastRenewal: > 0 }), TimeSpan.FromSeconds(5), "a lease on the primary that was found");
        bed.Server(HaBed.Key(1)).Die();
        bed.RunUntil(() => bed.Nodes.All(n => n.Ha.Primary("shop") is { } p && p != HaBed.Key(1)), TimeSpan.FromSeconds(15), "a failover");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void A_cluster_that_is_released_stays_open_and_nobody_guards_it()
    {
        var bed = new HaBed(c => c with { Clusters = [] });
        foreach (var node in bed.Nodes) node.Start();
        bed.Elect("north");
        bed.Submit(bed.Leader!, new Command.Fleet(Found("shop", isManaged: true, 1, 2, 3)), _ => { });
        bed.RunUntil(() => bed.Nodes.All(n => n.Ha.Cluster("shop") is { LastRenewal: > 0 }), TimeSpan.FromSeconds(5), "a lease");
        bed.Submit(bed.Leader!, new Command.Fleet(new FleetCommand.Manage("shop", IsManaged: false)), _ => { });
        bed.RunFor(TimeSpan.FromSeconds(1));
        bed.CutOff("east");
        bed.RunFor(TimeSpan.FromSeconds(10));
        Assert.That(bed.Server(HaBed.Key(1)).TakesWrites, bed.Story());
    }

    [Test]
    public void A_server_that_is_forgotten_is_asked_no_more()
    {
        var bed = new HaBed(c => c with { Clusters = [c.Clusters[0] with { Instances = c.Clusters[0].Instances.RemoveAt(2) }] }).Started();
        bed.Submit(bed.Leader!, new Command.Fleet(Found("main", isManaged: true, 3)), _ => { });
        bed.RunFor(TimeSpan.FromSeconds(2));
        Assert.That(bed.Leader!.Part.Clusters().Single().Instances, Has.Count.EqualTo(3));
        bed.Submit(bed.Leader!, new Command.Fleet(new FleetCommand.Forget(HaBed.Key(3), 0, default)), _ => { });
        bed.RunFor(TimeSpan.FromSeconds(1));
        var asked = bed.Sent.Count(s => s.Server == HaBed.Key(3));
        bed.RunFor(TimeSpan.FromSeconds(3));
        Assert.That(bed.Sent.Count(s => s.Server == HaBed.Key(3)), Is.EqualTo(asked), bed.Story());
        Assert.That(bed.Leader!.Part.Clusters().Single().Instances, Has.Count.EqualTo(2));
    }
}
