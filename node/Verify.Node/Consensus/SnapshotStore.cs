using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>The snapshots on this node's disk: its own, and those that the leader sends (Raft paper §7). A driver: it decides nothing.
/// What it hands out as a <see cref="SnapshotFile"/> is whole, checked and durable. One call at a time.</summary>
internal sealed class SnapshotStore : IDisposable
{
    private readonly IDisk _disk;
    private readonly DataOwner _owner;
    private readonly SnapshotSettings _settings;
    private readonly Dice _dice;
    private readonly ILogger _log;

    /// <summary>Checked ones, oldest first; those that were not looked at since the start are names only.</summary>
    private readonly List<SnapshotFile> _checked = [];
    private DataKeys _keys;
    private SnapshotReceipt? _receipt;
    private SnapshotFile? _arrived;

    private SnapshotStore(IDisk disk, DataOwner owner, DataKeys keys, SnapshotSettings settings, Dice dice, ILogger log) =>
        (_disk, _owner, _keys, _settings, _dice, _log) = (disk, owner, keys, settings, dice, log);

    /// <summary>The newest that is good; null when there is none.</summary>
    public SnapshotFile? Newest => _checked.Count == 0 ? null : _checked[^1];

    /// <summary>What was found damaged at the start, newest first; each names file and offset.</summary>
    public ImmutableArray<string> Damage { get; private set; } = [];

    /// <summary>Looks for the newest snapshot that is good. Damaged ones are named and left where they are until a newer one is durable.
    /// What was not finished before the last stop is removed, but for a transfer, which can go on.</summary>
    /// <exception cref="UnusableDataException">Another node's, a newer program's, sealed with a key that is not there.</exception>
    /// <exception cref="IOException"/>
    public static async ValueTask<SnapshotStore> OpenAsync(
        IDisk disk, DataOwner owner, DataKeys keys, SnapshotSettings settings, Dice dice, ILogger log)
    {
        var store = new SnapshotStore(disk, owner, keys, settings, dice, log);
        await store.RemoveUnfinishedAsync();
        var names = disk.List().Where(SnapshotCodec.IsSnapshotName).OrderDescending(StringComparer.Ordinal).ToArray();
        foreach (var name in names)
        {
            try
            {
                store._checked.Add(await store.CheckAsync(name, SnapshotCodec.LastOf(name)));
                break;
            }
            catch (DamagedSnapshotException damage)
            {
                NodeLog.SnapshotDamaged(log, damage.Message);
                store.Damage = store.Damage.Add(damage.Message);
            }
        }

        await store.FindReceiptAsync();
        return store;
    }

    /// <summary>The keys from now on: what is written next is sealed with the active one.</summary>
    public void UseKeys(DataKeys keys) => _keys = keys;

    /// <summary>Makes a snapshot durable and removes those that are too many. Writes the blocks of the image as it goes through them.</summary>
    /// <exception cref="DiskFullException">There is no space; nothing of it is left on disk.</exception>
    /// <exception cref="IOException">Nothing is known of what is on disk; do not go on.</exception>
    public async ValueTask<SnapshotFile> WriteAsync(StateImage image, SnapshotMark mark)
    {
        Invariant.Holds(image.Last == mark.Last, $"a snapshot is marked with the entry that it ends with (image {image.Last}, mark {mark.Last})");
#if VERIFY_MUTANTS
        if (Mutant.Is("M32", deviates: true))
            (image, mark) = (image with { Sections = [.. image.Sections.Where(s => s.Kind != SectionKind.Sessions)] }, mark with { Membership = Membership.None });
#endif
        var name = SnapshotCodec.NameOf(mark.Last);
        SnapshotFile made;
        try
        {
            using var writer = await SnapshotWriter.BeginAsync(_disk, SnapshotCodec.PartName, _owner, _keys.Active, mark, _dice);
            foreach (var block in image.Blocks()) await writer.AddAsync(block);
            await writer.FinishAsync();
            made = FileOf(name, writer, mark);
        }
        catch (DiskFullException)
        {
            await RemoveAsync(SnapshotCodec.PartName);
            throw;
        }

        _disk.Rename(SnapshotCodec.PartName, name);
        await _disk.SyncDirectoryAsync();
        await KeepAsync(made);
        return made;
    }

    /// <summary>The snapshot that ends with this entry, to be read from; null when it is not here, or not any more.</summary>
    /// <exception cref="DamagedSnapshotException">It has rotten. The state itself is in memory: a new snapshot can take its place.</exception>
    public async ValueTask<SnapshotFile?> FindAsync(EntryId last)
    {
        if (_checked.Find(file => file.Mark.Last == last) is { } known) return known;
        var name = SnapshotCodec.NameOf(last);
        if (!_disk.List().Contains(name, StringComparer.Ordinal)) return null;
        var found = await CheckAsync(name, last);
        _checked.Add(found);
        _checked.Sort(static (a, b) => a.Mark.Last.Index.CompareTo(b.Mark.Last.Index));
        return found;
    }

    /// <summary>A part of a snapshot's content stream, for a transfer: at most so many bytes. Empty at the end, and when the snapshot is not here.</summary>
    /// <exception cref="DamagedSnapshotException">It has rotten.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(EntryId snapshot, long offset, int bytesMax)
    {
        if (await FindAsync(snapshot) is not { } found || offset < 0 || offset >= found.Id.Bytes) return default;
        using var file = _disk.Open(found.Name, create: false);
        using var reader = await SnapshotReader.OpenAsync(file, found.Name, _owner, _keys);
        var frame = new WireWriter(StateImage.BlockBytes);
        var wanted = (int)Math.Min(bytesMax, found.Id.Bytes - offset);
        var bytes = new byte[wanted];
        var have = 0;
        for (var i = found.PlaceOf(offset); have < wanted; i++)
        {
            frame.Clear();
            SnapshotCodec.WriteFrame(frame, (await reader.ReadAtAsync(found.Places[i].FileOffset)).Span);
            var skipped = (int)(offset + have - found.Places[i].StreamOffset);
            var part = frame.Written[skipped..];
            if (part.Length > wanted - have) part = part[..(wanted - have)];
            part.CopyTo(bytes.AsMemory(have));
            have += part.Length;
        }

        return bytes;
    }

    /// <summary>Stores what has come. Returns how many bytes of the stream are here: more than was sent when an earlier transfer of the same
    /// snapshot had got further, less when pieces are missing, 0 when they did not fit together.</summary>
    /// <exception cref="DiskFullException">Not stored; it can be sent again.</exception>
    /// <exception cref="UnusableDataException">A newer program made the snapshot.</exception>
    public async ValueTask<long> StoreAsync(SnapshotPiece piece)
    {
        var chunk = piece.Chunk;
        if (_arrived?.Id == chunk.Id) return chunk.Id.Bytes;
        if (_receipt is null || !_receipt.Takes(chunk))
        {
            if (chunk.Offset != 0) return 0;
            await BeginReceiptAsync(chunk);
        }

        var skipped = _receipt!.Received - chunk.Offset;
        if (skipped < 0) return _receipt.Received;
        if (await _receipt.AddAsync(skipped >= chunk.Bytes.Length ? default : chunk.Bytes[(int)skipped..])) return _receipt.Received;
        await DropReceiptAsync();
        return 0;
    }

    /// <summary>Called when everything was stored. Checks the whole against its name and makes it durable, under a name of its own: it
    /// becomes this node's newest only with <see cref="InstallAsync"/>. Null: it is not whole or not good.</summary>
    /// <exception cref="DiskFullException">May be called again.</exception>
    public async ValueTask<SnapshotMark?> FinishAsync(SnapshotId id)
    {
        if (_arrived is { } before && before.Id == id) return before.Mark;
        if (_receipt is null || _receipt.Id != id) return null;
        if (!_receipt.IsWhole)
        {
            if (_receipt.Received >= id.Bytes) await DropReceiptAsync();
            return null;
        }

        await _receipt.Writer.FinishAsync();
        var mark = _receipt.Mark;
        var name = SnapshotCodec.ArrivedNameOf(mark.Last);
        var arrived = FileOf(name, _receipt.Writer, mark);
        _receipt.Dispose();
        _receipt = null;
        _disk.Rename(SnapshotCodec.ReceivedPartName, name);
        if (_arrived is { } older && older.Name != name) _disk.Delete(older.Name);
        await _disk.SyncDirectoryAsync();
        _arrived = arrived;
        return mark;
    }

    /// <summary>Makes the snapshot that has arrived this node's newest, durably. The log must be reset after it, not before.</summary>
    public async ValueTask<SnapshotFile> InstallAsync(SnapshotMark mark)
    {
        if (_arrived is null && Newest is { } there && there.Mark.Last == mark.Last) return there;
        Invariant.Holds(_arrived is not null && _arrived.Mark.Last == mark.Last, $"the snapshot to install ({mark.Last}) has arrived ({_arrived?.Mark.Last})");
        var installed = _arrived! with { Name = SnapshotCodec.NameOf(mark.Last) };
        _disk.Rename(_arrived.Name, installed.Name);
        await _disk.SyncDirectoryAsync();
        _arrived = null;
        await KeepAsync(installed);
        return installed;
    }

    /// <summary>The state that is in a snapshot.</summary>
    /// <exception cref="DamagedSnapshotException"/>
    /// <exception cref="UnusableDataException">A newer program wrote it.</exception>
    public async ValueTask<ReplicatedState> RestoreAsync(SnapshotFile snapshot, int sessionsMax, int recoveriesKeptMax)
    {
        var state = new StateReader(sessionsMax, recoveriesKeptMax);
        using var file = _disk.Open(snapshot.Name, create: false);
        using var reader = await SnapshotReader.OpenAsync(file, snapshot.Name, _owner, _keys);
        try
        {
            while (await reader.NextAsync() is { } block) state.Add(block.Span);
            var restored = state.Finish();
            Invariant.Holds(restored.Applied == snapshot.Mark.Last, $"{snapshot.Name} holds the state at {snapshot.Mark.Last} (found {restored.Applied})");
            return restored;
        }
        catch (WireFormatException unreadable)
        {
            throw new UnusableDataException($"{snapshot.Name}, before offset {reader.Position}: {unreadable.Message}. The checksums are right, so a newer "
                + "program wrote it: start that one, or restore a backup from before the upgrade.");
        }
    }

    public void Dispose()
    {
        _receipt?.Dispose();
        _receipt = null;
    }

    private async ValueTask<SnapshotFile> CheckAsync(string name, EntryId last)
    {
        using var file = _disk.Open(name, create: false);
        using var reader = await SnapshotReader.OpenAsync(file, name, _owner, _keys);
        if (reader.Header.Last != last) throw new DamagedSnapshotException(name, 0, $"it holds the state at {reader.Header.Last}");
        while (await reader.NextAsync() is not null) { }
        return new(name, new(last, reader.Membership), new(last, reader.StreamBytes, reader.StreamCrc), file.Length, reader.Header.Seal.KeyId)
        {
            Places = reader.Places,
        };
    }

    private static SnapshotFile FileOf(string name, SnapshotWriter writer, SnapshotMark mark) =>
        new(name, mark, new(mark.Last, writer.StreamBytes, writer.StreamCrc), writer.FileBytes, writer.KeyId) { Places = writer.Places };

    /// <summary>A newer one is durable: what is too old, and what was damaged, may go.</summary>
    private async ValueTask KeepAsync(SnapshotFile made)
    {
        _checked.RemoveAll(file => file.Mark.Last == made.Mark.Last);
        _checked.Add(made);
        _checked.Sort(static (a, b) => a.Mark.Last.Index.CompareTo(b.Mark.Last.Index));
        var damaged = Damage;
        var names = _disk.List().Where(SnapshotCodec.IsSnapshotName).OrderDescending(StringComparer.Ordinal).ToArray();
        var kept = 0;
        foreach (var name in names)
        {
            var isDamaged = name != made.Name && damaged.Any(what => what.StartsWith(name, StringComparison.Ordinal));
            if (!isDamaged && kept++ < Math.Max(1, _settings.Kept)) continue;
            _disk.Delete(name);
            _checked.RemoveAll(file => file.Name == name);
        }

        Damage = [];
        if (names.Length > kept || !damaged.IsEmpty) await _disk.SyncDirectoryAsync();
    }

    private async ValueTask RemoveUnfinishedAsync()
    {
        var unfinished = _disk.List().Where(name => name == SnapshotCodec.PartName || SnapshotCodec.IsArrivedName(name)).ToArray();
        foreach (var name in unfinished) _disk.Delete(name);
        if (unfinished.Length > 0) await _disk.SyncDirectoryAsync();
    }

    /// <summary>Where a transfer before the last stop had got to. Whatever is wrong with it: it can begin again.</summary>
    private async ValueTask FindReceiptAsync()
    {
        if (!_disk.List().Contains(SnapshotCodec.ReceivedPartName, StringComparer.Ordinal)) return;
        var file = _disk.Open(SnapshotCodec.ReceivedPartName, create: false);
        try
        {
            var reader = await SnapshotReader.OpenAsync(file, SnapshotCodec.ReceivedPartName, _owner, _keys);
            await reader.ReadWhatIsWholeAsync();
            var isOurs = !reader.IsWhole && reader.Header.Seal.KeyId == (_keys.Active?.Id ?? "");
            if (isOurs && Newest?.Mark.Last.Index >= reader.Header.Last.Index is false)
            {
                _receipt = new(await SnapshotWriter.ResumeAsync(file, reader, _dice), new(reader.Header.Last, reader.Membership), id: null);
                return;
            }
        }
        catch (Exception useless) when (useless is DamagedSnapshotException or UnusableDataException)
        {
            NodeLog.TransferForgotten(_log, useless.Message);
        }

        file.Dispose();
        await RemoveAsync(SnapshotCodec.ReceivedPartName);
    }

    private async ValueTask BeginReceiptAsync(Message.SnapshotChunk chunk)
    {
        _receipt?.Dispose();
        _receipt = null;
        var mark = new SnapshotMark(chunk.Id.Last, chunk.Membership);
        _receipt = new(await SnapshotWriter.BeginAsync(_disk, SnapshotCodec.ReceivedPartName, _owner, _keys.Active, mark, _dice), mark, chunk.Id);
    }

    private async ValueTask DropReceiptAsync()
    {
        _receipt?.Dispose();
        _receipt = null;
        await RemoveAsync(SnapshotCodec.ReceivedPartName);
    }

    private async ValueTask RemoveAsync(string name)
    {
        if (!_disk.List().Contains(name, StringComparer.Ordinal)) return;
        _disk.Delete(name);
        await _disk.SyncDirectoryAsync();
    }
}
