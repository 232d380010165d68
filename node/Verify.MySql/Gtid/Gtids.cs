namespace Verify.MySql.Gtid;

/// <summary>A set of global transaction identifiers of one flavour. MySQL: uuid[:tag]:intervals (manual 19.1.3.1);
/// MariaDB: a position, the highest sequence per domain and its server (KB "Global Transaction ID"). Immutable; equal sets are equal.</summary>
public abstract record Gtids
{
    public abstract Flavor Flavor { get; }
    public abstract bool IsEmpty { get; }

    /// <summary>True when every transaction of <paramref name="other"/> is in this set.</summary>
    public abstract bool Contains(Gtids other);

    /// <summary>What this set has and <paramref name="other"/> has not (MariaDB: the domains in which this one is ahead).</summary>
    public abstract Gtids Except(Gtids other);

    public abstract Gtids Union(Gtids other);

    /// <summary>How many transactions (MariaDB: the sum of sequence numbers); long.MaxValue where there are more.</summary>
    public abstract long Count { get; }

    /// <summary>The canonical text, without line breaks, as a statement takes it.</summary>
    public abstract override string ToString();

    /// <exception cref="FormatException">The text is no set of this flavour; the message names the part.</exception>
    public static Gtids Parse(string text, Flavor flavor) => flavor == Flavor.MySql ? MySqlGtidSet.Parse(text) : MariaGtid.Parse(text);

    public static Gtids Empty(Flavor flavor) => flavor == Flavor.MySql ? MySqlGtidSet.None : MariaGtid.None;

    /// <summary>For the two cases: sets of different flavours have nothing in common that could be compared.</summary>
    private protected T Same<T>(Gtids other)
        where T : Gtids => other as T ?? throw new ArgumentException($"GTIDs of {Flavor} and of {other.Flavor} cannot be compared", nameof(other));

    private protected static long Add(long a, long b) => a > long.MaxValue - b ? long.MaxValue : a + b;

    /// <summary>A part of a text, short enough for a message.</summary>
    private protected static string Shown(string part) => part.Length > 60 ? $"'{part[..60]}…'" : $"'{part}'";
}
