namespace Verify.Checks.Timelines;

/// <summary>A fault from its beginning to its end, with the names it hit.</summary>
/// <param name="Fault">The word of the language: partition, kill, …</param>
/// <param name="Step">The step's name.</param>
/// <param name="Span">Until it was undone, everything was healed, or the run ended.</param>
/// <param name="Sides">Partition: its sides. One way: who sends, who does not hear it. Otherwise one side: who was hit.</param>
/// <param name="IsOneWay">Only what the first side sends is lost.</param>
public sealed record FaultWindow(string Fault, string Step, Span Span, IReadOnlyList<IReadOnlyList<string>> Sides, bool IsOneWay)
{
    /// <summary>Who does not hear whom, by name, where the record of the run says so; it is more exact than the sides, which cannot describe
    /// a ring or a bridge.</summary>
    public IReadOnlySet<(string From, string To)> Ways { get; init; } = new HashSet<(string From, string To)>();

    /// <summary>It stops somebody from being reached for its whole length: a partition, a one-way cut, a ring, a bridge. (A swizzle's cuts come
    /// and go within it, so it counts as none.)</summary>
    public bool IsCut => Fault is "partition" or "oneWay" || Ways.Count > 0;

    public bool Hits(string name) => Sides.Any(side => side.Contains(name, StringComparer.Ordinal));

    /// <summary>What <paramref name="from"/> sends does not reach <paramref name="to"/>.</summary>
    public bool Cuts(string from, string to)
    {
        if (!IsCut)
        {
            return false;
        }

        if (Ways.Count > 0) return Ways.Contains((from, to));
        var (fromSide, toSide) = (SideOf(from), SideOf(to));
        return IsOneWay ? fromSide == 0 && toSide == 1 : fromSide != toSide;
    }

    /// <summary>All faults of the run in the order in which they began.</summary>
    public static IReadOnlyList<FaultWindow> Of(RunFacts facts)
    {
        var healedUs = facts.PhaseUs("healed") ?? facts.EndUs;
        var windows = new List<FaultWindow>();
        for (var i = 0; i < facts.Events.Count; i++)
        {
            var begun = facts.Events[i];
            if (!begun.Is(EventKinds.FaultBegun))
            {
                continue;
            }

            var ended = facts.Events.Skip(i + 1).FirstOrDefault(e =>
                e.Is(EventKinds.FaultEnded) && string.Equals(e.Subject, begun.Subject, StringComparison.Ordinal));
            var end = Math.Max(begun.AtUs, ended?.AtUs ?? Math.Max(healedUs, begun.AtUs));
            var resolved = begun["resolved"];
            windows.Add(new FaultWindow(
                begun["fault"], begun.Subject, new Span(begun.AtUs, end), SidesOf(resolved, facts), resolved.Contains('>', StringComparison.Ordinal))
            {
                Ways = WaysOf(begun["cuts"], facts),
            });
        }

        return windows;
    }

    /// <summary>Whoever is named in no group of a partition is in the one that is left.</summary>
    private int SideOf(string name)
    {
        for (var i = 0; i < Sides.Count; i++)
        {
            if (Sides[i].Contains(name, StringComparer.Ordinal))
            {
                return i;
            }
        }

        return -1;
    }

    private static List<IReadOnlyList<string>> SidesOf(string resolved, RunFacts facts) =>
        [.. resolved.Split('|', '>').Select(side => NamesOf(side, facts))];

    /// <summary>"east>west west>east" in names of nodes and servers.</summary>
    private static HashSet<(string From, string To)> WaysOf(string cuts, RunFacts facts) =>
        [.. cuts.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(cut => cut.Split('>', 2))
            .Where(ends => ends.Length == 2)
            .SelectMany(ends => NamesOf(ends[0], facts).SelectMany(_ => NamesOf(ends[1], facts), (from, to) => (from, to)))];

    private static string[] NamesOf(string side, RunFacts facts) =>
        side.Split([' ', ',', '[', ']'], StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(word => facts.Nodes.ContainsKey(word) || facts.Servers.ContainsKey(word)
                ? [word]
                : facts.Nodes.Concat(facts.Servers).Where(p => string.Equals(p.Value, word, StringComparison.Ordinal)).Select(p => p.Key))
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .ToArray();
}
