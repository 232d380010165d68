using Verify.Node.Consensus;
using Verify.Node.Seam;
using Verify.Node.Tests.Fakes;
using Verify.Raft;
using static Verify.Node.Tests.Consensus.Storage;

namespace Verify.Node.Tests.Consensus;

/// <summary>Snapshot, log and vote together: what a node starts with after anything that can happen to its disk.</summary>
public sealed class DataDirectoryTests
{
    [Test]
    public void A_start_from_snapshot_and_log_is_exact([Values] bool isSealed, [Values(0, 3, 20, 31)] int snapshotAt, [Values] bool discards)
    {
        var disk = new FakeDisk();
        using var data = Filled(disk, 31, Keys(isSealed));
        if (snapshotAt > 0) Snapshot(data.Snapshots, snapshotAt);
        if (discards) Do(data.Log.DiscardAsync(new(snapshotAt)));
        var again = Open(disk.AfterPowerLoss(), Keys(isSealed), seed: 2);
        Assert.That(again.Entries[^1], Is.EqualTo(Entry(31)).Using<Entry>(Same));
        Assert.That(again.Entries[0].Index.Value, discards && snapshotAt > 3 ? Is.InRange(2, snapshotAt + 1) : Is.EqualTo(1));
        Assert.That((StateOf(again).StateHash(), again.Lost, again.HardState.State.Term.Value), Is.EqualTo((StateAt(31).StateHash(), (LostEntries?)null, 9L)));
    }

    [Test]
    public void Discarding_removes_whole_segments_and_never_the_one_that_is_written_to()
    {
        var disk = new FakeDisk();
        using var data = Filled(disk, 30);
        Snapshot(data.Snapshots, 30);
        var before = disk.Segments().Length;
        Do(data.Log.DiscardAsync(new(15)));
        Assert.That(disk.Segments(), Has.Length.InRange(2, before - 1));
        Assert.That(data.Log.First.Value, Is.InRange(2, 16));
        Do(data.Log.DiscardAsync(new(30)));
        Assert.That(disk.Segments(), Has.Length.EqualTo(1));
        Append(data, 31, 33);
        Assert.That((data.Log.Last, StateOf(Open(disk.AfterPowerLoss())).StateHash()), Is.EqualTo((Id(33), StateAt(33).StateHash())));
    }

    /// <summary>A life of a follower: append, snapshot, discard, conflict, receive, install, append. Whenever power goes, the node starts with a
    /// state that is one of the group's, and with at least what it had acknowledged.</summary>
    [Test]
    public void Power_may_go_at_any_operation_of_a_follower_s_life([Values] bool isSealed, [Values(0, 60, 5_000)] int unsyncedBytesKept)
    {
        var keys = Keys(isSealed);
        var leader = Snapshots(new FakeDisk(), owner: new("verify", new("n2")));
        var sent = Snapshot(leader, 60);
        var stream = Stream(leader, Id(60));
        var crashes = 0;
        for (var operations = 0; ; operations++)
        {
            var disk = new FakeDisk();
            var acknowledged = 0;
            try
            {
                using var data = Filled(disk, 0, keys);
                disk.OperationsUntilPowerLoss = operations;
                for (var i = 1; i <= 12; i++)
                {
                    Append(data, i, i);
                    acknowledged = i;
                }

                Snapshot(data.Snapshots, 10);
                Do(data.Log.DiscardAsync(new(8)));
                Do(data.Log.AppendAsync([new(new(new(3), new(13)), EntryKind.Command, Entry(13).Payload)]));
                for (var at = 0L; at < stream.Length;) at = Do(data.Snapshots.StoreAsync(Piece(sent, stream, (int)at, 200)));
                Do(data.Snapshots.FinishAsync(sent.Id));
                Do(data.InstallAsync(Mark(60)));
                acknowledged = 60;
                Append(data, 61, 63);
                acknowledged = 63;
                disk.OperationsUntilPowerLoss = -1;
            }
            catch (PowerLostException)
            {
                crashes++;
            }

            var again = Open(disk.AfterPowerLoss(unsyncedBytesKept: unsyncedBytesKept), keys, seed: 3);
            var place = $"power lost at operation {operations}, {acknowledged} acknowledged, snapshot {again.Snapshots.Newest?.Mark.Last}, log to {again.Log.Last}";
            Assert.That(again.Log.Last.Index.Value, Is.GreaterThanOrEqualTo(acknowledged), place);
            Assert.That(again.Lost, Is.Null, place);
            var upTo = (int)again.Log.Last.Index.Value is 13 ? 12 : (int)again.Log.Last.Index.Value;
            var state = again.Snapshots.Newest is null ? new(100) : Restore(again.Snapshots);
            foreach (var entry in again.Entries.Where(e => e.Index > state.Applied.Index && e.Index.Value <= upTo)) Apply(state, entry);
            Assert.That(state.StateHash(), Is.EqualTo(StateAt(upTo).StateHash()), place);
            Append(again, (int)again.Log.Last.Index.Value + 1, 70);
            if (crashes <= operations) break;
        }

        Assert.That(crashes, Is.GreaterThan(60), "the test must meet many operations");
    }

    [Test]
    public void A_log_that_ends_before_the_snapshot_or_contradicts_it_is_dropped()
    {
        foreach (var last in new[] { 20, 40 })
        {
            var (leader, disk) = (Snapshots(new FakeDisk()), new FakeDisk());
            var sent = Snapshot(leader, 30);
            var data = Filled(disk, 0);
            for (var i = 1; i <= last; i++) Do(data.Log.AppendAsync([new(new(new(1), new(i)), EntryKind.Barrier, default)]));
            Do(data.Snapshots.StoreAsync(Piece(sent, Stream(leader, Id(30)), 0, 1 << 20)));
            Do(data.Snapshots.FinishAsync(sent.Id));
            Do(data.Snapshots.InstallAsync(Mark(30)));
            var after = disk.AfterPowerLoss();
            var again = Open(after);
            Assert.That((again.Entries.Length, again.Log.Last, again.Log.First.Value, after.Segments().Length), Is.EqualTo((0, Id(30), 31L, 0)));
            Append(again, 31, 35);
            Assert.That(StateOf(Open(after.AfterPowerLoss())).StateHash(), Is.EqualTo(StateAt(35).StateHash()));
        }
    }

    [Test]
    public void Damage_in_entries_that_a_snapshot_holds_is_harmless_wherever_it_is([Values] bool isSealed)
    {
        var disk = new FakeDisk();
        var keys = Keys(isSealed);
        using var data = Filled(disk, 15, keys);
        Snapshot(data.Snapshots, 15);
        Append(data, 16, 19);
        Assert.That(disk.Segments(), Has.Length.GreaterThan(2));
        foreach (var name in disk.Segments())
        {
            var whole = disk.Read(name);
            for (var at = 0; at < whole.Length; at += at < 1020 ? 97 : 1)
            {
                if (at is >= 8 and < 12 || !IsBeforeEntry(whole, at, name, 16, keys)) continue;
                var damaged = disk.With(name, Flip(whole, at));
                var again = Open(damaged, keys, seed: 4);
                Assert.That((again.Log.Last, again.Lost), Is.EqualTo((Id(19), (LostEntries?)null)), $"{name}, byte {at}");
                Assert.That(StateOf(again).StateHash(), Is.EqualTo(StateAt(19).StateHash()), $"{name}, byte {at}");
                Append(again, 20, 22);
                Assert.That(StateOf(Open(damaged.AfterPowerLoss(), keys, seed: 5)).StateHash(), Is.EqualTo(StateAt(22).StateHash()), $"{name}, byte {at}");
            }
        }
    }

    [Test]
    public void Every_damaged_byte_that_a_snapshot_does_not_hold_is_named_by_a_node_that_stands_alone([Values] bool isSealed)
    {
        var disk = new FakeDisk();
        using var data = Filled(disk, 12, Keys(isSealed));
        foreach (var name in disk.Segments())
        {
            var whole = disk.Read(name);
            for (var at = 0; at < whole.Length; at += at < 1020 ? 41 : 1)
            {
                if (at is >= 8 and < 12) continue; // The version: that file looks newer.
                var damaged = disk.With(name, Flip(whole, at));
                var refusal = Assert.Throws<DamagedLogException>(() => Open(damaged, Keys(isSealed)), $"{name}, byte {at}");
                Assert.That(refusal!.Message, Does.Contain($"{name}, offset ").And.Contain("Restore").And.Contain("no other voter"), $"{name}, byte {at}");
                Assert.That(damaged.Read(name), Is.EqualTo(Flip(whole, at)), "a refused log is left as it is");
            }
        }
    }

    [Test]
    public void With_peers_the_lost_end_is_noted_durably_before_the_log_is_cut_and_is_owed_until_it_is_back()
    {
        var disk = new FakeDisk();
        using var data = Filled(disk, 20);
        var name = disk.Segments()[1];
        disk = disk.With(name, Flip(disk.Read(name), 1100));
        for (var operations = 0; ; operations++)
        {
            var crashed = disk.With("none", null);
            crashed.OperationsUntilPowerLoss = operations;
            try
            {
                Open(crashed, hasPeers: true);
            }
            catch (PowerLostException)
            {
                var after = Open(crashed.AfterPowerLoss(), hasPeers: true);
                Assert.That(after.Lost, Is.EqualTo(new LostEntries(new(20), new(9))), $"operation {operations}");
                continue;
            }

            Assert.That(operations, Is.GreaterThan(5));
            break;
        }

        var open = Open(disk, hasPeers: true);
        var first = (int)open.Log.Last.Index.Value + 1;
        Assert.That((open.Lost, disk.List().Count(file => file.EndsWith(LogRepair.KeptSuffix, StringComparison.Ordinal))), Is.EqualTo((new LostEntries(new(20), new(9)), disk.List().Count(f => f.Contains("damaged")))));
        Assert.That(first, Is.InRange(2, 19));
        Assert.That(open.HardState.State, Is.EqualTo(new HardState(new(10), null)), "a leader that still counts on the lost entries must hear of it");
        Assert.That(disk.List().Any(file => file == name + LogRepair.KeptSuffix), Is.True, "the evidence is kept");
        Append(open, first, 19);
        Assert.That(Open(disk.AfterPowerLoss(), hasPeers: true).Lost, Is.Not.Null, "19 of 20");
        Append(open, 20, 20);
        Assert.That(open.Lost!.AreBackIn(open.Log.Last), Is.True);
        Do(open.LostAreBackAsync());
        Assert.That((open.Lost, Open(disk.AfterPowerLoss(), hasPeers: true).Lost), Is.EqualTo(((LostEntries?)null, (LostEntries?)null)));
    }

    [Test]
    public void An_entry_of_a_later_term_proves_as_much_as_the_index_does()
    {
        var lost = new LostEntries(new(20), new(5));
        Assert.That(new[] { Id(3), new(new(5), new(19)), new(new(5), new(20)), new(new(6), new(4)) }.Select(lost.AreBackIn), Is.EqualTo(new[] { false, false, true, true }));
    }

    [Test]
    public void Without_its_vote_a_damaged_node_is_refused_also_when_it_has_peers()
    {
        var disk = new FakeDisk();
        using var data = Filled(disk, 20);
        var name = disk.Segments()[0];
        var damaged = disk.With(name, Flip(disk.Read(name), 1100)).With(HardStateFile.Name, null);
        Assert.That(() => Open(damaged, hasPeers: true), Throws.TypeOf<DamagedLogException>().With.Message.Contains("vote is not there either"));
    }

    [Test]
    public void A_damaged_note_of_lost_entries_is_refused()
    {
        var disk = new FakeDisk();
        using var data = Filled(disk, 3);
        Do(new LostEntries(new(9), new(5)).WriteAsync(disk, Owner));
        Assert.That(Open(disk, hasPeers: true).Lost, Is.EqualTo(new LostEntries(new(9), new(5))));
        var whole = disk.Read(LostEntries.FileName);
        for (var at = 0; at < whole.Length; at += 11)
            Assert.That(() => Open(disk.With(LostEntries.FileName, Flip(whole, at)), hasPeers: true), Throws.TypeOf<UnusableDataException>(), $"byte {at}");
    }

    [Test]
    public void Rot_in_the_last_record_is_not_taken_for_a_torn_write_but_a_torn_write_is()
    {
        var disk = new FakeDisk();
        using var data = Filled(disk, 2);
        var name = disk.Segments()[^1];
        var whole = disk.Read(name);
        var start = whole.Length - 29 - Entry(2).Payload.Length;
        for (var at = start; at < whole.Length; at++)
            Assert.That(Open(disk.With(name, Flip(whole, at)), hasPeers: true).Lost?.Until.Value, Is.InRange(2, 8), $"byte {at}");
        for (var kept = start; kept < whole.Length; kept++)
            Assert.That(Open(disk.With(name, whole[..kept])).Log.Last, Is.EqualTo(Id(1)), $"{kept} bytes arrived");
        Assert.That(Open(disk.With(name, [.. whole[..start], .. new byte[whole.Length - start]])).Log.Last, Is.EqualTo(Id(1)), "only zeros arrived");
    }

    [Test]
    public void When_the_newest_snapshot_rots_the_older_one_and_the_log_make_the_same_state()
    {
        var disk = new FakeDisk();
        using var data = Filled(disk, 30);
        Do(data.Snapshots.WriteAsync(StateAt(10).Freeze(), new(Id(10), Membership.OfVoters([Owner.Node]))));
        var newest = Snapshot(data.Snapshots, 25);
        Do(data.Log.DiscardAsync(new(9)));
        var damaged = disk.With(newest.Name, Flip(disk.Read(newest.Name), 1200));
        var again = Open(damaged);
        Assert.That((again.Snapshots.Newest!.Mark.Last, StateOf(again).StateHash()), Is.EqualTo((Id(10), StateAt(30).StateHash())));

        Do(data.Log.DiscardAsync(new(25)));
        damaged = disk.With(newest.Name, Flip(disk.Read(newest.Name), 1200));
        Assert.That(() => Open(damaged), Throws.TypeOf<DamagedLogException>().With.Message.Contains($"{newest.Name}, offset ").And.Message.Contains("must follow"));
        damaged.Delete(SnapshotCodec.NameOf(Id(10)));
        Assert.That(Open(damaged, hasPeers: true).Lost, Is.EqualTo(new LostEntries(new(30), new(9))), "with peers it is rebuilt");
    }

    /// <summary>Whether this byte of the segment lies before the record of the entry with this index (or in a header whose loss takes only
    /// entries before it).</summary>
    private static bool IsBeforeEntry(byte[] segment, int at, string name, int index, DataKeys keys)
    {
        Assert.That(LogCodec.TryReadHeader(segment, name, out var header), Is.True);
        using var format = SegmentFormat.Of(header!, keys, name);
        var scan = SegmentScan.Of(name, segment, header, format);
        var run = scan.Runs.Single();
        if (run.Last.Value < index) return true;
        return at >= header!.Bytes && run.First.Value < index && at < run.Places[index - (int)run.First.Value].Offset;
    }
}
