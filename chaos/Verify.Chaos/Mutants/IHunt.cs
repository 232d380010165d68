using Verify.Checks;

namespace Verify.Chaos.Mutants;

/// <summary>A way of looking for bugs: any number of schedules, each a function of its seed. It knows nothing of planted bugs, so
/// that what it finds with one and what it finds without one can be compared.</summary>
internal interface IHunt
{
    /// <summary>One word, for tables and for --repeat.</summary>
    string Name { get; }

    /// <summary>What is done to whom, for the table's legend.</summary>
    string Story { get; }

    /// <summary>Plays the schedule of a seed on the calling thread or on one of its own.</summary>
    Trial Try(ulong seed);

    /// <summary>The same schedule, to be played again with less in it; null: this hunt has none that can be shrunk.</summary>
    Traces.IPlayable? Schedule(ulong seed) => null;
}

/// <summary>How one schedule ended. Unknown proves nothing, neither for nor against.</summary>
internal sealed record Trial(Verdict Verdict, Discovery? Discovery)
{
    public static Trial Clean { get; } = new(Verdict.Valid, null);

    public static Trial Bad(string promise, string what) => new(Verdict.Invalid, new(promise, what));
    public static Trial Undecided(string why) => new(Verdict.Unknown, new("undecided", why));
}

/// <summary>A broken promise: the name of the check or invariant that saw it first, and what it saw.</summary>
internal sealed record Discovery(string Promise, string What)
{
    /// <summary>A node stopped itself, because an invariant did not hold or because it would not start on what its disk holds.</summary>
    public const string InvariantHalt = "invariant (node halted)";

    /// <summary>An exception nobody expected came out of the node's program; in production that ends the process.</summary>
    public const string InvariantCrash = "invariant (node crashed or would not start)";
}
