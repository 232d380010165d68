using System.Collections.Immutable;
using System.Globalization;

namespace Verify.MySql.Gtid;

/// <summary>A position of MariaDB: for each replication domain the last transaction, as domain-server-sequence (Knowledge Base,
/// "Global Transaction ID"). A position stands for everything in its domains up to there. Two transactions with the
/// same number from different servers are different ones: neither position contains the other.</summary>
public sealed record MariaGtid : Gtids
{
    internal static readonly MariaGtid None = new([]);

    private readonly ImmutableArray<Position> _domains;

    /// <param name="domains">Ordered by domain, one each.</param>
    private MariaGtid(ImmutableArray<Position> domains) => _domains = domains;

    private readonly record struct Position(uint Domain, uint Server, ulong Sequence)
    {
        public bool IsAheadOf(Position other) =>
            Sequence > other.Sequence || (Sequence == other.Sequence && Server > other.Server);

        public bool Covers(Position other) =>
            Sequence > other.Sequence || (Sequence == other.Sequence && Server == other.Server);
    }

    public override Flavor Flavor => Flavor.MariaDb;

    public override bool IsEmpty => _domains.IsEmpty;

    public override long Count =>
        _domains.Aggregate(0L, (sum, p) => Add(sum, p.Sequence > long.MaxValue ? long.MaxValue : (long)p.Sequence));

    /// <summary>Reads "0-1-29995,5-2-17"; of several entries of a domain (gtid_binlog_state) the furthest counts.</summary>
    /// <exception cref="FormatException">A part is not domain-server-sequence.</exception>
    public static MariaGtid Parse(string text) => new(Furthest(Positions(text)));

    public override bool Contains(Gtids other) => Same<MariaGtid>(other)._domains.All(Covers);

    public override Gtids Except(Gtids other)
    {
        var taken = Same<MariaGtid>(other);
        return new MariaGtid(_domains.RemoveAll(taken.Covers));
    }

    public override Gtids Union(Gtids other) => new MariaGtid(Furthest(_domains.Concat(Same<MariaGtid>(other)._domains)));

    /// <summary>What this server wrote itself after the last transaction that it applied as a replica.</summary>
    /// <param name="applied">Its gtid_slave_pos, where this is its gtid_binlog_pos.</param>
    public MariaGtid OwnSince(MariaGtid applied, long server) =>
        new(_domains.RemoveAll(p => p.Server != server || applied._domains.Any(a => a.Domain == p.Domain && a.Sequence >= p.Sequence)));

    /// <summary>What of this stands in no binary log with that state. A position says nothing of it: it only counts.</summary>
    /// <param name="binlogState">gtid_binlog_state: of each domain and server the last transaction.</param>
    /// <exception cref="FormatException"/>
    public MariaGtid NotLogged(string binlogState)
    {
        var logged = Positions(binlogState).ToArray();
        return new(_domains.RemoveAll(p => logged.Any(l => l.Domain == p.Domain && l.Server == p.Server && l.Sequence >= p.Sequence)));
    }

    public override string ToString() => string.Join(',', _domains.Select(p => $"{p.Domain}-{p.Server}-{p.Sequence}"));

    public bool Equals(MariaGtid? other) => other is not null && _domains.AsSpan().SequenceEqual(other._domains.AsSpan());

    public override int GetHashCode() => _domains.Aggregate(17, (hash, p) => (hash * 31) + (int)p.Sequence + (int)p.Domain);

    private bool Covers(Position position)
    {
        foreach (var mine in _domains)
        {
            if (mine.Domain == position.Domain) return mine.Covers(position);
        }

        return false;
    }

    private static ImmutableArray<Position> Furthest(IEnumerable<Position> positions)
    {
        var byDomain = new SortedDictionary<uint, Position>();
        foreach (var position in positions)
        {
            if (!byDomain.TryGetValue(position.Domain, out var known) || position.IsAheadOf(known)) byDomain[position.Domain] = position;
        }

        return [.. byDomain.Values];
    }

    private static IEnumerable<Position> Positions(string text) =>
        text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(ParsePosition);

    private static Position ParsePosition(string part)
    {
        var numbers = part.Split('-');
        if (numbers.Length == 3
            && uint.TryParse(numbers[0], NumberStyles.None, CultureInfo.InvariantCulture, out var domain)
            && uint.TryParse(numbers[1], NumberStyles.None, CultureInfo.InvariantCulture, out var server)
            && ulong.TryParse(numbers[2], NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
        {
            return new(domain, server, sequence);
        }

        throw new FormatException($"{Shown(part)} is no MariaDB GTID (domain-server-sequence)");
    }
}
