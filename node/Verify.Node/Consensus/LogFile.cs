using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>The durable log: segments of records, written at the end, synced in groups, cut back on conflict. A driver: it does
/// what it is told, and what it reports as done is durable. One call at a time.</summary>
internal sealed class LogFile : IDisposable
{
    private readonly IDisk _disk;
    private readonly DataOwner _owner;
    private readonly int _segmentBytesMax;
    private readonly List<Segment> _segments;
    private readonly WireWriter _buffer = new(64 * 1024);
    private IDiskFile? _open;

    internal LogFile(IDisk disk, DataOwner owner, int segmentBytesMax, List<Segment> segments)
    {
        (_disk, _owner, _segmentBytesMax, _segments) = (disk, owner, segmentBytesMax, segments);
        if (segments.Count > 0) _open = disk.Open(segments[^1].Name, create: false);
    }

    /// <summary>The last entry that is durable.</summary>
    public EntryId Last => _segments.Count == 0 ? EntryId.Zero : _segments[^1].Last ?? (_segments.Count > 1 ? _segments[^2].Last!.Value : EntryId.Zero);

    /// <summary>Makes the entries durable, with one sync where they fit into the open segment. Entries that lie where others lay
    /// replace those and everything after them; the old ones are durably gone before the new ones are written, so that a crash
    /// can never leave a new entry followed by an old tail.</summary>
    /// <exception cref="DiskFullException">The log is as it was, or ends after a whole, durable part of the entries. Calling again
    /// with the same entries goes on from there.</exception>
    /// <exception cref="IOException">Nothing is known of what is on disk; do not go on.</exception>
    public async ValueTask AppendAsync(IReadOnlyList<Entry> entries)
    {
        var next = 0;
        while (next < entries.Count && IsThere(entries[next].Id)) next++;
        if (next == entries.Count) return;
        if (entries[next].Index <= Last.Index) await CutAsync(entries[next].Index);
        Invariant.Holds(entries[next].Index == Last.Index.Next,
            $"the log grows without gaps (last {Last.Index}, new {entries[next].Index})");
        while (next < entries.Count)
        {
            if (_open is null || _segments[^1].End >= _segmentBytesMax) await StartSegmentAsync(entries[next].Index);
            next = await AppendToSegmentAsync(entries, next);
        }
    }

    public void Dispose()
    {
        _open?.Dispose();
        _open = null;
    }

    private bool IsThere(EntryId id)
    {
        for (var i = _segments.Count - 1; i >= 0; i--)
        {
            var position = id.Index.Value - _segments[i].First.Value;
            if (position >= 0) return position < _segments[i].Records.Count && _segments[i].Records[(int)position].Term == id.Term;
        }

        return false;
    }

    /// <summary>Writes as many entries as the open segment takes, and syncs. Returns the number of the first that is left.</summary>
    private async ValueTask<int> AppendToSegmentAsync(IReadOnlyList<Entry> entries, int next)
    {
        var segment = _segments[^1];
        var places = new List<RecordPlace>();
        _buffer.Clear();
        while (next < entries.Count && segment.End + _buffer.Length < _segmentBytesMax)
        {
            places.Add(new(segment.End + _buffer.Length, entries[next].Term));
            LogCodec.WriteRecord(_buffer, entries[next++]);
        }

#if VERIFY_MUTANTS
        try
        {
            await WriteOrCutBackAsync(segment);
        }
        catch (DiskFullException) when (Mutant.Is("M26", deviates: true))
        {
            segment.Records.AddRange(places.Select(place => place with { Offset = segment.End }));
            return next;
        }
#else
        await WriteOrCutBackAsync(segment);
#endif
        await _open!.SyncAsync();
        segment.Records.AddRange(places);
        segment.End += _buffer.Length;
        return next;
    }

    private async ValueTask WriteOrCutBackAsync(Segment segment)
    {
        try
        {
            await _open!.WriteAsync(_buffer.Written, segment.End);
        }
        catch (DiskFullException)
        {
            await _open!.SetLengthAsync(segment.End);
            await _open.SyncAsync();
            throw;
        }
    }

    /// <summary>The segment before is durable to its last byte by now: only the last segment can have a torn tail.</summary>
    private async ValueTask StartSegmentAsync(LogIndex first)
    {
        var name = LogCodec.SegmentName(first);
        var header = LogCodec.Header(_owner, first);
        var file = _disk.Open(name, create: true);
        try
        {
            await file.SetLengthAsync(0);
            await file.WriteAsync(header, 0);
        }
        catch (DiskFullException)
        {
            file.Dispose();
            _disk.Delete(name);
            await _disk.SyncDirectoryAsync();
            throw;
        }

        await file.SyncAsync();
        await _disk.SyncDirectoryAsync();
        _open?.Dispose();
        _open = file;
        _segments.Add(new(name, first, header.Length));
    }

    /// <summary>Removes this entry and all after it. Whole segments go one by one from the last, each durably, so that a crash
    /// in between leaves a shorter log and never a log with a hole.</summary>
    private async ValueTask CutAsync(LogIndex from)
    {
        while (_segments[^1].First >= from && _segments.Count > 1)
        {
            Dispose();
            _disk.Delete(_segments[^1].Name);
            await _disk.SyncDirectoryAsync();
            _segments.RemoveAt(_segments.Count - 1);
        }

        var segment = _segments[^1];
        _open ??= _disk.Open(segment.Name, create: false);
        var kept = (int)(from.Value - segment.First.Value);
        if (kept >= segment.Records.Count) return;
        var end = segment.Records[kept].Offset;
        await _open.SetLengthAsync(end);
        await _open.SyncAsync();
        segment.Records.RemoveRange(kept, segment.Records.Count - kept);
        segment.End = end;
    }

    /// <summary>One file of the log and where its records lie.</summary>
    internal sealed class Segment(string name, LogIndex first, long end)
    {
        public string Name { get; } = name;
        public LogIndex First { get; } = first;
        public List<RecordPlace> Records { get; } = [];
        public long End { get; set; } = end;
        public EntryId? Last => Records.Count == 0 ? null : new(Records[^1].Term, First.Plus(Records.Count - 1));
    }

    internal readonly record struct RecordPlace(long Offset, Term Term);
}
