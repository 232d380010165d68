namespace Verify.Checks.Timelines;

/// <summary>A fault from its beginning to its end, with the names it hit.</summary>
/// <param name="Fault">The word of the language: partition, kill, …</param>
/// <param name="Step">The step's name.</param>
/// <param name="Span">Until it was undone, everything was healed, or the run ended.</param>
/// <param name="Sides">Partition: its sides. One way: who sends, who does not hear it. Otherwise one side: who was hit.</param>
/// <param name="IsOneWay">Only what the first side sends is lost.</param>
public sealed record FaultWindow(string Fault, string Step, Span Span, IReadOnlyList<IReadOnlyList<string>> Sides, bool IsOneWay)
{
    /// <summary>It stops somebody from being reached: a partition or a one-way cut.</summary>
    public bool IsCut => Fault is "partition" or "oneWay";

    public bool Hits(string name) => Sides.Any(side => side.Contains(name, StringComparer.Ordinal));

    /// <summary>What <paramref name="from"/> sends does not reach <paramref name="to"/>.</summary>
    public bool Cuts(string from, string to)
    {
        if (!IsCut)
        {
            return false;
        }

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
                begun["fault"], begun.Subject, new Span(begun.AtUs, end), SidesOf(resolved, facts), resolved.Contains('>', StringComparison.Ordinal)));
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

    private static string[] NamesOf(string side, RunFacts facts) =>
        side.Split([' ', ',', '[', ']'], StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(word => facts.Nodes.ContainsKey(word) || facts.Servers.ContainsKey(word)
                ? [word]
                : facts.Nodes.Concat(facts.Servers).Where(p => string.Equals(p.Value, word, StringComparison.Ordinal)).Select(p => p.Key))
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .ToArray();
}
