using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Tests.Fakes;
using Verify.Node.Throttle;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Throttle;

/// <summary>freno's IgnoreDialTcpErrors: a host to which no connection can be made counts for nothing; one that was reached and does not answer does.
/// Through the prober, for servers of the node's own clusters, and through the collector of all others.</summary>
public sealed class DialErrorTests
{
    private static readonly InstanceKey Gone = new("db2", 3306);
    private static readonly InstanceKey Well = new("db3", 3306);

    /// <summary>Until November 2026 the prober knew one dial error, "connection refused": 1. The host of db2 loses its power. 2. Nothing refuses the
    /// node's dials any more, they end by themselves. 3. Every check is refused although the configuration says to leave such hosts out.</summary>
    [Test]
    public void A_replica_whose_host_lost_its_power_is_left_out([Values] bool isOwn)
    {
        var cluster = Started(isOwn);
        foreach (var name in cluster.Names) cluster.Network.CutBoth(name, Gone.Host);
        Assert.That(Check(cluster).Status, Is.EqualTo(200), $"{Check(cluster)}");
    }

    [Test]
    public void A_replica_whose_process_is_gone_is_left_out([Values] bool isOwn) =>
        Assert.That(Check(Started(isOwn)).Status, Is.EqualTo(200));

    [Test]
    public void A_replica_that_takes_connections_and_says_nothing_counts([Values] bool isOwn)
    {
        var cluster = Started(isOwn);
        cluster.Network.Of(new FakeHost(cluster.World), Gone.Host).Listen(Gone.Endpoint);
        var answer = Check(cluster);
        Assert.That((answer.Status, answer.Reason), Is.EqualTo((429, CheckReason.ReplicaDown)), answer.Message);
        Assert.That(answer.Message, Does.StartWith("db2:3306: it does not answer"));
    }

    [Test]
    public void A_replica_that_ends_each_session_counts([Values] bool isOwn)
    {
        var cluster = Started(isOwn);
        cluster.Network.Of(new FakeHost(cluster.World), Gone.Host).Listen(Gone.Endpoint);
        foreach (var name in cluster.Names) cluster.Network.CloseNext(name, Gone.Host, 1_000);
        var answer = Check(cluster);
        Assert.That((answer.Status, answer.Reason), Is.EqualTo((429, CheckReason.ReplicaDown)), answer.Message);
    }

    private static FakeCluster Started(bool isOwn)
    {
        var store = new ThrottledCluster("main") { IgnoreDialTcpErrors = true, Login = new MySqlLogin("freno", "p"), Hosts = isOwn ? new HostSource.Own() : new HostSource.Static([Gone, Well]) };
        ImmutableArray<ClusterSpec> clusters = isOwn ? [new("main", [new(Gone, "dc-a"), new(Well, "dc-a")]) { IsManaged = false }] : [];
        return FakeCluster.Settled(3, c => c with { Clusters = clusters, TopologyLogin = new("verify", "v"), Throttle = new() { Clusters = [store] } });
    }

    /// <summary>After what was seen of the host before is too old, and with a new sample of the other one, which is well.</summary>
    private static CheckAnswer Check(FakeCluster cluster)
    {
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        var leader = cluster.WaitForLeader();
        var core = cluster.Node(leader).Core;
        core.Throttle.Took(Well, new LagMetric.ReplicaStatus(), new(core.Pulse.Now, 0.1, "", CameBack: true));
        core.Throttle.Tick();
        return cluster.Node(leader).Check("gh-ost", "mysql", "main", default);
    }
}
