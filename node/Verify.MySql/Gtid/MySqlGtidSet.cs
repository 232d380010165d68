using System.Collections.Immutable;
using System.Globalization;

namespace Verify.MySql.Gtid;

/// <summary>A set of MySQL's transaction identifiers: per source (uuid, and tag from 8.3 on) ranges of numbers
/// (manual, "GTID Format and Storage"). Texts of servers may be broken into lines; ours are not.</summary>
public sealed record MySqlGtidSet : Gtids
{
    internal static readonly MySqlGtidSet None = new([]);

    private static readonly System.Buffers.SearchValues<char> TagLetters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    private static readonly System.Buffers.SearchValues<char> UuidLetters = System.Buffers.SearchValues.Create("0123456789abcdef-");

    private readonly ImmutableArray<Numbers> _sources;

    /// <param name="sources">Ordered by uuid and tag, none without a range.</param>
    private MySqlGtidSet(ImmutableArray<Numbers> sources) => _sources = sources;

    /// <summary>Who numbered: the server's uuid in its canonical form, and the tag, empty for none.</summary>
    internal readonly record struct Source(string Uuid, string Tag) : IComparable<Source>
    {
        public int CompareTo(Source other) =>
            string.CompareOrdinal(Uuid, other.Uuid) is not 0 and var byUuid ? byUuid : string.CompareOrdinal(Tag, other.Tag);
    }

    private readonly record struct Numbers(Source Source, ImmutableArray<NumberRange> Ranges);

    public override Flavor Flavor => Flavor.MySql;

    public override bool IsEmpty => _sources.IsEmpty;

    public override long Count => _sources.SelectMany(s => s.Ranges).Aggregate(0L, (sum, range) => Add(sum, range.Count));

    /// <exception cref="FormatException">A part is not uuid[:tag]:first[-last]…</exception>
    public static MySqlGtidSet Parse(string text) => ParsePlain(text) ?? ParseAny(text);

    private static MySqlGtidSet ParseAny(string text)
    {
        var ranges = new SortedDictionary<Source, List<NumberRange>>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)) ParseServer(part, ranges);
        return From(ranges.Select(r => new Numbers(r.Key, NumberRange.Normalize(r.Value))));
    }

    /// <summary>A set as servers without tags say it: sources in order, each with numbers in order. Every probe reads two, so this much is read
    /// without a detour; null for anything else, right or wrong.</summary>
    private static MySqlGtidSet? ParsePlain(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty) return None;
        var sources = ImmutableArray.CreateBuilder<Numbers>(1);
        while (true)
        {
            var comma = text.IndexOf(',');
            if (PlainServer((comma < 0 ? text : text[..comma]).Trim()) is not { } numbers) return null;
            if (sources.Count > 0 && sources[^1].Source.CompareTo(numbers.Source) >= 0) return null;
            sources.Add(numbers);
            if (comma < 0) return new(sources.DrainToImmutable());
            text = text[(comma + 1)..];
        }
    }

    private static Numbers? PlainServer(ReadOnlySpan<char> part)
    {
        const int UuidLength = 36;
        if (part.Length <= UuidLength || part[UuidLength] != ':') return null;
        var uuid = part[..UuidLength];
        if (uuid.ContainsAnyExcept(UuidLetters) || !Guid.TryParseExact(uuid, "D", out _)) return null;
        var ranges = ImmutableArray.CreateBuilder<NumberRange>(1);
        for (part = part[(UuidLength + 1)..]; ;)
        {
            var colon = part.IndexOf(':');
            var field = colon < 0 ? part : part[..colon];
            var dash = field.IndexOf('-');
            if (!TryNumber(dash < 0 ? field : field[..dash], out var first)) return null;
            var last = first;
            if (dash >= 0 && !TryNumber(field[(dash + 1)..], out last)) return null;
            if (first > last || (ranges.Count > 0 && first <= ranges[^1].Last + 1)) return null;
            ranges.Add(new(first, last));
            if (colon < 0) return new(new(uuid.ToString(), Tag: ""), ranges.DrainToImmutable());
            part = part[(colon + 1)..];
        }
    }

    public override bool Contains(Gtids other) => Same<MySqlGtidSet>(other).Except(this).IsEmpty;

    public override Gtids Except(Gtids other)
    {
        var taken = Same<MySqlGtidSet>(other);
        return From(_sources.Select(s => s with { Ranges = NumberRange.Except(s.Ranges, taken.RangesOf(s.Source)) }));
    }

    public override Gtids Union(Gtids other)
    {
        var all = new SortedDictionary<Source, List<NumberRange>>();
        foreach (var (source, ranges) in _sources.Concat(Same<MySqlGtidSet>(other)._sources)) RangesIn(all, source).AddRange(ranges);
        return From(all.Select(r => new Numbers(r.Key, NumberRange.Normalize(r.Value))));
    }

    public override string ToString()
    {
        var text = new System.Text.StringBuilder();
        var uuid = "";
        foreach (var (source, ranges) in _sources)
        {
            if (!string.Equals(source.Uuid, uuid, StringComparison.Ordinal))
            {
                if (text.Length > 0) text.Append(',');
                uuid = source.Uuid;
                text.Append(uuid);
            }

            if (source.Tag.Length > 0) text.Append(':').Append(source.Tag);
            foreach (var range in ranges) text.Append(':').Append(range);
        }

        return text.ToString();
    }

    public bool Equals(MySqlGtidSet? other) => other is not null && _sources.Length == other._sources.Length
        && _sources.Zip(other._sources).All(p => p.First.Source == p.Second.Source && p.First.Ranges.AsSpan().SequenceEqual(p.Second.Ranges.AsSpan()));

    public override int GetHashCode() =>
        _sources.SelectMany(s => s.Ranges).Aggregate(_sources.Length, (hash, range) => (hash * 31) + (int)(range.First ^ (range.Last << 7)));

    private ImmutableArray<NumberRange> RangesOf(Source source)
    {
        foreach (var known in _sources)
        {
            if (known.Source == source) return known.Ranges;
        }

        return [];
    }

    private static MySqlGtidSet From(IEnumerable<Numbers> sources) => new([.. sources.Where(s => !s.Ranges.IsEmpty)]);

    private static List<NumberRange> RangesIn(SortedDictionary<Source, List<NumberRange>> all, Source source)
    {
        if (!all.TryGetValue(source, out var ranges)) all[source] = ranges = [];
        return ranges;
    }

    /// <summary>uuid:1-3:7:tag:1-5: every range belongs to the tag before it, or to none.</summary>
    private static void ParseServer(string part, SortedDictionary<Source, List<NumberRange>> into)
    {
        var fields = part.Split(':', StringSplitOptions.TrimEntries);
        if (!Guid.TryParseExact(fields[0], "D", out var uuid)) throw new FormatException($"{Shown(fields[0])} in {Shown(part)} is no server uuid");
        var source = new Source(uuid.ToString("D"), Tag: "");
        var hasRange = false;
        foreach (var field in fields.AsSpan(1))
        {
            if (IsTag(field))
            {
                if (source.Tag.Length > 0 && !hasRange) throw new FormatException($"tag {Shown(source.Tag)} in {Shown(part)} has no numbers");
                source = source with { Tag = field.ToLowerInvariant() };
                hasRange = false;
                continue;
            }

            hasRange = true;
            if (ParseRange(field, part) is { } range) RangesIn(into, source).Add(range);
        }

        if (!hasRange) throw new FormatException($"{Shown(part)} ends without numbers");
    }

    /// <summary>Up to 32 of a-z, 0-9 and _, not beginning with a digit; capitals are read as small letters.</summary>
    private static bool IsTag(string field) => field.Length is > 0 and <= 32 && !char.IsAsciiDigit(field[0])
        && !field.AsSpan().ContainsAnyExcept(TagLetters);

    /// <summary>Null for a range that ends before it begins: servers read it as nothing.</summary>
    private static NumberRange? ParseRange(string field, string part)
    {
        var text = field.AsSpan();
        var dash = text.IndexOf('-');
        var last = 0L;
        if (!TryNumber((dash < 0 ? text : text[..dash]).Trim(), out var first) || !TryNumber((dash < 0 ? text : text[(dash + 1)..]).Trim(), out last))
        {
            throw new FormatException($"{Shown(field)} in {Shown(part)} is neither a range of numbers (1 to {NumberRange.NumberMax}) nor a tag");
        }

        return first <= last ? new NumberRange(first, last) : null;
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number is >= 1 and <= NumberRange.NumberMax;
}
