namespace Verify.Sim.Exhaustive;

/// <summary>How an exploration ended.</summary>
public enum ExhaustiveOutcome
{
    /// <summary>Everything that can happen within the bounds was seen, and no promise was broken.</summary>
    Complete,

    /// <summary>A promise was broken.</summary>
    Violated,

    /// <summary>The time was over first: what was seen keeps its promises, and there is more.</summary>
    TimeOver,

    /// <summary>The memory was full first.</summary>
    MemoryFull,
}

/// <summary>What an exploration of everything that can happen has found.</summary>
/// <param name="States">Distinct states; those that differ only in the names of the nodes count once.</param>
/// <param name="StatesWithNamesakes">As many as there would be without symmetry.</param>
/// <param name="Depth">Steps from the start to the last level that was reached.</param>
/// <param name="Frontier">States that were seen and not gone on from.</param>
/// <param name="CoreSteps">Different inputs in different states of one node: so often the production core was asked.</param>
public sealed record ExhaustiveResult(
    ExhaustiveOutcome Outcome, long States, long StatesWithNamesakes, long Transitions, int Depth, long Frontier, long FrontierMax,
    int CoreSteps, int NodeStates, int Messages, double Seconds, CounterExample? CounterExample)
{
    /// <summary>Distinct nodes, past and allowances, whatever is under way; 0 when nobody counted them.</summary>
    public long Pictures { get; init; }

    /// <summary>How often a message that had been forgotten could do something after all: on a sound core never (README.md).</summary>
    public long Revived { get; init; }
}

/// <summary>A shortest way to a broken promise, in words.</summary>
public sealed record CounterExample(string Promise, string What, IReadOnlyList<string> Steps)
{
    public int Length => Steps.Count;
}

/// <summary>How far an exploration is.</summary>
public sealed record ExhaustiveProgress(int Depth, long States, long LevelStates, long LevelDone, double Seconds);
