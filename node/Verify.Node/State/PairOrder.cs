namespace Verify.Node.State;

/// <summary>Orders that are the same on every machine: texts by their code units, not by somebody's language.</summary>
internal static class PairOrder
{
    public static IComparer<(long Number, string Text)> ByNumber { get; } = Comparer<(long Number, string Text)>.Create(static (a, b) =>
        a.Number != b.Number ? a.Number.CompareTo(b.Number) : string.CompareOrdinal(a.Text, b.Text));

    public static IComparer<(string First, string Second)> ByText { get; } = Comparer<(string First, string Second)>.Create(static (a, b) =>
        string.CompareOrdinal(a.First, b.First) is var order and not 0 ? order : string.CompareOrdinal(a.Second, b.Second));
}
