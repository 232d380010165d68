namespace Verify.Sim.Scheduling;

/// <summary>One strategy for the first picks, another from then on. A strategy that lets somebody starve makes every promise of progress look broken; followed by
/// random picks it is fair (Coyote's fair-prioritization and fair-delay-bounding: an unfair prefix, a random suffix).</summary>
/// <param name="prefixPicks">How many picks the first one makes.</param>
public sealed class FairActors(IActorScheduler prefix, IActorScheduler suffix, int prefixPicks) : IActorScheduler
{
    private long _picks;

    public int Pick(ReadOnlySpan<Candidate> enabled) => _picks++ < prefixPicks ? prefix.Pick(enabled) : suffix.Pick(enabled);
}

/// <summary>Writes down what another strategy picks, as choices among the enabled: with them, and with <see cref="RandomActors"/> asking for them, the run
/// can be played again, cut and changed without knowing how the strategy came to its picks. The strategy's own draws are not for the record:
/// give it a source of its own, or the one that is recorded from.</summary>
public sealed class RecordedPicks(IActorScheduler strategy, RecordingChoices record) : IActorScheduler
{
    public int Pick(ReadOnlySpan<Candidate> enabled)
    {
        var picked = strategy.Pick(enabled);
        record.Note(ChoiceKind.Actor, enabled.Length, picked);
        return picked;
    }
}
