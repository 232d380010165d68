namespace Verify.Sim.Scheduling;

/// <summary>Always the first: the order without surprises.</summary>
public sealed class FifoActors : IActorScheduler
{
    public int Pick(ReadOnlySpan<Candidate> enabled) => 0;
}
