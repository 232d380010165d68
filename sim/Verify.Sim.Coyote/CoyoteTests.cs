using Microsoft.Coyote.Specifications;
using Microsoft.Coyote.SystematicTesting;
using Verify.Sim.RaftOnly;

namespace Verify.Sim.Coyote;

/// <summary>What "coyote test" and "coyote replay" find in this assembly. Each call is one iteration with a state of its own.</summary>
public static class CoyoteTests
{
    /// <summary>The Raft core under faults; Coyote chooses every value.</summary>
    [Test]
    public static void RaftByChoices()
    {
        var choices = new CoyoteChoices();
        Judge(RaftSwarm.Run(RaftSwarmOptions.Draw(choices), choices));
    }

    /// <summary>The same; who is delivered to next is Coyote's choice among controlled operations, all else its choice of integers.</summary>
    [Test]
    public static void RaftByActors()
    {
        var choices = new CoyoteChoices();
        using var actors = new CoyoteActors();
        Judge(RaftSwarm.Run(RaftSwarmOptions.Draw(choices), choices, new SwarmWatch { Actors = actors }));
    }

    private static void Judge(RaftSwarmResult result) => Specification.Assert(
        result.IsClean, "step {0}: {1}: {2}; drawn: {3}", result.Violation?.Step ?? 0, result.Violation?.Promise ?? "", result.Violation?.What ?? "", result.Options.Describe());
}
