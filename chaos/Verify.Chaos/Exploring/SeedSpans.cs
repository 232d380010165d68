using System.Globalization;

namespace Verify.Chaos.Exploring;

/// <summary>Seeds from one to another, both included.</summary>
internal readonly record struct SeedSpan(ulong From, ulong To)
{
    public decimal Count => (decimal)To - From + 1;

    public override string ToString() => From == To ? From.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{From}..{To}");
}

/// <summary>Ranges of seeds, never written out one by one: "7", "1..100", "1..100,205", or without end "1..".</summary>
internal static class SeedSpans
{
    /// <exception cref="FormatException">Says what is wrong.</exception>
    public static IReadOnlyList<SeedSpan> Parse(string text)
    {
        var spans = new List<SeedSpan>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var dots = part.IndexOf("..", StringComparison.Ordinal);
            var first = dots < 0 ? part : part[..dots];
            var last = dots < 0 ? part : part[(dots + 2)..];
            var to = ulong.MaxValue;
            if (!ulong.TryParse(first, out var from) || (last.Length > 0 && !ulong.TryParse(last, out to)) || to < from)
                throw new FormatException($"'{part}' is no range of seeds; write 7, 1..100, 1..100,205, or 1.. for all from 1 on");
            spans.Add(new(from, to));
        }

        var joined = Join(spans);
        if (joined.Count == 0) throw new FormatException("no seeds are named; write 7, 1..100 or 1..");
        if (joined.Sum(s => s.Count) != spans.Sum(s => s.Count)) throw new FormatException($"'{text}' names seeds twice");
        return joined;
    }

    public static string Text(IEnumerable<SeedSpan> spans) => string.Join(',', spans);

    /// <summary>In order, with neighbours made one.</summary>
    public static IReadOnlyList<SeedSpan> Join(IEnumerable<SeedSpan> spans)
    {
        var joined = new List<SeedSpan>();
        foreach (var span in spans.OrderBy(s => s.From))
        {
            if (joined.Count > 0 && (joined[^1].To == ulong.MaxValue || span.From <= joined[^1].To + 1))
                joined[^1] = joined[^1] with { To = Math.Max(joined[^1].To, span.To) };
            else joined.Add(span);
        }

        return joined;
    }

    /// <summary>What is in the first and not in the second; both in order and joined.</summary>
    public static IReadOnlyList<SeedSpan> Without(IReadOnlyList<SeedSpan> all, IReadOnlyList<SeedSpan> taken)
    {
        var left = new List<SeedSpan>();
        foreach (var span in all)
        {
            var from = span.From;
            var ended = false;
            foreach (var hole in taken)
            {
                if (hole.To < from || hole.From > span.To) continue;
                if (hole.From > from) left.Add(new(from, hole.From - 1));
                ended = hole.To >= span.To;
                if (ended) break;
                from = hole.To + 1;
            }

            if (!ended) left.Add(new(from, span.To));
        }

        return left;
    }

    /// <summary>Seeds that are in more than one of these.</summary>
    public static IReadOnlyList<SeedSpan> Overlaps(IEnumerable<SeedSpan> spans)
    {
        var overlaps = new List<SeedSpan>();
        var end = (ulong?)null;
        foreach (var span in spans.OrderBy(s => s.From))
        {
            if (end >= span.From) overlaps.Add(new(span.From, Math.Min(span.To, end.Value)));
            end = Math.Max(end ?? 0, span.To);
        }

        return Join(overlaps);
    }
}

/// <summary>One machine's part of the seeds. Seeds are dealt out in blocks, because a strategy that learns does so within a block; a block is
/// the same seeds whatever range was asked for.</summary>
internal readonly record struct Shard(int Index, int Count)
{
    public static Shard Whole { get; } = new(0, 1);

    /// <exception cref="FormatException">Says what is wrong.</exception>
    public static Shard Parse(string text)
    {
        var parts = text.Split('/');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var count) && index < count ? new(index, count)
            : throw new FormatException($"'{text}' is no shard; write i/n with i from 0 to n-1, as 0/4");
    }

    /// <summary>The blocks of this shard, in order, each cut to what was asked for.</summary>
    public IEnumerable<SeedSpan> Blocks(IReadOnlyList<SeedSpan> asked, int blockSize)
    {
        var size = (ulong)blockSize;
        foreach (var span in asked)
        {
            for (var block = span.From / size; ; block++)
            {
                var (from, to) = (block * size, (block * size) + (size - 1));
                if (to < from) to = ulong.MaxValue;
                if (block % (ulong)Count == (ulong)Index) yield return new(Math.Max(from, span.From), Math.Min(to, span.To));
                if (to >= span.To) break;
            }
        }
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Index}/{Count}");
}
