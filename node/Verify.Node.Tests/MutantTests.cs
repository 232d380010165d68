#if VERIFY_MUTANTS
using Verify.Node.Api;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests;

/// <summary>The planted bugs of the node do what they should: the harness measures itself by finding them.</summary>
[NonParallelizable]
public sealed class MutantTests
{
    [TearDown]
    public void Disarm() => Mutant.Armed = null;

    [Test]
    public void M03_forgets_its_vote_at_a_restart()
    {
        var cluster = FakeCluster.Settled(3);
        var voter = cluster.Names.First(n => cluster.Raft(n).VotedFor is not null);
        cluster.Kill(voter);
        Mutant.Armed = "M03";
        cluster.Start(voter);
        Assert.That((cluster.Raft(voter).VotedFor, Mutant.Hits), Is.EqualTo(((NodeId?)null, 1L)));
    }

    [Test]
    public void M23_applies_a_retried_write_twice()
    {
        Mutant.Armed = "M23";
        var cluster = FakeCluster.Settled(1);
        var first = cluster.Put("a", "k", "v", new RequestId("s", 1));
        Assert.That(cluster.Put("a", "k", "v", new RequestId("s", 1)), Is.Not.EqualTo(first));
        Assert.That(Mutant.Hits, Is.EqualTo(1));
    }

    [Test]
    public void M26_acknowledges_what_a_full_disk_did_not_take()
    {
        Mutant.Armed = "M26";
        var cluster = FakeCluster.Settled(1);
        cluster.Put("a", "k", "old");
        cluster.Disk("a").CapacityBytes = cluster.Disk("a").UsedBytes + 5;
        Assert.That(cluster.Put("a", "k", "new"), Is.InstanceOf<ApiReply.Done>());
        cluster.Kill("a");
        cluster.Disk("a").CapacityBytes = long.MaxValue;
        cluster.Start("a");
        cluster.WaitForLeader();
        Assert.That((cluster.Get("a", "k"), Mutant.Hits), Is.EqualTo(("old", 1L)));
    }
}
#endif
