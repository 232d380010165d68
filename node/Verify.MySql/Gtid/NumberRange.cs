using System.Collections.Immutable;

namespace Verify.MySql.Gtid;

/// <summary>Consecutive transaction numbers of one source, both ends included.</summary>
internal readonly record struct NumberRange(long First, long Last)
{
    /// <summary>The largest number a server gives (GNO_END - 1).</summary>
    public const long NumberMax = long.MaxValue - 1;

    public long Count => Last - First + 1;

    /// <summary>Ordered, without overlap, neighbours joined.</summary>
    public static ImmutableArray<NumberRange> Normalize(List<NumberRange> ranges)
    {
        ranges.Sort((a, b) => a.First.CompareTo(b.First));
        var joined = ImmutableArray.CreateBuilder<NumberRange>(ranges.Count);
        foreach (var range in ranges)
        {
            if (joined.Count > 0 && range.First <= joined[^1].Last + 1) joined[^1] = new(joined[^1].First, Math.Max(joined[^1].Last, range.Last));
            else joined.Add(range);
        }

        return joined.ToImmutable();
    }

    /// <summary>What is in the first list and not in the second; both are normal.</summary>
    public static ImmutableArray<NumberRange> Except(ImmutableArray<NumberRange> from, ImmutableArray<NumberRange> taken)
    {
        var left = ImmutableArray.CreateBuilder<NumberRange>();
        var next = 0;
        foreach (var range in from)
        {
            var first = range.First;
            while (next < taken.Length && taken[next].Last < first) next++;
            for (var i = next; i < taken.Length && taken[i].First <= range.Last; i++)
            {
                if (taken[i].First > first) left.Add(new(first, taken[i].First - 1));
                first = taken[i].Last + 1;
            }

            if (first <= range.Last) left.Add(new(first, range.Last));
        }

        return left.ToImmutable();
    }

    public override string ToString() => First == Last ? $"{First}" : $"{First}-{Last}";
}
