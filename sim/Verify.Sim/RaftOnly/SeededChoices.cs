using Verify.Node.Seam;
using Verify.Sim.Scheduling;

namespace Verify.Sim.RaftOnly;

/// <summary>Choices that follow from one number alone (SplitMix64): the same seed gives the same schedule for ever.</summary>
public sealed class SeededChoices(ulong seed) : IChoiceSource
{
    private readonly Dice _dice = new Dice(seed).Fork("raft-swarm");

    public int Next(ChoiceKind kind, int n) => n <= 1 ? 0 : _dice.Next(n);
}
