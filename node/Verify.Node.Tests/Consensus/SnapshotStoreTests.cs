using Verify.Node.Consensus;
using Verify.Node.Tests.Fakes;
using Verify.Node.Seam;
using Verify.Raft;
using static Verify.Node.Tests.Consensus.Storage;

namespace Verify.Node.Tests.Consensus;

/// <summary>Snapshots on a disk that forgets, rots and fills up; own ones and received ones.</summary>
public sealed class SnapshotStoreTests
{
    [Test]
    public void A_snapshot_is_restored_exactly_after_power_loss([Values] bool isSealed)
    {
        var disk = new FakeDisk();
        var made = Snapshot(Snapshots(disk, Keys(isSealed)), 60);
        var store = Snapshots(disk.AfterPowerLoss(), Keys(isSealed), seed: 2);
        Assert.That(store.Newest! with { Places = [] }, Is.EqualTo(made with { Places = [] }));
        Assert.That(Restore(store).StateHash(), Is.EqualTo(StateAt(60).StateHash()));
        Assert.That(disk.Read(made.Name).AsSpan().IndexOf("value 59"u8) < 0, Is.EqualTo(isSealed), "a sealed file shows nothing of its content");
    }

    [Test]
    public void Old_ones_are_kept_by_count()
    {
        var disk = new FakeDisk();
        var store = Snapshots(disk);
        foreach (var last in new[] { 10, 20, 30, 40 }) Snapshot(store, last);
        Assert.That(disk.AfterPowerLoss().List().Where(SnapshotCodec.IsSnapshotName), Is.EqualTo(new[] { SnapshotCodec.NameOf(Id(30)), SnapshotCodec.NameOf(Id(40)) }));
    }

    [Test]
    public void Every_damaged_byte_is_found_and_named_and_the_older_one_is_used([Values] bool isSealed)
    {
        var disk = new FakeDisk();
        var store = Snapshots(disk, Keys(isSealed));
        Snapshot(store, 5);
        var newest = Snapshot(store, 12);
        var whole = disk.Read(newest.Name);
        for (var at = 0; at < whole.Length; at++)
        {
            if (at is >= 8 and < 12) continue; // The version: that file looks newer.
            var damaged = Snapshots(disk.With(newest.Name, Flip(whole, at)), Keys(isSealed));
            Assert.That(damaged.Newest?.Mark.Last, Is.EqualTo(Id(5)), $"byte {at}");
            Assert.That(damaged.Damage.Single(), Does.StartWith($"{newest.Name}, offset "), $"byte {at}");
            var offset = int.Parse(damaged.Damage[0].Split("offset ")[1].Split(':')[0], null);
            Assert.That(at - offset, Is.GreaterThanOrEqualTo(0).And.LessThan(Math.Max(FileHeader.Bytes, whole.Length - offset)), $"byte {at}");
        }

        for (var length = 0; length < whole.Length; length += 7)
            Assert.That(Snapshots(disk.With(newest.Name, whole[..length]), Keys(isSealed)).Newest?.Mark.Last, Is.EqualTo(Id(5)), $"cut at {length}");
    }

    [Test]
    public void A_damaged_one_goes_when_a_newer_one_is_durable()
    {
        var disk = new FakeDisk();
        var store = Snapshots(disk);
        Snapshot(store, 5);
        var rotten = Snapshot(store, 12);
        disk = disk.With(rotten.Name, Flip(disk.Read(rotten.Name), 1100));
        store = Snapshots(disk);
        Assert.That(disk.List(), Does.Contain(rotten.Name), "until then it is left for analysis");
        Snapshot(store, 20);
        Assert.That(disk.List().Where(SnapshotCodec.IsSnapshotName), Is.EqualTo(new[] { SnapshotCodec.NameOf(Id(5)), SnapshotCodec.NameOf(Id(20)) }));
        Assert.That(store.Damage, Is.Empty);
    }

    [Test]
    public void Power_may_go_at_any_operation_while_one_is_written([Values] bool isSealed)
    {
        var crashes = 0;
        for (var operations = 0; ; operations++)
        {
            var disk = new FakeDisk();
            var store = Snapshots(disk, Keys(isSealed));
            Snapshot(store, 10);
            disk.OperationsUntilPowerLoss = operations;
            var isDone = false;
            try
            {
                Snapshot(store, 20);
                isDone = true;
            }
            catch (PowerLostException)
            {
                crashes++;
            }

            foreach (var kept in new[] { 0, 100, 1500, 100_000 })
            {
                var after = disk.AfterPowerLoss(unsyncedBytesKept: kept);
                var found = Snapshots(after, Keys(isSealed), seed: 9);
                Assert.That(found.Damage, Is.Empty);
                Assert.That(found.Newest!.Mark.Last, isDone ? Is.EqualTo(Id(20)) : Is.EqualTo(Id(10)).Or.EqualTo(Id(20)), $"operation {operations}");
                Assert.That(Restore(found).StateHash(), Is.EqualTo(StateAt((int)found.Newest.Mark.Last.Index.Value).StateHash()));
                Assert.That(after.List().All(SnapshotCodec.IsSnapshotName), Is.True, "nothing unfinished is left");
            }

            if (isDone) break;
        }

        Assert.That(crashes, Is.GreaterThan(4));
    }

    [Test]
    public void A_full_disk_leaves_nothing_of_it_and_it_succeeds_when_there_is_space()
    {
        var disk = new FakeDisk();
        var store = Snapshots(disk);
        Snapshot(store, 10);
        var (files, used) = (disk.List(), disk.UsedBytes);
        for (var room = 0; room < 1_300; room += 37)
        {
            disk.CapacityBytes = used + room;
            Assert.That(() => Snapshot(store, 20), Throws.TypeOf<DiskFullException>().With.Message.Contains("no space"), $"{room} bytes");
            Assert.That((disk.List(), disk.UsedBytes, store.Newest!.Mark.Last), Is.EqualTo((files, used, Id(10))));
        }

        disk.CapacityBytes = long.MaxValue;
        Assert.That(Snapshot(store, 20).Mark.Last, Is.EqualTo(Id(20)));
    }

    [Test]
    public void The_same_state_makes_the_same_stream_on_every_node_and_under_every_key()
    {
        var one = Snapshots(new FakeDisk());
        var two = Snapshots(new FakeDisk(), OneKey, new("verify", new("n2")), seed: 77);
        Assert.That(Snapshot(two, 30).Id, Is.EqualTo(Snapshot(one, 30).Id));
        Assert.That(Stream(two, Id(30), 100), Is.EqualTo(Stream(one, Id(30))));
    }

    [Test]
    public void A_transfer_in_pieces_of_any_size_gives_the_leaders_state([Values(1, 13, 400, 1 << 20)] int piece, [Values] bool isSealed)
    {
        var (leader, disk) = (Snapshots(new FakeDisk(), owner: new("verify", new("n2"))), new FakeDisk());
        var sent = Snapshot(leader, 40);
        var stream = Stream(leader, Id(40));
        var store = Snapshots(disk, Keys(isSealed));
        Snapshot(store, 10);
        for (var at = 0L; at < stream.Length;) at = Do(store.StoreAsync(Piece(sent, stream, (int)at, piece)));
        Assert.That(Do(store.FinishAsync(sent.Id)), Is.EqualTo(Mark(40)));
        Assert.That(store.Newest!.Mark.Last, Is.EqualTo(Id(10)), "whole, but not this node's state before it is installed");
        Do(store.InstallAsync(Mark(40)));
        var after = Snapshots(disk.AfterPowerLoss(), Keys(isSealed));
        Assert.That((after.Newest!.Id, Restore(after).StateHash()), Is.EqualTo((sent.Id, StateAt(40).StateHash())));
        Assert.That(after.Newest.Mark, Is.EqualTo(Mark(40)));
        Assert.That(disk.Read(after.Newest.Name).AsSpan().IndexOf("value 39"u8) < 0, Is.EqualTo(isSealed), "what is received is sealed as well");
    }

    [Test]
    public void Pieces_that_come_twice_or_too_early_are_answered_with_what_is_here()
    {
        var (leader, store) = (Snapshots(new FakeDisk()), Snapshots(new FakeDisk()));
        var sent = Snapshot(leader, 40);
        var stream = Stream(leader, Id(40));
        Assert.That(Do(store.StoreAsync(Piece(sent, stream, 100, 50))), Is.Zero, "not begun");
        Assert.That(Do(store.StoreAsync(Piece(sent, stream, 0, 100))), Is.EqualTo(100));
        Assert.That(Do(store.StoreAsync(Piece(sent, stream, 0, 60))), Is.EqualTo(100));
        Assert.That(Do(store.StoreAsync(Piece(sent, stream, 150, 60))), Is.EqualTo(100));
        Assert.That(Do(store.StoreAsync(Piece(sent, stream, 60, 100))), Is.EqualTo(160));
        Assert.That(Do(store.FinishAsync(sent.Id)), Is.Null, "not whole");
        Assert.That(Do(store.StoreAsync(Piece(sent, stream, 160, stream.Length))), Is.EqualTo(stream.Length));
        Assert.That(Do(store.FinishAsync(sent.Id)), Is.EqualTo(Mark(40)));
        Assert.That(Do(store.FinishAsync(sent.Id)), Is.EqualTo(Mark(40)), "asked twice");
        Assert.That(Do(store.StoreAsync(Piece(sent, stream, 0, 10))), Is.EqualTo(stream.Length), "it is here already");
    }

    [Test]
    public void A_transfer_goes_on_after_a_restart_and_from_another_leader_with_the_same_state()
    {
        var disk = new FakeDisk();
        var leader = Snapshots(new FakeDisk());
        var other = Snapshots(new FakeDisk(), owner: new("verify", new("n3")), seed: 5);
        var (sent, again) = (Snapshot(leader, 40), Snapshot(other, 40));
        var stream = Stream(leader, Id(40));
        var store = Snapshots(disk);
        Assert.That(Do(store.StoreAsync(Piece(sent, stream, 0, stream.Length - 5))), Is.EqualTo(stream.Length - 5));
        Assert.That(Do(store.StoreAsync(Piece(again, stream, 0, 10))), Is.EqualTo(stream.Length - 5), "another leader, the same bytes");
        Do(store.StoreAsync(Piece(sent, stream, 0, 0)));
        store = Snapshots(disk.AfterKill());
        var resumed = Do(store.StoreAsync(Piece(again, stream, 0, 10)));
        Assert.That(resumed, Is.InRange(10, stream.Length - 1));
        for (var at = resumed; at < stream.Length;) at = Do(store.StoreAsync(Piece(again, stream, (int)at, 50)));
        Assert.That(Do(store.FinishAsync(again.Id)), Is.EqualTo(Mark(40)));
    }

    [Test]
    public void A_damaged_byte_anywhere_in_a_transfer_never_becomes_a_snapshot()
    {
        var leader = Snapshots(new FakeDisk());
        var sent = Snapshot(leader, 12);
        var stream = Stream(leader, Id(12));
        for (var at = 0; at < stream.Length; at++)
        {
            var store = Snapshots(new FakeDisk());
            var stored = Do(store.StoreAsync(Piece(sent, Flip(stream, at), 0, stream.Length)));
            if (stored == stream.Length) Assert.That(Do(store.FinishAsync(sent.Id)), Is.Null, $"byte {at}");
            Assert.That(Do(store.StoreAsync(Piece(sent, stream, 0, stream.Length))), Is.EqualTo(stream.Length), "and it can be sent again");
            Assert.That(Do(store.FinishAsync(sent.Id)), Is.EqualTo(Mark(12)));
        }
    }

    [Test]
    public void A_disk_that_is_full_during_a_transfer_delays_it_and_loses_nothing()
    {
        var leader = Snapshots(new FakeDisk());
        var sent = Snapshot(leader, 60);
        var stream = Stream(leader, Id(60));
        Assert.That(stream, Has.Length.GreaterThan(200));
        for (var room = 0; room < 1_300; room += 83)
        {
            var disk = new FakeDisk { CapacityBytes = room };
            var store = Snapshots(disk);
            SnapshotMark? arrived = null;
            var refusals = 0;
            for (var at = 0L; arrived is null;)
            {
                try
                {
                    if (at < stream.Length) at = Do(store.StoreAsync(Piece(sent, stream, (int)at, 500)));
                    else arrived = Do(store.FinishAsync(sent.Id));
                }
                catch (DiskFullException)
                {
                    if (++refusals == 3) disk.CapacityBytes = long.MaxValue;
                }
            }

            Assert.That((arrived, refusals), Is.EqualTo((Mark(60), 3)), $"{room} bytes of room");
            Do(store.InstallAsync(arrived));
            Assert.That(Restore(Snapshots(disk.AfterPowerLoss())).StateHash(), Is.EqualTo(StateAt(60).StateHash()));
        }
    }

    [Test]
    public void A_snapshot_of_a_newer_version_or_of_another_node_is_refused()
    {
        var disk = new FakeDisk();
        var made = Snapshot(Snapshots(disk), 10);
        var newer = disk.Read(made.Name);
        newer[8] = 2;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(newer.AsSpan(1020), Verify.Node.Codec.Crc32C.Of(newer.AsSpan(0, 1020)));
        Assert.That(() => Snapshots(disk.With(made.Name, newer)), Throws.TypeOf<UnusableDataException>().With.Message.Contains("version 2").And.Message.Contains("version 1"));
        Assert.That(() => Snapshots(disk, owner: new("verify", new("other"))), Throws.TypeOf<UnusableDataException>().With.Message.Contains("belongs to node n1"));
    }
}
