using System.Collections.Immutable;
using System.Globalization;

namespace Verify.Sim.Scheduling;

/// <summary>The strategies by name. Words and values are Coyote's (its command line: --strategy, --strategy-value), so that who knows the one knows the other.</summary>
public static class Strategies
{
    /// <summary>What portfolio cycles over: no single strategy finds everything first.</summary>
    public static ImmutableArray<string> Portfolio { get; } =
        ["random", "probabilistic", "prioritization", "fair-prioritization", "delay-bounding", "fair-delay-bounding", "pos", "q-learning", "fifo"];

    /// <summary>All names.</summary>
    public static ImmutableArray<string> Names { get; } = [.. Portfolio, "portfolio"];

    /// <summary>For messages and --help.</summary>
    public static string Words => $"{string.Join(", ", Names)}; with options NAME:VALUE:PICKS, as prioritization:3 (three changes of priority) or delay-bounding:5:2000";

    /// <summary>Makes the scheduler of one run, from that run's choices.</summary>
    /// <exception cref="FormatException">There is no such strategy.</exception>
    public static Func<IChoiceSource, IActorScheduler> Parse(string text)
    {
        var strategy = Strategy.Parse(text);
        return choices => strategy.Create(choices);
    }
}

/// <summary>A strategy with its options: a name, a value (coins of probabilistic, changes of priority, delays) and about how many picks a run has.</summary>
/// <param name="Value">-1 where the strategy has none.</param>
/// <param name="Picks">0: not known; then it is drawn for each run.</param>
public sealed record Strategy(string Name, int Value, int Picks)
{
    private const int ChangesUsual = 10;
    private const int CoinsUsual = 3;
    private const int ValueMax = 1_000;
    private const int CoinsMax = 20;

    /// <summary>It learns from one run for the next, when it is given something to keep it in.</summary>
    public bool Learns => Name is "q-learning" or "portfolio";

    /// <exception cref="FormatException">Says what is wrong and which there are.</exception>
    public static Strategy Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split(':');
        var name = parts[0].Trim().ToLowerInvariant();
        if (!Strategies.Names.Contains(name, StringComparer.Ordinal)) throw new FormatException($"'{parts[0]}' is no strategy; there are: {Strategies.Words}");
        var usual = name switch
        {
            "probabilistic" => CoinsUsual,
            "prioritization" or "fair-prioritization" or "delay-bounding" or "fair-delay-bounding" => ChangesUsual,
            _ => -1,
        };
        if (parts.Length > 3 || (parts.Length > 1 && usual < 0)) throw new FormatException($"'{text}': {name} takes no such options; {Strategies.Words}");
        var value = parts.Length > 1 ? Number(text, parts[1], name == "probabilistic" ? CoinsMax : ValueMax) : usual;
        var picks = parts.Length > 2 ? Number(text, parts[2], int.MaxValue) : 0;
        return new Strategy(name, value, picks);
    }

    /// <summary>The strategy of one of many schedules: portfolio takes turns, by the schedule's number.</summary>
    public Strategy OfSchedule(ulong number) =>
        Name == "portfolio" ? Parse(Strategies.Portfolio[(int)(number % (ulong)Strategies.Portfolio.Length)]) : this;

    /// <summary>The scheduler of one run.</summary>
    /// <param name="choices">What it draws from; give the world the same.</param>
    /// <param name="learned">What earlier runs taught; null: each run learns for itself.</param>
    public IActorScheduler Create(IChoiceSource choices, LearnedValues? learned = null)
    {
        ArgumentNullException.ThrowIfNull(choices);
        switch (Name)
        {
            case "random": return new RandomActors(choices);
            case "probabilistic": return new ProbabilisticActors(choices, Value);
            case "prioritization": return new PriorityActors(choices, Value + 1, Picks);
            case "delay-bounding": return new DelayBoundedActors(choices, Value, Picks);
            case "pos": return new PartialOrderActors(choices);
            case "q-learning": return new LearningActors(choices, learned ?? new LearnedValues());
            case "fifo": return new FifoActors();
            case "portfolio":
                return Parse(Strategies.Portfolio[choices.Next(ChoiceKind.Actor, Strategies.Portfolio.Length)]).Create(choices, learned);
        }

        var prefix = Horizon.Of(Picks, choices);
        var unfair = this with { Name = Name["fair-".Length..], Picks = prefix };
        return new FairActors(unfair.Create(choices), new RandomActors(choices), prefix);
    }

    public override string ToString() => Value < 0 ? Name
        : Picks == 0 ? string.Create(CultureInfo.InvariantCulture, $"{Name}:{Value}") : string.Create(CultureInfo.InvariantCulture, $"{Name}:{Value}:{Picks}");

    private static int Number(string text, string word, int most) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most ? number
            : throw new FormatException($"'{word}' in '{text}' is no number from 0 to {most}");
}
