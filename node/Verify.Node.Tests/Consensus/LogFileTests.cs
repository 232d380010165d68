using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Verify.Node.Consensus;
using Verify.Node.Seam;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.Consensus;

/// <summary>The durable log against a disk that forgets, tears, fills up and fails.</summary>
public sealed class LogFileTests
{
    private static readonly DataOwner Owner = new("verify", new("a"));
    private const int Segment = 16 << 20;

    [Test]
    public void What_was_appended_is_read_back()
    {
        var disk = new FakeDisk();
        var written = new[] { Entry(1, 1, "one"), Entry(1, 2, ""), Entry(3, 3, "three") };
        Append(disk, written);
        Assert.That(Open(disk.AfterPowerLoss()).Entries, Is.EqualTo(written).Using<Entry>(Same));
    }

    [Test]
    public void Entries_that_come_together_cost_one_sync()
    {
        var disk = new FakeDisk();
        using var log = Append(disk, [Entry(1, 1, "one")]);
        var before = disk.Syncs;
        Append(log, [Entry(1, 2, "two"), Entry(1, 3, "three"), Entry(1, 4, "four")]);
        Assert.That(disk.Syncs - before, Is.EqualTo(1));
    }

    [Test]
    public void A_last_write_that_a_crash_cut_short_is_cut_off_wherever_it_was_cut()
    {
        var disk = new FakeDisk();
        Append(disk, [Entry(1, 1, "one"), Entry(1, 2, "two"), Entry(2, 3, "the last one")]);
        var name = disk.List().Single(LogCodec.IsSegmentName);
        var whole = disk.Read(name);
        var last = RecordBytes(Entry(2, 3, "the last one"));
        for (var kept = 0; kept < last; kept++)
        {
            var torn = new FakeDisk();
            torn.Put(name, whole[..(whole.Length - last + kept)]);
            var (log, entries) = Open(torn);
            Assert.That(entries.Select(e => e.Index.Value), Is.EqualTo(new long[] { 1, 2 }), $"{kept} bytes of the last record were left");
            Append(log, [Entry(2, 3, "the last one")]);
            Assert.That(torn.Read(name), Is.EqualTo(whole), "after the repair the log goes on where it was cut");
        }
    }

    [Test]
    public void A_last_record_of_which_only_zeros_arrived_is_cut_off()
    {
        var disk = new FakeDisk();
        Append(disk, [Entry(1, 1, "one")]);
        var name = disk.List().Single(LogCodec.IsSegmentName);
        disk.Put(name, [.. disk.Read(name), .. new byte[100]]);
        Assert.That(Open(disk).Entries.Select(e => e.Index.Value), Is.EqualTo(new long[] { 1 }));
    }

    [Test]
    public void Damage_before_a_valid_record_is_refused_with_file_offset_entries_and_remedy()
    {
        var disk = new FakeDisk();
        var entries = new[] { Entry(1, 1, "one"), Entry(1, 2, "two"), Entry(2, 3, "three") };
        Append(disk, entries);
        var name = disk.List().Single(LogCodec.IsSegmentName);
        var whole = disk.Read(name);
        var second = whole.Length - RecordBytes(entries[2]) - RecordBytes(entries[1]);
        for (var at = second; at < second + RecordBytes(entries[1]); at++)
        {
            var damaged = new FakeDisk();
            damaged.Put(name, Flip(whole, at));
            var refusal = Assert.Throws<DamagedLogException>(() => Open(damaged), $"byte {at} was damaged");
            Assert.That(refusal!.Message, Does.Contain($"{name}, offset {second}").And.Contain("Entries 2 to 3")
                .And.Contain("Restore").And.Contain("truncate"));
            Assert.That(damaged.Read(name), Is.EqualTo(Flip(whole, at)), "a refused log is left as it is, for analysis");
        }
    }

    [Test]
    public void Damage_in_an_earlier_segment_is_refused_even_at_its_end()
    {
        var disk = new FakeDisk();
        Append(disk, [.. Enumerable.Range(1, 20).Select(i => Entry(1, i, new string('x', 50)))], segmentBytesMax: 400);
        var first = disk.List().First(LogCodec.IsSegmentName);
        Assert.That(disk.List().Count(LogCodec.IsSegmentName), Is.GreaterThan(2));
        disk.Put(first, disk.Read(first)[..^1]);
        Assert.That(() => Open(disk), Throws.TypeOf<DamagedLogException>().With.Message.Contains(first));
    }

    [Test]
    public void A_missing_segment_is_refused()
    {
        var disk = new FakeDisk();
        Append(disk, [.. Enumerable.Range(1, 20).Select(i => Entry(1, i, new string('x', 50)))], segmentBytesMax: 400);
        disk.Delete(disk.List().Where(LogCodec.IsSegmentName).ElementAt(1));
        Assert.That(() => Open(disk), Throws.TypeOf<DamagedLogException>().With.Message.Contains("must follow"));
    }

    [Test]
    public void A_damaged_header_before_valid_records_is_refused()
    {
        var disk = new FakeDisk();
        Append(disk, [Entry(1, 1, "one")]);
        var name = disk.List().Single(LogCodec.IsSegmentName);
        disk.Put(name, Flip(disk.Read(name), 20));
        Assert.That(() => Open(disk), Throws.TypeOf<DamagedLogException>().With.Message.Contains($"{name}, offset 0"));
    }

    [Test]
    public void A_log_of_a_newer_version_is_refused_with_both_versions()
    {
        var disk = new FakeDisk();
        Append(disk, [Entry(1, 1, "one")]);
        var name = disk.List().Single(LogCodec.IsSegmentName);
        var newer = disk.Read(name);
        newer[8] = 3;
        disk.Put(name, newer);
        Assert.That(() => Open(disk), Throws.TypeOf<UnusableDataException>().With.Message.Contains("version 3").And.Message.Contains("version 2"));
    }

    [Test]
    public void Another_nodes_log_is_refused()
    {
        var disk = new FakeDisk();
        Append(disk, [Entry(1, 1, "one")]);
        Assert.That(
            () => Open(disk, owner: new("verify", new("b"))),
            Throws.TypeOf<UnusableDataException>().With.Message.Contains("belongs to node a"));
    }

    [Test]
    public void A_conflict_replaces_the_entry_and_everything_after_it_across_segments()
    {
        var disk = new FakeDisk();
        using var log = Append(disk, [.. Enumerable.Range(1, 20).Select(i => Entry(1, i, new string('x', 50)))], segmentBytesMax: 400);
        Append(log, [Entry(2, 3, "new")]);
        Assert.That(Open(disk.AfterPowerLoss()).Entries.Select(e => e.Id), Is.EqualTo(new[] { Id(1, 1), Id(1, 2), Id(2, 3) }));
    }

    /// <summary>Whenever power goes, and however much of the unsynced tail is left, the log opens and holds what was acknowledged, and
    /// behind it at the most a beginning of what was under way.</summary>
    [Test]
    public void Power_may_go_at_any_operation_without_a_loss_of_what_was_acknowledged([Values(0, 1, 30, 200, 100_000)] int unsyncedBytesKept)
    {
        Entry[][] appends =
        [
            [Entry(1, 1, "one")], [Entry(1, 2, new string('x', 300)), Entry(1, 3, "three")], [Entry(2, 3, "other")],
            [Entry(2, 4, new string('y', 500))], [Entry(2, 5, "five"), Entry(2, 6, "six")], [Entry(3, 2, "back to two"), Entry(3, 3, "z")],
        ];
        var crashes = 0;
        for (var operations = 0; ; operations++)
        {
            var disk = new FakeDisk();
            var (log, _) = Open(disk, 400);
            disk.OperationsUntilPowerLoss = operations;
            var (acknowledged, underWay) = AppendUntilPowerLoss(log, appends);
            if (underWay.IsEmpty) break;
            crashes++;
            var (_, found) = Open(disk.AfterPowerLoss(unsyncedBytesKept: unsyncedBytesKept), 400);
            Assert.That(IsAckedOrOnItsWay(found, acknowledged, underWay), Is.True,
                $"power lost at operation {operations}: acknowledged {Ids(acknowledged)}, under way {Ids(underWay)}, found {Ids(found)}");
        }

        Assert.That(crashes, Is.GreaterThan(20), "the test must meet many operations");
    }

    [Test]
    public void A_full_disk_leaves_the_log_as_it_was_and_the_same_entries_can_be_written_later()
    {
        var disk = new FakeDisk();
        using var log = Append(disk, [Entry(1, 1, "one")]);
        var name = disk.List().Single(LogCodec.IsSegmentName);
        var before = disk.Read(name);
        disk.CapacityBytes = disk.UsedBytes + 40;
        var more = new[] { Entry(1, 2, "two"), Entry(1, 3, "three"), Entry(1, 4, "four") };
        Assert.Throws<DiskFullException>(() => Append(log, more));
        Assert.That(disk.Read(name), Is.EqualTo(before), "the part that was written is cut back");
        Assert.That(log.Last, Is.EqualTo(Id(1, 1)));
        disk.CapacityBytes = long.MaxValue;
        Append(log, more);
        Assert.That(Open(disk.AfterPowerLoss()).Entries.Select(e => e.Index.Value), Is.EqualTo(new long[] { 1, 2, 3, 4 }));
    }

    [Test]
    public void A_disk_that_fills_up_when_a_segment_begins_leaves_no_half_segment()
    {
        var disk = new FakeDisk();
        using var log = Append(disk, [Entry(1, 1, new string('x', 500))], segmentBytesMax: 400);
        disk.CapacityBytes = disk.UsedBytes + 10;
        Assert.Throws<DiskFullException>(() => Append(log, [Entry(1, 2, "two")]));
        Assert.That(disk.List().Count(LogCodec.IsSegmentName), Is.EqualTo(1));
        disk.CapacityBytes = long.MaxValue;
        Append(log, [Entry(1, 2, "two")]);
        Assert.That(Open(disk.AfterPowerLoss(), 400).Entries, Has.Length.EqualTo(2));
    }

    [Test]
    public void After_a_failed_sync_a_restart_does_not_trust_the_page_cache()
    {
        var disk = new FakeDisk();
        var log = Append(disk, [Entry(1, 1, "one")]);
        disk.NextSyncFails = true;
        Assert.Throws<IOException>(() => Append(log, [Entry(1, 2, "two")]));
        var restarted = disk.AfterKill();
        var (_, found) = Open(restarted);
        Assert.That(Open(restarted.AfterPowerLoss()).Entries, Is.EqualTo(found).Using<Entry>(Same), "what a start believed must survive the next power loss");
    }

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public void Any_appends_with_any_conflicts_read_back_as_a_list_would(int seed)
    {
        var dice = new Dice((ulong)seed);
        var disk = new FakeDisk();
        var (log, _) = Open(disk, 600);
        var model = new List<Entry>();
        for (var step = 0; step < 12; step++)
        {
            var from = dice.Chance(300) && model.Count > 0 ? 1 + dice.Next(model.Count) : model.Count + 1;
            var batch = Enumerable.Range(from, 1 + dice.Next(5)).Select(i => Entry(step + 1, i, new string('p', dice.Next(200)))).ToArray();
            model.RemoveRange(from - 1, model.Count - from + 1);
            model.AddRange(batch);
            Append(log, batch);
        }

        Assert.That(Open(disk.AfterPowerLoss(), 600).Entries, Is.EqualTo(model).Using<Entry>(Same));
    }

    private static (ImmutableArray<Entry> Acknowledged, ImmutableArray<Entry> UnderWay) AppendUntilPowerLoss(LogFile log, Entry[][] appends)
    {
        ImmutableArray<Entry> acknowledged = [];
        foreach (var append in appends)
        {
            try
            {
                Append(log, append);
            }
            catch (PowerLostException)
            {
                return (acknowledged, [.. append]);
            }

            acknowledged = [.. acknowledged.Where(e => e.Index < append[0].Index), .. append];
        }

        return (acknowledged, []);
    }

    /// <summary>Raft itself withdraws what a conflicting append replaces, so a crash may find that already cut back.</summary>
    private static bool IsAckedOrOnItsWay(ImmutableArray<Entry> found, ImmutableArray<Entry> acknowledged, ImmutableArray<Entry> underWay)
    {
        var kept = acknowledged.Where(e => e.Index < underWay[0].Index).ToArray();
        if (found.Length < kept.Length || !found.Take(kept.Length).Select(e => e.Id).SequenceEqual(kept.Select(e => e.Id))) return false;
        var rest = found.Skip(kept.Length).Select(e => e.Id).ToArray();
        return rest.SequenceEqual(underWay.Take(rest.Length).Select(e => e.Id))
            || rest.SequenceEqual(acknowledged.Skip(kept.Length).Take(rest.Length).Select(e => e.Id));
    }

    private static string Ids(IEnumerable<Entry> entries) => string.Join(',', entries.Select(e => e.Id));

    private static (LogFile Log, ImmutableArray<Entry> Entries) Open(FakeDisk disk, int segmentBytesMax = Segment, DataOwner? owner = null)
    {
        var settings = new LogSettings(segmentBytesMax, DataKeys.None, new(1));
        var found = new LogReader(disk, owner ?? Owner, settings, NullLogger.Instance).ReadAsync(null, RebuildGrounds.None).AsTask().GetAwaiter().GetResult();
        return (found.File, found.Entries);
    }

    private static LogFile Append(FakeDisk disk, Entry[] entries, int segmentBytesMax = Segment)
    {
        var (log, _) = Open(disk, segmentBytesMax);
        Append(log, entries);
        return log;
    }

    private static void Append(LogFile log, Entry[] entries) => log.AppendAsync(entries).AsTask().GetAwaiter().GetResult();

    /// <summary>In the clear, version 2.</summary>
    private static int RecordBytes(Entry entry) => 29 + entry.Payload.Length;

    private static byte[] Flip(byte[] bytes, int at)
    {
        var flipped = bytes.ToArray();
        flipped[at] ^= 0x10;
        return flipped;
    }

    private static bool Same(Entry a, Entry b) => a.Id == b.Id && a.Kind == b.Kind && a.Payload.Span.SequenceEqual(b.Payload.Span);
    private static EntryId Id(long term, long index) => new(new(term), new(index));
    private static Entry Entry(long term, long index, string payload) => new(Id(term, index), EntryKind.Command, Encoding.UTF8.GetBytes(payload));
}
