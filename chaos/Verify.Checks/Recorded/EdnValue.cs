namespace Verify.Checks.Recorded;

/// <summary>A value of EDN (extensible data notation, github.com/edn-format/edn), the notation of Jepsen's history.edn. Records compare
/// by value; numbers that are no whole 64-bit number are kept as their text.</summary>
public abstract record EdnValue
{
    private EdnValue()
    {
    }

    public sealed record Nil : EdnValue
    {
        public override string ToString() => "nil";
    }

    public sealed record Integer(long Number) : EdnValue
    {
        public override string ToString() => Number.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    public sealed record Text(string Words) : EdnValue
    {
        public override string ToString() => $"\"{Words}\"";
    }

    /// <summary>":ok", without its colon.</summary>
    public sealed record Keyword(string Name) : EdnValue
    {
        public override string ToString() => $":{Name}";
    }

    /// <summary>true, false, symbols, characters and numbers with a fraction: kept as they are written.</summary>
    public sealed record Word(string Written) : EdnValue
    {
        public override string ToString() => Written;
    }

    /// <summary>A vector, list or set.</summary>
    public sealed record Sequence(IReadOnlyList<EdnValue> Items) : EdnValue
    {
        public bool Equals(Sequence? other) => other is not null && Items.SequenceEqual(other.Items);
        public override int GetHashCode() => Items.Count == 0 ? 0 : HashCode.Combine(Items.Count, Items[0], Items[^1]);
        public override string ToString() => $"[{string.Join(' ', Items)}]";
    }

    /// <param name="Entries">As they were written; the last of a repeated key counts.</param>
    /// <param name="Line">The line on which it began.</param>
    public sealed record Map(IReadOnlyList<(EdnValue Key, EdnValue Value)> Entries, int Line) : EdnValue
    {
        /// <summary>The value of a keyword; null when it is not there.</summary>
        public EdnValue? Of(string keyword) => Entries.LastOrDefault(e => e.Key is Keyword(var name) && string.Equals(name, keyword, StringComparison.Ordinal)).Value;

        public bool Equals(Map? other) => other is not null && Entries.SequenceEqual(other.Entries);
        public override int GetHashCode() => Entries.Count;
        public override string ToString() => $"{{{string.Join(", ", Entries.Select(e => $"{e.Key} {e.Value}"))}}}";
    }
}
