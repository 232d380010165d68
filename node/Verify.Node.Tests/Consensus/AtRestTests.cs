using System.Collections.Immutable;
using System.Text;
using Verify.Node.Codec;
using Verify.Node.Consensus;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.Tests.Fakes;
using Verify.Raft;
using static Verify.Node.Tests.Consensus.Storage;

namespace Verify.Node.Tests.Consensus;

/// <summary>Formats and keys: what older programs left is read, what this one writes stays what it is, and nothing opens without its key.</summary>
public sealed class AtRestTests
{
    private static readonly DataOwner GoldenOwner = new("verify", new("n1:10008"));

    [Test]
    public void A_data_directory_of_version_1_is_read_and_goes_on_in_version_2([Values] bool isSealed)
    {
        var disk = GoldenDirectory("data-v1.txt");
        var before = disk.Segments().Select(disk.Read).ToArray();
        using (var data = Open(disk, Keys(isSealed), owner: GoldenOwner))
        {
            Assert.That(data.Entries.Select(e => (e.Index.Value, e.Term.Value, e.Kind)), Is.EqualTo(Enumerable.Range(1, 12).Select(i =>
                ((long)i, i < 7 ? 1L : 3L, i is 1 or 7 ? EntryKind.Barrier : EntryKind.Command))));
            Assert.That(((Command.KvPut)CommandCodec.Decode(data.Entries[11].Payload.Span)).Key, Is.EqualTo("key2"));
            Assert.That(data.HardState.State, Is.EqualTo(new HardState(new(3), new NodeId("n1:10008"))));
            Do(data.Log.AppendAsync([new(new(new(3), new(13)), EntryKind.Membership, MembershipCodec.Encode(Three))]));
        }

        Assert.That(disk.Segments().SkipLast(1).Select(disk.Read), Is.EqualTo(before), "what is there is not touched");
        Assert.That(disk.Read(disk.Segments()[^1])[8], Is.EqualTo(2), "what is new is a segment of version 2");
        var again = Open(disk.AfterPowerLoss(), Keys(isSealed), owner: GoldenOwner);
        Assert.That(MembershipCodec.TryDecode(again.Entries[12].Payload.Span), Is.EqualTo(Three));
    }

    [Test]
    public void A_segment_of_version_1_can_be_cut_back_and_its_damage_is_found_as_before()
    {
        var disk = GoldenDirectory("data-v1.txt");
        using (var data = Open(disk, owner: GoldenOwner))
        {
            Do(data.HardState.WriteAsync(new(new(4), null)));
            Do(data.Log.AppendAsync([new(new(new(4), new(9)), EntryKind.Barrier, default)]));
        }

        Assert.That(Open(disk.AfterPowerLoss(), owner: GoldenOwner).Log.Last, Is.EqualTo(new EntryId(new(4), new(9))));
        disk = GoldenDirectory("data-v1.txt");
        foreach (var name in disk.Segments())
        {
            var whole = disk.Read(name);
            var isLast = name == disk.Segments()[^1];
            for (var at = 0; at < whole.Length - (isLast ? 80 : 0); at++)
            {
                if (at is >= 8 and < 12) continue;
                Assert.That(() => Open(disk.With(name, Flip(whole, at)), owner: GoldenOwner), Throws.TypeOf<DamagedLogException>().With.Message.Contains(name), $"{name}, byte {at}");
            }
        }
    }

    [Test]
    public void The_bytes_of_version_2_of_the_log_and_of_version_1_of_the_snapshot_stay_what_they_are([Values] bool isSealed)
    {
        var disk = new FakeDisk();
        using (var data = Open(disk, Keys(isSealed), owner: GoldenOwner))
        {
            Do(data.HardState.WriteAsync(new(new(2), null)));
            Append(data, 1, 3);
            Do(data.Log.AppendAsync([new(new(new(2), new(4)), EntryKind.Barrier, default)]));
            Do(data.Log.AppendAsync([new(new(new(2), new(5)), EntryKind.Membership, MembershipCodec.Encode(Three))]));
            Snapshot(data.Snapshots, 3);
            Do(new LostEntries(new(300), new(2)).WriteAsync(disk, GoldenOwner));
        }

        var file = isSealed ? "data-v2-sealed.txt" : "data-v2.txt";
        Golden.Check(file, [.. disk.List().Where(name => name != HardStateFile.Name).Select(name => (name, disk.Read(name)))]);
        var golden = GoldenDirectory(file);
        golden.Put(HardStateFile.Name, disk.Read(HardStateFile.Name));
        var read = Open(golden, Keys(isSealed), owner: GoldenOwner, seed: 8);
        Assert.That((read.Entries.Length, read.Snapshots.Newest!.Mark, Restore(read.Snapshots).StateHash()), Is.EqualTo((5, Mark(3), StateAt(3).StateHash())));
    }

    [Test]
    public void A_membership_entry_is_legal_in_version_2_alone()
    {
        var disk = GoldenDirectory("data-v1.txt");
        var name = disk.Segments()[^1];
        var bytes = disk.Read(name);
        var payload = MembershipCodec.Encode(Three);
        var record = new WireWriter();
        record.UInt32((uint)payload.Length);
        var rest = new WireWriter();
        rest.UInt64(3);
        rest.UInt64(13);
        rest.Byte(3);
        rest.Raw(payload);
        record.UInt32(~Crc32C.Continue(Crc32C.Start(record.Written.Span), rest.Written.Span));
        record.Raw(rest.Written.Span);
        Assert.That(Open(disk.With(name, [.. bytes, .. record.Written.Span]), owner: GoldenOwner).Log.Last.Index.Value, Is.EqualTo(12));
    }

    [Test]
    public void Without_the_key_or_with_another_secret_under_its_name_nothing_starts()
    {
        var disk = new FakeDisk();
        using var data = Filled(disk, 5, OneKey);
        Snapshot(data.Snapshots, 4);
        var logOnly = disk.With(SnapshotCodec.NameOf(Id(4)), null);
        var other = new DataKeys([new("k1", new byte[32])]);
        foreach (var (from, file) in new[] { (disk, SnapshotCodec.NameOf(Id(4))), (logOnly, disk.Segments()[0]) })
        {
            Assert.That(() => Open(from), Throws.TypeOf<UnusableDataException>().With.Message.Contains(file).And.Message.Contains("key 'k1', which is not in the key file"));
            Assert.That(() => Open(from, other), Throws.TypeOf<UnusableDataException>().With.Message.Contains(file).And.Message.Contains("is another one"));
        }

        Assert.That(() => Open(new FakeDisk(), new([new("short", new byte[16])])).Log.AppendAsync([Entry(1)]).AsTask().GetAwaiter().GetResult(),
            Throws.TypeOf<ArgumentException>().With.Message.Contains("AES-256 needs 32"));
        Assert.That($"{OneKey.Keys[0]}", Is.EqualTo("key k1"), "a key never shows its secret");
    }

    [Test]
    public void Content_that_was_changed_together_with_its_checksums_is_refused_as_not_authentic()
    {
        var disk = new FakeDisk();
        using var data = Filled(disk, 3, OneKey);
        var name = disk.Segments()[0];
        var forged = disk.Read(name);
        var start = FileHeader.Bytes;
        Assert.That(LogCodec.TryReadHeader(forged, name, out var header), Is.True);
        var length = BitConverter.ToInt32(forged, start);
        forged[start + 29] ^= 1;
        var salt = Crc32C.Start(header!.Seal!.Salt.Span);
        BitConverter.TryWriteBytes(forged.AsSpan(start + 8), ~Crc32C.Continue(salt, forged.AsSpan(start + 29, length)));
        BitConverter.TryWriteBytes(forged.AsSpan(start + 4), ~Crc32C.Continue(Crc32C.Continue(salt, forged.AsSpan(start, 4)), forged.AsSpan(start + 8, 21)));
        Assert.That(() => Open(disk.With(name, forged), OneKey, hasPeers: true),
            Throws.TypeOf<UnusableDataException>().With.Message.Contains($"{name}, offset {start}").And.Message.Contains("without the key"));
    }

    [Test]
    public void A_new_key_seals_what_comes_and_the_old_one_is_needed_until_its_files_are_gone()
    {
        var disk = new FakeDisk();
        using var data = Filled(disk, 5, OneKey);
        Snapshot(data.Snapshots, 5);
        data.UseKeys(TwoKeys);
        Append(data, 6, 8);
        Assert.That(data.Log.KeyIds, Is.EqualTo(new[] { "k1", "k2" }));
        Assert.That(StateOf(Open(disk.AfterPowerLoss(), TwoKeys)).StateHash(), Is.EqualTo(StateAt(8).StateHash()));
        Assert.That(() => Open(disk.AfterPowerLoss(), new([TwoKeys.Keys[0]])), Throws.TypeOf<UnusableDataException>().With.Message.Contains("key 'k1'"));
        foreach (var last in new[] { 7, 8 }) Snapshot(data.Snapshots, last);
        Do(data.Log.DiscardAsync(new(8)));
        Assert.That(StateOf(Open(disk.AfterPowerLoss(), new([TwoKeys.Keys[0]]))).StateHash(), Is.EqualTo(StateAt(8).StateHash()), "now it may go");
    }

    [Test]
    public void A_key_that_is_given_to_a_node_that_had_none_seals_from_then_on()
    {
        var disk = new FakeDisk();
        Filled(disk, 5).Dispose();
        using (var data = Open(disk, OneKey)) Append(data, 6, 7);
        var segments = disk.Segments();
        Assert.That(disk.Read(segments[0]).AsSpan().IndexOf("value 3"u8), Is.Positive);
        Assert.That(disk.Read(segments[^1]).AsSpan().IndexOf("value 7"u8), Is.Negative);
        Assert.That(StateOf(Open(disk, OneKey)).StateHash(), Is.EqualTo(StateAt(7).StateHash()));
    }

    [Test]
    public void No_nonce_and_no_salt_comes_twice_with_another_content()
    {
        var seen = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var disk = new FakeDisk();
        using var data = Filled(disk, 12, OneKey);
        Note(disk, seen);
        Do(data.Log.AppendAsync([new(new(new(9), new(8)), EntryKind.Barrier, default)]));
        Note(disk, seen);
        Assert.That(seen, Has.Count.EqualTo(13), "one nonce for each entry that ever was");
    }

    [Test]
    public void The_upgrade_check_says_of_each_file_what_it_is_and_changes_nothing()
    {
        var disk = GoldenDirectory("data-v1.txt");
        var report = Do(UpgradeCheck.RunAsync(disk, DataKeys.None));
        Assert.That((report.CanStart, report.FormatBefore, report.FormatAfter), Is.EqualTo((true, 1u, 2u)));
        Assert.That(report.Files.Select(f => (f.Kind, f.Version, f.IsReadable)), Is.EqualTo(new (string, uint?, bool)[] { ("vote", 1, true), ("log", 1, true), ("log", 1, true) }));

        disk = new FakeDisk();
        using (var data = Filled(disk, 9, OneKey)) Snapshot(data.Snapshots, 6);
        disk.Put("notes.txt", [1, 2, 3]);
        disk.Put("log-00000000000000000001.seg.damaged", [1]);
        var files = disk.List().Select(disk.Read).ToArray();
        report = Do(UpgradeCheck.RunAsync(disk, OneKey));
        Assert.That((report.CanStart, report.FormatBefore, report.FormatAfter, string.Join(',', report.KeysInUse)), Is.EqualTo((true, 2u, 2u, "k1")));
        Assert.That(report.Files.Select(f => f.Kind).Distinct(StringComparer.Ordinal), Is.EquivalentTo(new[] { "vote", "log", "snapshot", "not ours", "kept for analysis" }));
        Assert.That(disk.List().Select(disk.Read), Is.EqualTo(files));

        report = Do(UpgradeCheck.RunAsync(disk, DataKeys.None));
        Assert.That((report.CanStart, report.Files.First(f => f.Kind == "log").Problem, report.Files.First(f => f.Kind == "log").SealedBy), Is.EqualTo(
            (false, UnusableDataException.KeyMissing(disk.Segments()[0], "k1").Message, "k1")));
        var name = disk.Segments()[0];
        report = Do(UpgradeCheck.RunAsync(disk.With(name, Flip(disk.Read(name), 1030)), OneKey));
        Assert.That((report.CanStart, report.Files.First(f => f.Name == name).Problem), Is.EqualTo((false, $"{name}, offset 1024: the record of entry 1 is damaged")));
    }

    [Test]
    public void Any_bytes_are_a_file_of_ours_or_are_refused_with_a_word()
    {
        var dice = new Dice(4);
        var disk = new FakeDisk();
        using var data = Filled(disk, 9, OneKey);
        Snapshot(data.Snapshots, 6);
        var names = disk.List();
        var outcomes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < 3_000; i++)
        {
            var name = names[dice.Next(names.Count)];
            var bytes = disk.Read(name);
            for (var flips = dice.Next(4); flips >= 0; flips--) bytes[dice.Next(bytes.Length)] ^= (byte)(1 << dice.Next(8));
            if (dice.Chance(300)) bytes = bytes[..dice.Next(bytes.Length)];
            var outcome = "started";
            try
            {
                Open(disk.With(name, bytes), OneKey, hasPeers: dice.Chance(500)).Dispose();
            }
            catch (Exception refused) when (refused is UnusableDataException or DamagedLogException)
            {
                outcome = refused.GetType().Name;
            }

            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
        }

        Assert.That(outcomes[nameof(UnusableDataException)], Is.Positive, "anything else would have ended the test");
        Assert.That(outcomes["started"], Is.Positive);
    }

    private static void Note(FakeDisk disk, SortedDictionary<string, string> seen)
    {
        foreach (var name in disk.Segments())
        {
            var bytes = disk.Read(name);
            Assert.That(LogCodec.TryReadHeader(bytes, name, out var header), Is.True);
            for (var at = header!.Bytes; at < bytes.Length;)
            {
                var length = BitConverter.ToInt32(bytes, at);
                var nonce = $"{Convert.ToHexString(header.Seal!.Salt.Span)} {BitConverter.ToInt64(bytes, at + 20)} {BitConverter.ToInt32(bytes, at + 12)}";
                var content = Convert.ToHexString(bytes.AsSpan(at, 29 + length));
                if (seen.TryGetValue(nonce, out var before)) Assert.That(content, Is.EqualTo(before), nonce);
                seen[nonce] = content;
                at += 29 + length;
            }
        }
    }

    private static FakeDisk GoldenDirectory(string file)
    {
        var disk = new FakeDisk();
        foreach (var (name, bytes) in Golden.Read(file)) disk.Put(name, bytes);
        return disk;
    }
}
