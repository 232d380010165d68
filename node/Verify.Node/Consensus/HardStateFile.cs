using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>Term and vote, durable in one record. Two slots in one file take turns: a write that is cut short spoils only the slot
/// that was not acknowledged, and overwriting in place costs one sync and no new space (ReplaceAsync costs three syncs and
/// needs space, which a full disk has not). Each slot holds two copies in sectors of their own, so that one rotten sector does
/// not make the node forget a vote that it gave.
/// <code>
/// file   = slot(0) at 0, slot(1) at 4096; record number n is in slot n mod 2
/// slot   = copy copy, 1024 bytes each, filled up with zeros
/// copy   = "VRFYHARD" version:u32 bodyLength:u32 body crc:u32         crc covers all bytes before it
/// body   = clusterId:text nodeId:text number:u64 term:varint votedFor:optional text
/// </code></summary>
internal sealed class HardStateFile : IDisposable
{
    public const string Name = "hardstate";
    public const uint Version = 1;
    private const int CopyBytes = 1024;
    private const int SlotBytes = 2 * CopyBytes;
    private const int SlotDistance = 4096;
    private const int FixedBytes = 16;
    private readonly IDiskFile _file;
    private readonly DataOwner _owner;
    private long _number;

    private HardStateFile(IDiskFile file, DataOwner owner, Record? newest)
    {
        (_file, _owner) = (file, owner);
        _number = newest?.Number ?? -1;
        State = newest?.State ?? HardState.Initial;
    }

    /// <summary>What is durable.</summary>
    public HardState State { get; private set; }

    private static ReadOnlySpan<byte> Magic => "VRFYHARD"u8;

    /// <summary>What is there, without a touch; null when there is nothing that can be read.</summary>
    /// <exception cref="UnusableDataException">Another node's, or a newer program's.</exception>
    public static async ValueTask<HardState?> PeekAsync(IDisk disk, DataOwner owner)
    {
        if (!disk.List().Contains(Name, StringComparer.Ordinal)) return null;
        using var file = disk.Open(Name, create: false);
        if (Newest(await ReadAsync(file)) is not { } newest) return null;
        return newest.Owner == owner ? newest.State : throw UnusableDataException.Foreign(Name, newest.Owner, owner);
    }

    /// <summary>Reads the newest record; on an empty data directory writes the first.</summary>
    /// <param name="logTerm">The term of the last entry of log and snapshot; null when there is neither.</param>
    /// <exception cref="UnusableDataException">There is a log or a snapshot but no readable vote, or the data is another node's.</exception>
    /// <exception cref="IOException"/>
    public static async ValueTask<HardStateFile> OpenAsync(IDisk disk, DataOwner owner, Term? logTerm)
    {
        var file = disk.Open(Name, create: true);
        var newest = Newest(await ReadAsync(file));
        if (newest is not null && newest.Owner != owner) throw UnusableDataException.Foreign(Name, newest.Owner, owner);
        if (newest is null && logTerm is not null) throw Forgotten("it is missing or damaged, but there is a log or a snapshot");
        if (newest is not null && logTerm > newest.State.Term)
            throw Forgotten($"it knows term {newest.State.Term}, but log or snapshot have entries of term {logTerm}");
#if VERIFY_MUTANTS
        if (newest is not null && Mutant.Is("M03", deviates: newest.State.VotedFor is not null))
            newest = newest with { State = new(logTerm ?? Term.Zero, VotedFor: null) };
#endif
        // What was read may lie in the page cache alone (see LogRepair.FinishLastAsync): it is written anew before it counts.
        if (newest is not null) await WriteSlotAsync(file, newest);
        var opened = new HardStateFile(file, owner, newest);
        if (newest is null)
        {
            await file.SetLengthAsync(SlotDistance + SlotBytes);
            await file.WriteAsync(new byte[SlotDistance + SlotBytes], 0);
            await opened.WriteAsync(HardState.Initial);
        }

        await disk.SyncDirectoryAsync();
        return opened;
    }

    /// <summary>Durable when it returns.</summary>
    /// <exception cref="IOException">Nothing is known of what is on disk; do not go on.</exception>
    public async ValueTask WriteAsync(HardState state)
    {
        Invariant.Holds(state.Term >= State.Term, $"the durable term only grows (from {State.Term} to {state.Term})");
        var number = _number + 1;
#if VERIFY_MUTANTS
        if (Mutant.Is("M05", deviates: state.VotedFor is not null && state.Term > State.Term))
        {
            await WriteSlotAsync(_file, new(_owner, number++, state with { VotedFor = null }));
            await _file.WriteAsync(Slot(new(_owner, number, state)), number % 2 * SlotDistance);
            (_number, State) = (number, state);
            return;
        }
#endif
        await WriteSlotAsync(_file, new(_owner, number, state));
        (_number, State) = (number, state);
    }

    public void Dispose() => _file.Dispose();

    private static async ValueTask WriteSlotAsync(IDiskFile file, Record record)
    {
        await file.WriteAsync(Slot(record), record.Number % 2 * SlotDistance);
#if VERIFY_MUTANTS
        if (Mutant.Is("M04", deviates: true)) return;
#endif
        await file.SyncAsync();
    }

    private static async ValueTask<byte[]> ReadAsync(IDiskFile file)
    {
        var bytes = new byte[SlotDistance + SlotBytes];
        var have = 0;
        while (have < bytes.Length && await file.ReadAsync(bytes.AsMemory(have), have) is > 0 and var read) have += read;
        return bytes;
    }

    private static UnusableDataException Forgotten(string how) => new(
        $"{Name}: {how}. This node may have forgotten a vote that it gave, so it must not vote again. Restore {Name} from a backup "
        + $"of this node; or {UnusableDataException.ReplaceInstead}.");

    internal static byte[] Slot(Record record)
    {
        var body = new WireWriter();
        body.Text(record.Owner.ClusterId);
        body.Text(record.Owner.Node.Name);
        body.UInt64((ulong)record.Number);
        body.Number(record.State.Term.Value);
        body.TextOrNull(record.State.VotedFor?.Name);
        var copy = new WireWriter(CopyBytes);
        copy.Raw(Magic);
        copy.UInt32(Version);
        copy.UInt32((uint)body.Length);
        copy.Raw(body.Written.Span);
        copy.UInt32(Crc32C.Of(copy.Written.Span));
        Invariant.Holds(copy.Length <= CopyBytes, "names of cluster and nodes fit into the vote record (900 bytes together)");
        var slot = new byte[SlotBytes];
        copy.Written.Span.CopyTo(slot);
        copy.Written.Span.CopyTo(slot.AsSpan(CopyBytes));
        return slot;
    }

    /// <summary>As long as the file is when it is whole.</summary>
    internal static byte[] Padded(byte[] bytes)
    {
        Array.Resize(ref bytes, SlotDistance + SlotBytes);
        return bytes;
    }

    internal static Record? Newest(ReadOnlySpan<byte> file)
    {
        Record? newest = null;
        ReadOnlySpan<int> places = [0, CopyBytes, SlotDistance, SlotDistance + CopyBytes];
        foreach (var place in places)
        {
            if (TryRead(file.Slice(place, CopyBytes), out var record) && record.Number > (newest?.Number ?? -1)) newest = record;
        }

        return newest;
    }

    private static bool TryRead(ReadOnlySpan<byte> copy, [NotNullWhen(true)] out Record? record)
    {
        record = null;
        if (!copy[..8].SequenceEqual(Magic)) return false;
        var version = BinaryPrimitives.ReadUInt32LittleEndian(copy[8..]);
        if (version > Version) throw UnusableDataException.Newer(Name, version, Version);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(copy[12..]);
        if (length > CopyBytes - FixedBytes - 4) return false;
        var end = FixedBytes + (int)length;
        if (BinaryPrimitives.ReadUInt32LittleEndian(copy[end..]) != Crc32C.Of(copy[..end])) return false;
        try
        {
            var body = new WireReader(copy[FixedBytes..end]);
            var owner = new DataOwner(body.Text(), new(body.Text()));
            var number = (long)body.UInt64();
            var term = new Term(body.Number());
            var vote = body.TextOrNull();
            body.End();
            record = new(owner, number, new(term, vote is null ? null : new NodeId(vote)));
            return number >= 0;
        }
        catch (WireFormatException)
        {
            return false;
        }
    }

    internal sealed record Record(DataOwner Owner, long Number, HardState State);
}
