using System.Buffers;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Disk;

/// <summary>The bytes of one file, twice: as the process sees them (the page cache), and as they would be after a power loss.</summary>
internal sealed class SimFile(string name)
{
    private const int SmallestBytes = 4_096;
    private const int Fates = 4;
    private readonly List<Change> _pending = [];
    private byte[] _seen = [];
    private byte[] _durable = [];
    private long _durableLength;
    private long _sequence;
    private bool _hasForgotten;

    /// <summary>A change that has not been synced: bytes written, or (Length -1 aside) the file cut or extended to Offset.</summary>
    private readonly record struct Change(long Sequence, long Offset, int Bytes, bool IsLength);

    public string Name { get; } = name;
    public long Length { get; private set; }
    public long DurableLength => _durableLength;

    /// <summary>Something of what is seen would be gone after a loss of power.</summary>
    public bool IsUnsynced => _pending.Count > 0 || (_hasForgotten && !IsAllDurable());

    /// <summary>The newest change; a sync covers what is up to here when it begins.</summary>
    public long Sequence => _sequence;

    public int Read(Span<byte> into, long offset)
    {
        if (offset >= Length) return 0;
        var part = (int)Math.Min(into.Length, Length - offset);
        _seen.AsSpan((int)offset, part).CopyTo(into);
        return part;
    }

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        if (bytes.IsEmpty) return;
        var end = offset + bytes.Length;
        Grow(ref _seen, end);
        if (offset > Length) _seen.AsSpan((int)Length, (int)(offset - Length)).Clear();
        bytes.CopyTo(_seen.AsSpan((int)offset));
        Length = Math.Max(Length, end);
        _pending.Add(new Change(++_sequence, offset, bytes.Length, IsLength: false));
    }

    public void SetLength(long length)
    {
        Grow(ref _seen, length);
        if (length > Length) _seen.AsSpan((int)Length, (int)(length - Length)).Clear();
        Length = length;
        _pending.Add(new Change(++_sequence, length, 0, IsLength: true));
    }

    /// <summary>Makes durable what was written up to that change.</summary>
    public void Sync(long upTo)
    {
        var done = 0;
        for (; done < _pending.Count && _pending[done].Sequence <= upTo; done++) Harden(_pending[done], _pending[done].Bytes);
        _pending.RemoveRange(0, done);
    }

    /// <summary>A sync failed: the kernel marks the pages clean all the same, so that no later sync writes them (Rebello et al.,
    /// USENIX ATC 2020). They are seen until the crash and gone after it, unless they are written anew, by this process or a later one.</summary>
    public void Forget(long upTo) => _hasForgotten |= _pending.RemoveAll(change => change.Sequence <= upTo) > 0;

    /// <summary>The whole content anew, seen and durable at once.</summary>
    public void Replace(ReadOnlySpan<byte> content)
    {
        _pending.Clear();
        _hasForgotten = false;
        CopyInto(ref _seen, content);
        CopyInto(ref _durable, content);
        Length = _durableLength = content.Length;
    }

    /// <summary>The power is gone: of each change that was not synced everything, nothing or the beginning is left.</summary>
    public void Crash(IChoiceSource choices, bool keepsSome)
    {
        foreach (var change in _pending)
        {
            if (!keepsSome) break;
            switch (choices.Next(ChoiceKind.Fault, Fates))
            {
                case 0: Harden(change, change.Bytes); break;
                case 1 when change.Bytes > 1: Harden(change, 1 + choices.Next(ChoiceKind.Value, change.Bytes - 1)); break;
                default: break;
            }
        }

        _pending.Clear();
        _hasForgotten = false;
        CopyInto(ref _seen, _durable.AsSpan(0, (int)_durableLength));
        Length = _durableLength;
    }

    /// <summary>The world has ended: the buffers go to the next. Nothing may be asked of the file after that.</summary>
    public void Release()
    {
        _pending.Clear();
        GiveBack(ref _seen);
        GiveBack(ref _durable);
        Length = _durableLength = 0;
    }

    /// <summary>Turns bits of one byte, seen and durable.</summary>
    public void Damage(long offset, byte bits)
    {
        if (offset < Length) _seen[offset] ^= bits;
        if (offset < _durableLength) _durable[offset] ^= bits;
    }

    /// <summary>Zeros from here to the end of the sector, seen and durable; how many bytes that changed.</summary>
    public long Tear(long offset, int sectorBytes)
    {
        var end = Math.Min(Length, ((offset / sectorBytes) + 1) * sectorBytes);
        var changed = 0L;
        for (var at = offset; at < end; at++)
        {
            if (_seen[at] != 0) changed++;
            _seen[at] = 0;
            if (at < _durableLength) _durable[at] = 0;
        }

        return changed;
    }

    private bool IsAllDurable() => Length == _durableLength && _seen.AsSpan(0, (int)Length).SequenceEqual(_durable.AsSpan(0, (int)Length));

    private void Harden(Change change, int bytes)
    {
        if (change.IsLength)
        {
            Grow(ref _durable, change.Offset);
            if (change.Offset > _durableLength) _durable.AsSpan((int)_durableLength, (int)(change.Offset - _durableLength)).Clear();
            _durableLength = change.Offset;
            return;
        }

        var available = (int)Math.Clamp(_seen.Length - change.Offset, 0, bytes);
        var end = change.Offset + available;
        if (available == 0) return;
        Grow(ref _durable, end);
        if (change.Offset > _durableLength) _durable.AsSpan((int)_durableLength, (int)(change.Offset - _durableLength)).Clear();
        _seen.AsSpan((int)change.Offset, available).CopyTo(_durable.AsSpan((int)change.Offset));
        _durableLength = Math.Max(_durableLength, end);
    }

    private static void Grow(ref byte[] bytes, long needed)
    {
        if (needed <= bytes.Length) return;
        // What lies behind the length is written before it is read, so it need not be cleared. Log files grow into what the collector holds
        // for large objects, and a whole collection follows each few megabytes of those: the buffers are used again.
        var wider = ArrayPool<byte>.Shared.Rent((int)Math.Max(needed, Math.Max(SmallestBytes, bytes.Length * 2L)));
        bytes.CopyTo(wider, 0);
        GiveBack(ref bytes);
        bytes = wider;
    }

    private static void CopyInto(ref byte[] bytes, ReadOnlySpan<byte> content)
    {
        if (content.Length > bytes.Length)
        {
            GiveBack(ref bytes);
            Grow(ref bytes, content.Length);
        }

        content.CopyTo(bytes);
    }

    private static void GiveBack(ref byte[] bytes)
    {
        if (bytes.Length > 0) ArrayPool<byte>.Shared.Return(bytes);
        bytes = [];
    }
}
