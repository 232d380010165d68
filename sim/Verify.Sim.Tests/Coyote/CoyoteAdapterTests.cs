using Microsoft.Coyote.Runtime;
using Verify.Sim.Coyote;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Tests.Coyote;

/// <summary>The adapter on the stub: permits neither hang nor let two go at once. The real engine is not on the build machines.</summary>
public sealed class CoyoteAdapterTests
{
    [Test, CancelAfter(60_000)]
    public void Whoever_the_engine_lets_go_is_the_pick()
    {
        var orders = new SortedSet<string>(StringComparer.Ordinal);
        for (var seed = 1UL; seed <= 30; seed++)
        {
            StubEngine.Run(seed, () =>
            {
                using var actors = new CoyoteActors();
                var order = Scheduling.Toy.Run(actors, 3, 3, 3);
                Assert.That(order, Has.Length.EqualTo(9));
                orders.Add(string.Concat(order));
            });
        }

        Assert.That(orders, Has.Count.GreaterThan(10), "the engine's choices are ours");
    }

    [Test, CancelAfter(60_000)]
    public void Both_modes_play_the_raft_core()
    {
        var engine = StubEngine.Run(3, CoyoteTests.RaftByActors);
        Assert.That(engine.Schedule, Has.Count.GreaterThan(10), "picks went through operations");
        Assert.That(StubEngine.Run(4, CoyoteTests.RaftByChoices).Schedule, Is.Empty, "in choice mode there are none");
    }

    [Test]
    public void Without_an_engine_the_first_one_goes()
    {
        using var actors = new CoyoteActors();
        Assert.That(actors.Pick([new Candidate(1, 1, 0), new Candidate(2, 2, 0)]), Is.Zero);
    }
}
