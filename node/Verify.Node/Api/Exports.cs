using System.Globalization;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Exports under way. Each is the list of all pairs at one applied index; pairs never change, so the list costs a reference per
/// pair and shows that moment for as long as somebody reads on. Lives on the loop.</summary>
internal sealed class Exports(ApiParts parts)
{
    private readonly SortedDictionary<long, Export> _underWay = [];
    private long _numbers;

    /// <param name="cursor">Null begins.</param>
    public ApiReply Page(string? cursor)
    {
        var limits = parts.Config.Limits;
        if (cursor is null)
        {
            if (_underWay.Count >= limits.ExportsMax)
                return new ApiReply.Overloaded($"{limits.ExportsMax} exports are under way already", limits.ExportIdleMax);
            _underWay.Add(++_numbers, new(parts.State.Kv.List(""), parts.State.Applied.Index, parts.Pulse.Now));
            return PageOf(_numbers, from: 0);
        }

        return TryRead(cursor, out var number, out var from)
            ? PageOf(number, from)
            : new ApiReply.Refused("this export is not known to this node (any more); begin again, and ask the same node for all its pages");
    }

    public void Tick(TimeSpan now)
    {
        if (_underWay.Count == 0) return;
        foreach (var (number, export) in _underWay.ToArray())
            if (now - export.UsedAt > parts.Config.Limits.ExportIdleMax) _underWay.Remove(number);
    }

    private ApiReply.Exported PageOf(long number, int from)
    {
        var export = _underWay[number] = _underWay[number] with { UsedAt = parts.Pulse.Now };
        var (limits, bytes, end) = (parts.Config.Limits, 0L, from);
        while (end < export.Pairs.Count && end - from < limits.BatchWritesMax)
        {
            bytes += export.Pairs[end].Key.Length + export.Pairs[end].Value.Length;
            if (bytes > limits.BatchBytesMax / 2 && end > from) break;
            end++;
        }

        var isLast = end == export.Pairs.Count;
        if (isLast) _underWay.Remove(number);
        return new([.. export.Pairs.Skip(from).Take(end - from)], export.Applied.Value, export.Pairs.Count, isLast ? null : $"{number}.{end}");
    }

    private bool TryRead(string cursor, out long number, out int from)
    {
        (number, from) = (0, 0);
        var dot = cursor.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && long.TryParse(cursor.AsSpan(0, dot), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && int.TryParse(cursor.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out from)
            && _underWay.TryGetValue(number, out var export) && from < export.Pairs.Count;
    }

    private sealed record Export(IReadOnlyList<KvPair> Pairs, LogIndex Applied, TimeSpan UsedAt);
}
