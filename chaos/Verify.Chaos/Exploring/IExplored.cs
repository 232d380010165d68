using Verify.Chaos.Swarms;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Exploring;

/// <summary>Something with any number of schedules, one per seed and strategy.</summary>
internal interface IExplored
{
    /// <summary>One word, and what follows "verify-chaos explore" to play the same thing.</summary>
    string Name { get; }
    string Arguments { get; }
    string Story { get; }

    /// <summary>How many consecutive seeds belong together; 1 and more.</summary>
    int BlockSize { get; }

    /// <summary>For one thread.</summary>
    IExploredSession Open();
}

/// <summary>One thread's schedules. What a strategy learns it learns within a block, so that a schedule follows from its seed: whoever plays it again
/// plays those before it in its block too, where they matter.</summary>
internal interface IExploredSession
{
    /// <summary>Patterns of the timeline that this thread has seen.</summary>
    PatternSet Seen { get; }

    /// <summary>Forgets what was learned.</summary>
    void BeginBlock();

    /// <summary>Later schedules of the block depend on this one.</summary>
    bool Teaches(ulong seed);

    ExploredTrial Play(ulong seed, Action<string>? tell);
}

/// <summary>How one schedule went.</summary>
/// <param name="Class">Of <see cref="Running.FailureClass"/>; empty when it was clean.</param>
internal sealed record ExploredTrial(SwarmTrial Trial, string Strategy, string Class);

/// <summary>The strategies that explore has beside those of <see cref="Strategies"/>.</summary>
internal static class ExploreStrategies
{
    /// <summary>Coverage-guided: schedules with new patterns are kept and mutated.</summary>
    public const string Feedback = "feedback";

    public static string Words => $"{Feedback} (coverage-guided, the Raft core only), {Strategies.Words}";

    /// <summary>Null for feedback.</summary>
    /// <exception cref="FormatException">There is no such strategy.</exception>
    public static Strategy? Parse(string text) => text == Feedback ? null
        : Strategies.Names.Contains(text.Split(':')[0].Trim().ToLowerInvariant(), StringComparer.Ordinal) ? Strategy.Parse(text)
        : throw new FormatException($"'{text}' is no strategy; there are: {Words}");
}
