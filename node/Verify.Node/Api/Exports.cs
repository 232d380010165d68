using System.Globalization;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Exports under way. Each walks the store as it was at one applied index (taken in constant time) while the store goes on, page
/// by page. The page that was handed out last can be asked for again. Lives on the loop.</summary>
internal sealed class Exports(ApiParts parts)
{
    private readonly SortedDictionary<long, Export> _underWay = [];
    private long _numbers;

    /// <param name="cursor">Null begins.</param>
    public ApiReply Page(string? cursor)
    {
        if (cursor is null) return Begin();
        if (TryRead(cursor, out var number, out var from) && _underWay.TryGetValue(number, out var export))
        {
            if (export.Last is { } again && export.LastFrom == from) return again;
            if (export.Handed == from && export.Last is { Next: not null }) return PageOf(number, export);
        }

        return new ApiReply.Refused("this export is not known to this node (any more); begin again, and ask the same node for all its pages");
    }

    public void Tick(TimeSpan now)
    {
        if (_underWay.Count == 0) return;
        foreach (var (number, export) in _underWay.ToArray())
            if (now - export.UsedAt > parts.Config.Limits.ExportIdleMax) _underWay.Remove(number);
    }

    private ApiReply Begin()
    {
        var limits = parts.Config.Limits;
        foreach (var (done, _) in _underWay.Where(e => e.Value.Last is { Next: null }).ToArray()) _underWay.Remove(done);
        if (_underWay.Count >= limits.ExportsMax) return new ApiReply.Overloaded($"{limits.ExportsMax} exports are under way already", limits.ExportIdleMax);
        var (count, pairs) = parts.State.Kv.Frozen();
        var export = new Export(pairs.GetEnumerator(), count, parts.State.Applied.Index);
        export.HasMore = export.Rest.MoveNext();
        _underWay.Add(++_numbers, export);
        export.Last = PageOf(_numbers, export) with { Instances = [.. parts.State.Catalogue.All] };
        return export.Last;
    }

    private ApiReply.Exported PageOf(long number, Export export)
    {
        var (limits, bytes, page) = (parts.Config.Limits, 0L, new List<KvPair>());
        while (export.HasMore && page.Count < limits.BatchWritesMax)
        {
            bytes += (3L * export.Rest.Current.Key.Length) + export.Rest.Current.Value.Length;
            if (bytes > limits.BatchBytesMax && page.Count > 0) break;
            page.Add(export.Rest.Current);
            export.HasMore = export.Rest.MoveNext();
        }

        export.LastFrom = export.Handed;
        export.Handed += page.Count;
        export.UsedAt = parts.Pulse.Now;
        return export.Last = new(page, export.Applied.Value, export.Count, export.HasMore ? $"{number}.{export.Handed}" : null);
    }

    private static bool TryRead(string cursor, out long number, out long from)
    {
        (number, from) = (0, 0);
        var dot = cursor.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && long.TryParse(cursor.AsSpan(0, dot), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && long.TryParse(cursor.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out from);
    }

    private sealed class Export(IEnumerator<KvPair> rest, long count, LogIndex applied)
    {
        public IEnumerator<KvPair> Rest { get; } = rest;
        public long Count { get; } = count;
        public LogIndex Applied { get; } = applied;
        public bool HasMore { get; set; }
        public long Handed { get; set; }
        public long LastFrom { get; set; }
        public ApiReply.Exported? Last { get; set; }
        public TimeSpan UsedAt { get; set; }
    }
}
