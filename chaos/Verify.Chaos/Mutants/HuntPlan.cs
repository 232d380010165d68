using System.Globalization;
using Verify.Chaos.Running;

namespace Verify.Chaos.Mutants;

/// <summary>One cell of the table from one master seed: this bug, by these hunts, under this strategy.</summary>
internal sealed record HuntTrial(PlantedBug Bug, string OnlyHunt, string Strategy, ulong MasterSeed)
{
    public string Cell => CellOf(Bug.Id, OnlyHunt, Strategy, MasterSeed);

    public static string CellOf(string bug, string onlyHunt, string strategy, ulong masterSeed) =>
        string.Create(CultureInfo.InvariantCulture, $"{bug} {onlyHunt} {strategy} {masterSeed}");
}

/// <summary>A part of the plan: cell number k belongs to shard k mod n.</summary>
internal readonly record struct Shard(int Number, int Of)
{
    public static Shard Whole { get; } = new(1, 1);

    /// <exception cref="HarnessException">Not of the form i/n.</exception>
    public static Shard Parse(string text)
    {
        var parts = text.Split('/');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var of) && number >= 1 && number <= of
            ? new(number, of) : throw new HarnessException($"'{text}' is no shard; write I/N with I from 1 to N, as 2/3");
    }

    public bool Has(int cell) => cell % Of == Number - 1;

    public override string ToString() => Of == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"{Number}/{Of}");
}

/// <summary>All that is to be hunted, in order: first every bug from the first master seed, then from the second, so that whatever ends
/// a long form leaves a whole table of fewer seeds.</summary>
internal static class HuntPlan
{
    /// <summary>How far two master seeds are apart: no hunt plays so many schedules.</summary>
    private const ulong SeedsPerMaster = 100_000_000;

    public static ulong MasterSeed(ulong from, int master) => from + ((ulong)master * SeedsPerMaster);

    /// <param name="eachHunt">Every hunt of a bug by itself, with the whole budget.</param>
    public static IReadOnlyList<HuntTrial> Of(string ids, IReadOnlyList<string> strategies, ulong from, int masters, bool eachHunt, Shard shard)
    {
        var bugs = strategies.Select(strategy => (Strategy: strategy, Bugs: PlantedBugs.Named(ids, strategy))).ToArray();
        var all = Enumerable.Range(0, masters).SelectMany(master => bugs.SelectMany(s => s.Bugs.SelectMany(bug => eachHunt
            ? bug.Hunts.Select(hunt => new HuntTrial(bug with { Hunts = [hunt] }, hunt.Name, s.Strategy, MasterSeed(from, master)))
            : [new HuntTrial(bug, "", s.Strategy, MasterSeed(from, master))])));
        return [.. all.Where((_, number) => shard.Has(number))];
    }

    /// <summary>Every hunt of the plan once per strategy, by name.</summary>
    public static IReadOnlyList<(string Strategy, IHunt Hunt)> Controls(IReadOnlyList<HuntTrial> plan) =>
        [.. plan.SelectMany(t => t.Bug.Hunts.Select(hunt => (t.Strategy, Hunt: hunt)))
            .DistinctBy(h => (h.Strategy, h.Hunt.Name)).OrderBy(h => h.Strategy, StringComparer.Ordinal).ThenBy(h => h.Hunt.Name, StringComparer.Ordinal)];
}
