using System.Buffers.Binary;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>How a segment ends behind its last good record.</summary>
internal enum SegmentTail
{
    /// <summary>There is nothing behind it.</summary>
    Clean,

    /// <summary>A write that a crash cut short: nobody was told of it.</summary>
    Torn,

    /// <summary>Bytes that were once good, or cannot be told from such.</summary>
    Damaged,
}

/// <summary>Entries that follow each other without a gap and whose records are good.</summary>
/// <param name="Offset">Where the first record begins.</param>
internal sealed record RecordRun(LogIndex First, long Offset)
{
    public List<Entry> Entries { get; } = [];
    public List<RecordPlace> Places { get; } = [];
    public long End { get; set; } = Offset;
    public LogIndex Last => First.Plus(Entries.Count - 1);
}

/// <summary>What is still good in one segment's bytes, and what is not. Decides nothing about the log as a whole.</summary>
internal sealed class SegmentScan
{
    private const int SectorBytes = 512;
    private readonly byte[] _bytes;

    /// <param name="format">Null when the header cannot be read: then nothing is good.</param>
    private SegmentScan(string name, byte[] bytes, SegmentHeader? header, SegmentFormat? format) =>
        (Name, _bytes, Header, Format) = (name, bytes, header, format);

    public string Name { get; }
    public LogIndex NamedFirst => LogCodec.FirstOf(Name);
    public ReadOnlyMemory<byte> Bytes => _bytes;
    public SegmentHeader? Header { get; }
    public SegmentFormat? Format { get; }
    public List<RecordRun> Runs { get; } = [];
    public SegmentTail Tail { get; private set; }

    /// <summary>The first damage, if any: where, and what.</summary>
    public (long Offset, string What)? Damage { get; private set; }

    /// <summary>No entry beyond this one can have been in this segment.</summary>
    public LogIndex LastPossible { get; private set; }

    public static SegmentScan Of(string name, byte[] bytes, SegmentHeader? header, SegmentFormat? format)
    {
        var scan = new SegmentScan(name, bytes, header, format);
        if (header is null) scan.WithoutHeader();
        else if (header.First != scan.NamedFirst) scan.Misplaced(header);
        else scan.ReadRecords(header);
        return scan;
    }

    private void Misplaced(SegmentHeader header)
    {
        Tail = SegmentTail.Damaged;
        Damage = (0, $"the segment says that it begins with entry {header.First}");
        LastPossible = NamedFirst.Plus(_bytes.Length / 25);
    }

    /// <summary>The header is written and synced before the first record: a file that is no longer than a header holds nothing else. The
    /// headers of version 1 were shorter, so there it must be looked for records.</summary>
    private void WithoutHeader()
    {
        var format1 = SegmentFormat.Of(new(1, new("", new("")), NamedFirst, 0), DataKeys.None, Name);
        var version = FileHeader.VersionOf(_bytes, LogCodec.Magic);
        var mayHold = version == 1 || _bytes.Length <= FileHeader.Bytes ? NextGood(format1, 0, NamedFirst) is not null : _bytes.Length > 0;
        Tail = mayHold ? SegmentTail.Damaged : SegmentTail.Torn;
        Damage = (0, "the segment's header is damaged");
        LastPossible = mayHold ? NamedFirst.Plus(_bytes.Length / format1.HeadBytes) : NamedFirst.Previous;
    }

    private void ReadRecords(SegmentHeader header)
    {
        var (at, seen) = ((long)header.Bytes, header.First.Previous);
        for (var run = ReadRun(at, header.First); ;)
        {
            if (run.Entries.Count > 0)
            {
                Runs.Add(run);
                (at, seen) = (run.End, LogIndex.Max(seen, run.Last));
            }

            // A record that is good in itself but does not follow what is here is damage too; behind it there may be more.
            var next = NextGood(Format!, run.Entries.Count > 0 || Damage is null ? at : at + 1, seen.Next);
            if (at == _bytes.Length || next is null) break;
            Damage ??= (at, $"the record of entry {seen.Next} is damaged");
            at = next.Value.Offset;
            if (Format!.Version == 1)
            {
                // Without a salt these may also be bytes that a client wrote: enough to know of damage, not enough to go on with.
                at = SkipGood(at, ref seen);
                break;
            }

            run = ReadRun(at, next.Value.Index);
        }

        JudgeTail(at, seen);
    }

    /// <summary>In version 1, behind damage: how far the good records go.</summary>
    private long SkipGood(long at, ref LogIndex seen)
    {
        while (NextGood(Format!, at, new(1)) is { } next)
        {
            seen = LogIndex.Max(seen, next.Index);
            at = next.End;
        }

        return at;
    }

    private void JudgeTail(long at, LogIndex seen)
    {
        LastPossible = seen;
        if (at == _bytes.Length)
        {
            Tail = Damage is null ? SegmentTail.Clean : SegmentTail.Damaged;
            if (Runs.Count > 0 && Runs[^1].End == _bytes.Length) Tail = SegmentTail.Clean;
            return;
        }

        var isTorn = Format!.Version == 1 ? Damage is null : IsTorn(at);
        Tail = isTorn ? SegmentTail.Torn : SegmentTail.Damaged;
        if (isTorn) return;
        Damage ??= (at, $"the record of entry {seen.Next} is damaged");
        LastPossible = seen.Plus(Math.Max(1, (_bytes.Length - at) / Format.HeadBytes));
    }

    /// <summary>Whether the rest of the file can be what a crash left of a write: the file ends before the record does, or a sector of it
    /// has not arrived (it reads as zeros). A record that is all there and yet wrong has rotten after it was written.</summary>
    private bool IsTorn(long at)
    {
        var rest = _bytes.AsSpan((int)at);
        if (rest.Length < Format!.HeadBytes) return true;
        var bytes = Format.TryReadHead(rest) is { } head ? head.Bytes : Format.HeadBytes;
        if (bytes > rest.Length) return true;
        for (var from = at; from < at + bytes;)
        {
            var end = Math.Min(at + bytes, (from / SectorBytes * SectorBytes) + SectorBytes);
            if (_bytes.AsSpan((int)from, (int)(end - from)).IndexOfAnyExcept((byte)0) < 0) return true;
            from = end;
        }

        return false;
    }

    private RecordRun ReadRun(long at, LogIndex first)
    {
        var run = new RecordRun(first, at);
        var term = Runs.Count > 0 ? Runs[^1].Entries[^1].Term : Header!.PreviousTerm ?? Term.Zero;
        while (true)
        {
            var here = _bytes.AsSpan((int)run.End);
            if (Format!.TryReadHead(here) is not { } head || head.Id.Index != first.Plus(run.Entries.Count) || head.Id.Term < term) break;
            if (!Format.IsWhole(here, head)) break;
            run.Entries.Add(Format.Open(here, head, Name, run.End));
            run.Places.Add(new(run.End, head.Id.Term));
            run.End += head.Bytes;
            term = head.Id.Term;
        }

        return run;
    }

    /// <summary>Looks for an undamaged record at any offset.</summary>
    private (long Offset, LogIndex Index, long End)? NextGood(SegmentFormat format, long from, LogIndex least)
    {
        for (var at = from; at <= _bytes.Length - format.HeadBytes; at++)
        {
            var here = _bytes.AsSpan((int)at);
            if (format.TryReadHead(here) is not { } head || head.Id.Index < least || head.Id.Index.Value > NamedFirst.Value + _bytes.Length) continue;
            if (format.IsWhole(here, head)) return (at, head.Id.Index, at + head.Bytes);
        }

        return null;
    }
}
