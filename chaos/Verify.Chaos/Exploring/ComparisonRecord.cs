using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Verify.Chaos.Mutants;

namespace Verify.Chaos.Exploring;

/// <summary>What one strategy reached from one master seed, with no bug switched on.</summary>
/// <param name="Patterns">Distinct (actor, message, state) patterns after a quarter, a half, three quarters and all of the schedules.</param>
/// <param name="Marks">Sometimes-marks and the number of the schedule that reached each first; none in a production build.</param>
/// <param name="Bad">The first seed that broke a promise; null: none.</param>
internal sealed record ComparedReach(string Strategy, ulong MasterSeed, long Schedules, double Seconds, IReadOnlyList<int> Patterns, IReadOnlyDictionary<string, long> Marks, ulong? Bad);

/// <summary>How many schedules one strategy took to find a planted bug from one master seed; null: not found within the same number that all have.</summary>
internal sealed record ComparedFind(string Bug, string Broken, string Strategy, ulong MasterSeed, long? Schedules);

/// <summary>Strategies side by side, each with the same number of schedules from the same seeds.</summary>
internal sealed record ComparisonRecord
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };

    public required string Command { get; init; }
    public required string Commit { get; init; }
    public required DateTimeOffset StartedAt { get; init; }
    public required IReadOnlyDictionary<string, string> Machine { get; init; }
    public required IReadOnlyList<string> Strategies { get; init; }
    public required long Schedules { get; init; }
    public required double Seconds { get; init; }
    public required bool HasMarks { get; init; }
    public required IReadOnlyList<ComparedReach> Reached { get; init; }
    public required IReadOnlyList<ComparedFind> Finds { get; init; }

    [JsonIgnore]
    public bool IsClean => Reached.All(r => r.Bad is null);

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>Bugs that this strategy found from every master seed.</summary>
    public int FoundAlways(string strategy) => Finds.Where(f => f.Strategy == strategy).GroupBy(f => f.Bug, StringComparer.Ordinal).Count(of => of.All(f => f.Schedules is not null));

    /// <summary>The tables, for people.</summary>
    public string Tables()
    {
        var text = new StringBuilder();
        text.Append("""
            | strategy | masters | schedules each | patterns: median | least | most | after 1/4 | after 1/2 | after 3/4 | marks reached: median | schedules until the last: median | per second |
            | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |

            """);
        foreach (var strategy in Strategies)
        {
            var of = Reached.Where(r => r.Strategy == strategy).ToArray();
            double Median(Func<ComparedReach, double> value) => Quantile.Of(of.Select(value), 0).Median;
            text.Append(CultureInfo.InvariantCulture, $"| {strategy} | {of.Length} | {Schedules} | {Median(r => r.Patterns[3]):0} | {of.Min(r => r.Patterns[3])} | {of.Max(r => r.Patterns[3])} | {Median(r => r.Patterns[0]):0} | {Median(r => r.Patterns[1]):0} | {Median(r => r.Patterns[2]):0} ");
            text.Append(CultureInfo.InvariantCulture, $"| {(HasMarks ? Median(r => r.Marks.Count) : "not measured")} | {(HasMarks ? Median(r => r.Marks.Values.DefaultIfEmpty(0).Max()) : "not measured")} | {of.Sum(r => r.Schedules) / Math.Max(0.001, of.Sum(r => r.Seconds)):0} |\n");
        }

        if (Finds.Count == 0) return text.ToString();
        var bugs = Finds.Select(f => f.Bug).Distinct(StringComparer.Ordinal).Count();
        text.Append(CultureInfo.InvariantCulture, $"\nPlanted bugs, found within {Schedules} schedules: {string.Join("; ", Strategies.Select(s => $"{s} {FoundAlways(s)} of {bugs} from every master seed, {Finds.Count(f => f.Strategy == s && f.Schedules is not null)} of {Finds.Count(f => f.Strategy == s)} hunts"))}.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"| bug | what is broken | {string.Join(" | ", Strategies.Select(s => $"{s}: found | median"))} |\n| --- | --- |{string.Concat(Strategies.Select(_ => " ---: | ---: |"))}\n");
        foreach (var bug in Finds.GroupBy(f => f.Bug, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {bug.Key} | {bug.First().Broken} |");
            foreach (var of in Strategies.Select(s => bug.Where(f => f.Strategy == s).ToArray()))
            {
                var quantile = Quantile.Of(of.Select(f => f.Schedules ?? double.PositiveInfinity), Schedules);
                text.Append(CultureInfo.InvariantCulture, $" {of.Count(f => f.Schedules is not null)}/{of.Length} | {quantile.Text(quantile.Median, "0")} |");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The tables with where they come from.</summary>
    public string Markdown() => string.Create(CultureInfo.InvariantCulture, $"""
        # Exploring the Raft core: {string.Join(", ", Strategies)}, with the same number of schedules

        | | |
        | --- | --- |
        | command | `{Command}` |
        | commit | {Commit} |
        | seeds | {string.Join("; ", Reached.Select(r => r.MasterSeed).Distinct().Order().Select(s => $"{s}..{s + (ulong)Schedules - 1}"))} |
        | started | {StartedAt:yyyy-MM-dd HH:mm:ss} UTC; took {Seconds:0} s |
        | machine | {string.Join("; ", Machine.Select(m => $"{m.Key} {m.Value}"))} |
        | servers | none: the Raft core alone |

        A pattern is what happened to one node twice in a row, each time with its state told roughly (`sim/Verify.Sim/Scheduling/Timeline.cs`); it is counted in the same
        way whoever chooses. feedback keeps schedules with new patterns and mutates them, in blocks of consecutive seeds as in `explore`; random draws who goes first.
        Medians are nearest rank over the master seeds; what was not found is shown as ">" with the bound.

        {Tables()}
        """);
}
