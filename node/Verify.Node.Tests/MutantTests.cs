#if VERIFY_MUTANTS
using Verify.Node.Api;
using Verify.Node.Consensus;
using Verify.Node.Tests.Consensus;
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

    [Test]
    public void M04_forgets_a_vote_that_it_has_acknowledged()
    {
        var disk = new FakeDisk();
        using var data = Storage.Filled(disk, 0);
        Mutant.Armed = "M04";
        Storage.Do(data.HardState.WriteAsync(new(new(12), new NodeId("n3"))));
        Assert.That(Mutant.Hits, Is.EqualTo(1));
        Mutant.Armed = null;
        Assert.That(Storage.Open(disk.AfterPowerLoss()).HardState.State.Term.Value, Is.EqualTo(9));
    }

    [Test]
    public void M05_forgets_the_vote_of_a_term_that_it_remembers()
    {
        var disk = new FakeDisk();
        using var data = Storage.Filled(disk, 0);
        Mutant.Armed = "M05";
        Storage.Do(data.HardState.WriteAsync(new(new(12), new NodeId("n3"))));
        Assert.That(Mutant.Hits, Is.EqualTo(1));
        Mutant.Armed = null;
        Assert.That(Storage.Open(disk.AfterPowerLoss()).HardState.State, Is.EqualTo(new HardState(new(12), VotedFor: null)));
    }

    [Test]
    public void M22_restores_a_state_that_lacks_the_last_entry_it_claims()
    {
        Mutant.Armed = "M22";
        var store = Storage.Snapshots(new FakeDisk());
        Storage.Snapshot(store, 12);
        Assert.That((Storage.Restore(store).StateHash() == Storage.StateAt(12).StateHash(), Mutant.Hits), Is.EqualTo((false, 1L)));
    }

    [Test]
    public void M24_takes_a_damaged_last_record_for_good()
    {
        var disk = new FakeDisk();
        Storage.Filled(disk, 2).Dispose();
        var name = disk.Segments()[^1];
        Mutant.Armed = "M24";
        using var data = Storage.Open(disk.With(name, Storage.Flip(disk.Read(name), disk.Read(name).Length - 1)));
        Assert.That((data.Log.Last, Storage.Same(data.Entries[1], Storage.Entry(2)), Mutant.Hits), Is.EqualTo((Storage.Id(2), false, 1L)));
    }

    [Test]
    public void M25_cuts_off_what_follows_rot_in_the_middle()
    {
        var disk = new FakeDisk();
        Storage.Filled(disk, 9).Dispose();
        var name = disk.Segments()[0];
        Mutant.Armed = "M25";
        using var data = Storage.Open(disk.With(name, Storage.Flip(disk.Read(name), 1030)));
        Assert.That((data.Log.Entries, data.Lost, Mutant.Hits), Is.EqualTo((0L, (LostEntries?)null, 1L)));
    }

    [Test]
    public void M28_acknowledges_after_a_sync_that_failed()
    {
        var disk = new FakeDisk();
        using var data = Storage.Filled(disk, 2);
        Mutant.Armed = "M28";
        disk.NextSyncFails = true;
        Storage.Append(data, 3, 3);
        Assert.That((data.Log.Last, Storage.Open(disk.AfterPowerLoss()).Log.Last, Mutant.Hits), Is.EqualTo((Storage.Id(3), Storage.Id(2), 1L)));
    }

    [Test]
    public void M32_makes_snapshots_without_sessions_and_membership()
    {
        Mutant.Armed = "M32";
        var store = Storage.Snapshots(new FakeDisk());
        var made = Storage.Snapshot(store, 12);
        Assert.That((made.Mark.Membership, Storage.Restore(store).Sessions.Count, Mutant.Hits), Is.EqualTo((Membership.None, 0, 1L)));
    }

    [Test]
    public void M33_can_crash_with_neither_log_nor_snapshot()
    {
        var leader = Storage.Snapshots(new FakeDisk());
        var sent = Storage.Snapshot(leader, 30);
        var disk = new FakeDisk();
        using var data = Storage.Filled(disk, 3);
        Storage.Do(data.Snapshots.StoreAsync(Storage.Piece(sent, Storage.Stream(leader, Storage.Id(30)), 0, 1 << 20)));
        Storage.Do(data.Snapshots.FinishAsync(sent.Id));
        Mutant.Armed = "M33";
        disk.OperationsUntilPowerLoss = 2;
        Assert.Throws<PowerLostException>(() => Storage.Do(data.InstallAsync(Storage.Mark(30))));
        using var again = Storage.Open(disk.AfterPowerLoss());
        Assert.That((again.Log.Entries, again.Snapshots.Newest, again.Lost), Is.EqualTo((0L, (SnapshotFile?)null, (LostEntries?)null)));
    }
}
#endif
