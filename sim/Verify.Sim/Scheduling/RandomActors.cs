namespace Verify.Sim.Scheduling;

/// <summary>Each actor that could go next is as likely as the others.</summary>
public sealed class RandomActors(IChoiceSource choices) : IActorScheduler
{
    public int Pick(ReadOnlySpan<Candidate> enabled) => choices.Next(ChoiceKind.Actor, enabled.Length);
}
