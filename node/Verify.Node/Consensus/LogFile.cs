using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>How the log is written.</summary>
/// <param name="SegmentBytesMax">A segment that has so many bytes of records gets no more.</param>
/// <param name="Dice">For the salts of new files.</param>
internal sealed record LogSettings(int SegmentBytesMax, DataKeys Keys, Dice Dice);

/// <summary>The durable log: segments of records, written at the end, synced in groups, cut back on conflict, forgotten from the front
/// when a snapshot holds them. A driver: it does what it is told, and what it reports as done is durable. One call at a time.</summary>
internal sealed class LogFile : IDisposable
{
    /// <summary>More than what may be left of the last block of a file.</summary>
    private const int TrialBytes = 4096;
    private readonly IDisk _disk;
    private readonly DataOwner _owner;
    private readonly LogSettings _settings;
    private readonly List<LogSegment> _segments;
    private readonly WireWriter _buffer = new(64 * 1024);
    private readonly List<RecordPlace> _places = [];
    private DataKeys _keys;
    private EntryId _base;
    private IDiskFile? _open;
    private bool _startsSegment;

    /// <param name="before">The entry that the first one follows, where there are no segments.</param>
    internal LogFile(IDisk disk, DataOwner owner, LogSettings settings, EntryId before, List<LogSegment> segments)
    {
        (_disk, _owner, _settings, _keys, _base, _segments) = (disk, owner, settings, settings.Keys, before, segments);
        if (segments.Count == 0) return;
        _open = disk.Open(segments[^1].Name, create: false);
        _startsSegment = segments[^1].Format is var format && (format.Version != LogCodec.Version || format.KeyId != (_keys.Active?.Id ?? ""));
    }

    /// <summary>The last entry that is durable (or the one that the log follows, when it is empty).</summary>
    public EntryId Last => _segments.Count == 0 ? _base : _segments[^1].Last;

    /// <summary>The first entry that is here; one more than the last when there is none.</summary>
    public LogIndex First => _segments.Count == 0 ? _base.Index.Next : _segments[0].First;
    public long Entries => Last.Index.Value - First.Value + 1;
    public long Bytes => _segments.Sum(static segment => segment.End);

    /// <summary>The keys with which segments are sealed that are still here, sorted.</summary>
    public IReadOnlyList<string> KeyIds => [.. _segments.Select(s => s.Format.KeyId).Where(id => id.Length > 0).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>The keys from now on: the next append begins a segment that is sealed with the active one. Older segments stay as they are
    /// until snapshots make them superfluous.</summary>
    public void UseKeys(DataKeys keys)
    {
        _keys = keys;
        _startsSegment = _segments.Count > 0;
    }

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
            if (_open is null || _startsSegment || _segments[^1].RecordBytes >= _settings.SegmentBytesMax) await StartSegmentAsync();
            next = await AppendToSegmentAsync(entries, next);
        }
    }

    /// <summary>Deletes whole segments in which everything is in a snapshot. From the first on, one by one, each durably: a crash leaves a
    /// shorter log and never one with a hole. The segment that is written to stays.</summary>
    public async ValueTask DiscardAsync(LogIndex upTo)
    {
        while (_segments.Count > 1 && _segments[0].Last.Index <= upTo)
        {
            _disk.Delete(_segments[0].Name);
            await _disk.SyncDirectoryAsync();
            _segments[0].Dispose();
            _segments.RemoveAt(0);
        }
    }

    /// <summary>A snapshot that ends with this entry has become the state: all that is here goes, and the next entry follows it. The
    /// snapshot must be durable before this is called. From the last segment on, so that what a crash leaves ends before the snapshot does.</summary>
    public async ValueTask ResetAsync(EntryId last)
    {
        Close();
        while (_segments.Count > 0)
        {
            _disk.Delete(_segments[^1].Name);
            await _disk.SyncDirectoryAsync();
            _segments[^1].Dispose();
            _segments.RemoveAt(_segments.Count - 1);
        }

        (_base, _startsSegment) = (last, false);
    }

    public void Dispose()
    {
        Close();
        foreach (var segment in _segments) segment.Dispose();
    }

    private void Close()
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
        _places.Clear();
        _buffer.Clear();
        while (next < entries.Count && segment.RecordBytes + _buffer.Length < _settings.SegmentBytesMax)
        {
            _places.Add(new(segment.End + _buffer.Length, entries[next].Term));
            segment.Format.Write(_buffer, entries[next++]);
        }

#if VERIFY_MUTANTS
        try
        {
            await WriteOrCutBackAsync(segment);
        }
        catch (DiskFullException) when (Mutant.Is("M26", deviates: true))
        {
            segment.Records.AddRange(_places.Select(place => place with { Offset = segment.End }));
            return next;
        }

        try
        {
            await _open!.SyncAsync();
        }
        catch (IOException) when (Mutant.Is("M28", deviates: true))
        {
            await _open!.SyncAsync();
        }
#else
        await WriteOrCutBackAsync(segment);
        await _open!.SyncAsync();
#endif
        segment.Records.AddRange(_places);
        segment.End += _buffer.Length;
        return next;
    }

    /// <summary>Finds out whether there is space for a few entries. What it writes is gone again; after a crash in between it is a torn tail.</summary>
    /// <exception cref="DiskFullException"/>
    public async ValueTask TrySpaceAsync()
    {
        if (_open is null) return;
        var end = _segments[^1].End;
        try
        {
            await _open.WriteAsync(new byte[TrialBytes], end);
            await _open.SyncAsync();
        }
        catch (DiskFullException)
        {
            await CutBackAsync();
            throw;
        }

        await CutBackAsync();

        async ValueTask CutBackAsync()
        {
            await _open.SetLengthAsync(end);
            await _open.SyncAsync();
        }
    }

    private async ValueTask WriteOrCutBackAsync(LogSegment segment)
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

    /// <summary>The segment before is durable to its last byte by now: only the last segment can have a torn tail. One that has no records
    /// is written over.</summary>
    private async ValueTask StartSegmentAsync()
    {
        var before = Last;
        var name = LogCodec.SegmentName(before.Index.Next);
        if (_segments.Count > 0 && _segments[^1].Records.Count == 0)
        {
            Close();
            if (_segments.Count == 1) _base = before;
            _segments[^1].Dispose();
            _segments.RemoveAt(_segments.Count - 1);
        }

        var (format, header) = SegmentFormat.New(_keys.Active, _owner, before.Index.Next, before.Term, _settings.Dice);
        var file = _disk.Open(name, create: true);
        try
        {
            await file.SetLengthAsync(0);
            await file.WriteAsync(header, 0);
        }
        catch (DiskFullException)
        {
            file.Dispose();
            format.Dispose();
            _disk.Delete(name);
            await _disk.SyncDirectoryAsync();
            if (_open is null && _segments.Count > 0) _open = _disk.Open(_segments[^1].Name, create: false);
            throw;
        }

        await file.SyncAsync();
        await _disk.SyncDirectoryAsync();
        Close();
        _open = file;
        _startsSegment = false;
        _segments.Add(new(name, before.Index.Next, before.Term, header.Length, format));
    }

    /// <summary>Removes this entry and all after it. Whole segments go one by one from the last, each durably, so that a crash
    /// in between leaves a shorter log and never a log with a hole.</summary>
    private async ValueTask CutAsync(LogIndex from)
    {
        Invariant.Holds(from >= First, $"only what is in the log can be cut off (first {First}, cut from {from})");
        while (_segments[^1].First >= from && _segments.Count > 1)
        {
            Close();
            _disk.Delete(_segments[^1].Name);
            await _disk.SyncDirectoryAsync();
            _segments[^1].Dispose();
            _segments.RemoveAt(_segments.Count - 1);
            _startsSegment = _segments[^1].Format.Version != LogCodec.Version || _segments[^1].Format.KeyId != (_keys.Active?.Id ?? "");
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
}
