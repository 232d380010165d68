using System.Text;
using Verify.Node.Api;
using Verify.Node.Peers;
using Verify.Node.State.Access;
using Verify.Node.State.Fleet;
using Verify.Node.State.Kv;
using Verify.Node.State.Locks;
using Verify.Node.State.Policy;
using Verify.Node.Tests.Fakes;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Loop;

/// <summary>Groups in which one node still runs the program of the release before (version 2 of the protocol between nodes), which stops at kinds of
/// log entries that it does not know.</summary>
public sealed class MixedVersionTests
{
    /// <summary>One of each kind of entry that the release before does not know and a client can ask for.</summary>
    private static readonly ApiRequest[] News =
    [
        new ApiRequest.KvDo([new KvOp.Put("new", Encoding.UTF8.GetBytes("v"), 0, null, TtlMs: 60_000)], null),
        new ApiRequest.SessionDo(new SessionCommand.Create("session", "", "a", TtlMs: 20_000, SessionBehaviour.Release, LockDelayMs: 0)),
        new ApiRequest.ThrottleApp("app", "", TimeSpan.FromMinutes(1), null),
        new ApiRequest.RegisterService(new() { Id = "web-1", Name = "web", Node = "a" }, null, null),
        new ApiRequest.FleetChange(new FleetCommand.Seed(new("db9", 3306))),
        new ApiRequest.ChangePolicy(new PolicyCommand.SetRecoveries(On: false, "me", default)),
        new ApiRequest.ChangeAccess(new AccessCommand.PutPolicy(new("readers", "", []))),
    ];

    [Test]
    public void A_node_of_the_release_before_gets_no_entry_that_it_does_not_know_until_it_is_upgraded()
    {
        var cluster = MixedLedByA();
        foreach (var name in cluster.Names) Assert.That(cluster.Put(name, $"k-{name}", "v"), Is.InstanceOf<ApiReply.Done>(), name);
        foreach (var request in News)
        {
            foreach (var asked in new[] { "a", "c" })
            {
                var reply = cluster.Ask(asked, request);
                Assert.That(reply, Is.InstanceOf<ApiReply.Refused>(), $"{request} at {asked}");
                Assert.That($"{reply}", Does.Contain("b speaks only version 2").And.Contain("needs version 3").And.Contain("upgrade all nodes first"), $"{request} at {asked}");
            }
        }

        cluster.World.RunFor(TimeSpan.FromSeconds(5));
        foreach (var name in cluster.Names) Assert.That(cluster.Node(name).Core.State.NeedsVersion3, Is.False, name);
        foreach (var name in cluster.Names) Assert.That(cluster.Get(name, "k-b"), Is.EqualTo("v"), name);
        Assert.That(cluster.Ask("a", new ApiRequest.ImportKv([new("batch", Encoding.UTF8.GetBytes("v"), 0, null)], null)), Is.InstanceOf<ApiReply.Done>(), "what version 2 knows goes on");
        WaitForEqualStates(cluster);
        Upgrade(cluster, "b");
        foreach (var request in News)
            foreach (var asked in cluster.Names)
            {
                var reply = cluster.Ask(asked, request);
                Assert.That(reply, Is.Not.InstanceOf<ApiReply.Refused>().And.Not.InstanceOf<ApiReply.NoLeader>(), $"{request} at {asked}: {reply}");
            }

        WaitForEqualStates(cluster);
        Assert.That(cluster.Node("b").Core.State.NeedsVersion3, Is.True);
    }

    [Test]
    public void While_the_old_node_leads_the_new_requests_of_the_others_are_refused_and_say_who_is_to_be_upgraded()
    {
        var cluster = Mixed();
        Lead(cluster, "b");
        foreach (var request in News)
        {
            var reply = cluster.Ask("a", request);
            Assert.That($"{reply}", Does.Contain("the leader b speaks only version 2").And.Contain("upgrade it"), $"{request}");
        }

        foreach (var name in cluster.Names) Assert.That(cluster.Put(name, $"k-{name}", "v"), Is.InstanceOf<ApiReply.Done>(), name);
    }

    /// <summary>When the leader does not know of it, because it was down when all the others started, what it does not know is not sent to it.</summary>
    [Test]
    public void An_old_node_that_comes_back_late_is_left_behind_and_does_not_stop_and_catches_up_when_it_is_upgraded()
    {
        var cluster = Mixed();
        foreach (var name in cluster.Names) cluster.Kill(name);
        cluster.Start("a");
        cluster.Start("c");
        var leader = cluster.WaitForLeader();
        Assert.That(cluster.Ask(leader, News[1]), Is.Not.InstanceOf<ApiReply.Refused>(), "a node that is not there is not waited for");
        cluster.Start("b");
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        Assert.That(cluster.Host("b").Halted, Is.Null);
        Assert.That(cluster.Node("b").Core.State.NeedsVersion3, Is.False, "what it does not know was not sent to it");
        Assert.That(cluster.Log(leader), Has.Some.Contains("b runs an old version of the program"));
        Assert.That(cluster.Ask(leader, News[2]), Is.Not.InstanceOf<ApiReply.Refused>(), "it could not read the state any more in any case");
        Assert.That(cluster.Put(leader, "k", "v"), Is.InstanceOf<ApiReply.Done>());
        Assert.That(cluster.Log(leader).Count(line => line.Contains("b runs an old version", StringComparison.Ordinal)), Is.EqualTo(1), "said once a minute");
        Upgrade(cluster, "b");
        WaitForEqualStates(cluster);
    }

    [Test]
    public void The_second_half_of_reports_is_not_sent_to_a_node_that_would_complain_of_it()
    {
        var cluster = Mixed();
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        foreach (var name in cluster.Names) Assert.That(cluster.Log(name), Has.None.Contains("is not readable"), name);
        Assert.That(PeerCodec.VersionOf(new PeerFrame.Report(new PeerExtras([]).Encode())), Is.EqualTo(3));
        Assert.That(cluster.Node("a").Core.Mesh.VersionOf(new("b")), Is.EqualTo(2));
    }

    private static FakeCluster Mixed()
    {
        var cluster = FakeCluster.Settled(3, c => c.Self.Name is "b" ? c with { WireVersionMax = 2 } : c);
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        return cluster;
    }

    private static FakeCluster MixedLedByA()
    {
        var cluster = Mixed();
        Lead(cluster, "a");
        return cluster;
    }

    private static void Lead(FakeCluster cluster, string name)
    {
        var leader = cluster.WaitForLeader();
        if (leader != name) cluster.Ask(leader, new ApiRequest.TransferLeadership(new(name)));
        Assert.That(cluster.WaitForLeader(), Is.EqualTo(name));
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
    }

    private static void Upgrade(FakeCluster cluster, string name)
    {
        cluster.Stop(name);
        cluster.Configure(name, c => c with { WireVersionMax = 3 });
        cluster.Start(name);
        cluster.WaitForLeader();
        cluster.World.RunFor(TimeSpan.FromSeconds(2));
    }

    private static void WaitForEqualStates(FakeCluster cluster) => cluster.World.RunUntil(
        () => cluster.Running.Select(n => cluster.Node(n).StateHash).Distinct().Count() == 1, TimeSpan.FromSeconds(5), "equal states");
}
