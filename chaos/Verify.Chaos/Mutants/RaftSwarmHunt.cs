using Verify.Sim.RaftOnly;

namespace Verify.Chaos.Mutants;

/// <summary>The swarm over the Raft core alone: thousands of short schedules per second.</summary>
internal sealed class RaftSwarmHunt : IHunt
{
    public string Name => "raft-swarm";
    public string Story => "the production Raft core alone: loss, duplication, reordering, crashes, partitions, reads; every promise watched after each event";

    public Trial Try(ulong seed) =>
        RaftSwarm.Run(seed).Violation is { } violation ? Trial.Bad(violation.Promise, $"step {violation.Step}: {violation.What}") : Trial.Clean;
}
