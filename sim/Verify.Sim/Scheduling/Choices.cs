namespace Verify.Sim.Scheduling;

/// <summary>What a choice is about; recorded with it, so that a replay that departs can say where.</summary>
public enum ChoiceKind : byte { Actor, Value, Fault, Timer, Delay }

/// <summary>The only source of values that are not determined. 0..n-1; n &lt;= 1 returns 0 and is NOT recorded.</summary>
public interface IChoiceSource
{
    int Next(ChoiceKind kind, int n);
}

/// <summary>Something that could go next: identity, so that PCT, POS and q-learning have something to hold on to.</summary>
/// <param name="Actor">The host or driver it belongs to.</param>
/// <param name="Label">A stable number of its name.</param>
/// <param name="StateHash">The actor's state, where it is known; else 0.</param>
/// <param name="Event">The number of what would happen, the same as long as it waits; 0 where it is not known.</param>
public readonly record struct Candidate(int Actor, int Label, ulong StateHash, long Event = 0);

/// <summary>The only place where interleaving is decided.</summary>
public interface IActorScheduler
{
    int Pick(ReadOnlySpan<Candidate> enabled);
}
