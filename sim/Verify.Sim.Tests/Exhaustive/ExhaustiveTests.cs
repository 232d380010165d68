using Verify.Raft;
using Verify.Sim.Exhaustive;

namespace Verify.Sim.Tests.Exhaustive;

/// <summary>The exploration of everything that can happen: that it is complete, that its reductions change no verdict, and that a core
/// which goes on from an image is the core that was never interrupted.</summary>
public sealed class ExhaustiveTests
{
    private static readonly ExhaustiveBounds Small = new() { Terms = 1, Timeouts = 1, Proposals = 1, Crashes = 0 };

    [Test]
    public void Two_terms_and_a_crash_hold_every_promise_in_every_state()
    {
        var result = Explore(new() { Terms = 2, Timeouts = 2, Proposals = 0, Crashes = 1 });
        Assert.That(result.Outcome, Is.EqualTo(ExhaustiveOutcome.Complete), result.CounterExample?.What);
        Assert.That(result.States, Is.GreaterThan(4000), "an election, a crash and a second election are many states");
    }

    [TestCase(true)]
    [TestCase(false)]
    public void With_symmetry_the_states_with_all_their_namesakes_are_those_without(bool isCounted)
    {
        var bounds = Small with { CountsMessages = isCounted, Crashes = isCounted ? 0 : 1 };
        var with = Explore(bounds);
        var without = Explore(bounds with { UsesSymmetry = false });
        Assert.That(with.Outcome, Is.EqualTo(ExhaustiveOutcome.Complete));
        Assert.That(without.Outcome, Is.EqualTo(ExhaustiveOutcome.Complete));
        Assert.That(with.StatesWithNamesakes, Is.EqualTo(without.States));
        Assert.That(with.Depth, Is.EqualTo(without.Depth));
        Assert.That(with.States, Is.LessThan(without.States / 5), "six names for nearly every state of three nodes");
    }

    private static IEnumerable<ExhaustiveBounds> BoundsWithAndWithoutDeadMessages()
    {
        var two = new ExhaustiveBounds { Terms = 2, Timeouts = 2, Proposals = 0, Crashes = 0 };
        yield return two;
        yield return two with { Crashes = 1 };
        yield return two with { Timeouts = 4 };
        yield return two with { Heartbeats = 1 };
        yield return two with { Proposals = 1 };
        yield return two with { Proposals = 1, Crashes = 1 };
        yield return two with { Terms = 3, Timeouts = 3 };
        yield return two with { Nodes = 2, Timeouts = 3, Proposals = 2, Crashes = 2 };
    }

    /// <summary>The rules by which messages are forgotten, against the exploration that forgets none but past answers: nothing that nodes can come to may be missing.</summary>
    [TestCaseSource(nameof(BoundsWithAndWithoutDeadMessages))]
    public void Forgetting_dead_messages_leaves_every_picture_of_the_nodes_and_fewer_states(ExhaustiveBounds bounds)
    {
        var forgets = Explore(bounds with { CountsPictures = true }, seconds: 300);
        var keeps = Explore(bounds with { CountsPictures = true, ForgetsDeadMessages = false }, seconds: 300);
        Assert.That((forgets.Outcome, keeps.Outcome), Is.EqualTo((ExhaustiveOutcome.Complete, ExhaustiveOutcome.Complete)));
        TestContext.Out.WriteLine($"{forgets.States} states instead of {keeps.States}, {keeps.Pictures} pictures");
        Assert.That(forgets.Pictures, Is.EqualTo(keeps.Pictures));
        Assert.That(forgets.States, Is.LessThan(keeps.States));
        Assert.That(forgets.Revived, Is.Zero, "what was forgotten was never missed");
    }

    [Test]
    public void Several_threads_find_the_states_that_one_finds()
    {
        var bounds = Small with { Terms = 2, Timeouts = 2, Proposals = 0, Crashes = 1 };
        Assert.That(Counts(Explore(bounds, jobs: 3)), Is.EqualTo(Counts(Explore(bounds))));

        static (long, long, long, int) Counts(ExhaustiveResult result) => (result.States, result.StatesWithNamesakes, result.Transitions, result.Depth);
    }

    [Test]
    public void Bounds_without_room_are_refused_with_the_rule()
    {
        var refused = Assert.Throws<ImpossibleBoundException>(() => new ExhaustiveBounds { Terms = 5, Proposals = 4 }.Validate());
        Assert.That(refused!.Message, Does.Contain("at most 8"));
        Assert.Throws<ImpossibleBoundException>(() => new ExhaustiveBounds { Duplicates = 1 }.Validate());
    }

    [Test]
    public void When_the_memory_is_full_it_says_so()
    {
        var result = new ExhaustiveExploration(
            new() { Proposals = 0, CountsMessages = true }, jobs: 1, TimeSpan.FromMinutes(1), memoryBytes: 1 << 20, TimeProvider.System).Run();
        Assert.That(result.Outcome, Is.EqualTo(ExhaustiveOutcome.MemoryFull));
        Assert.That(result.Frontier, Is.GreaterThan(0));
    }

    [Test]
    public void A_core_that_goes_on_from_an_image_does_what_one_does_that_was_never_interrupted()
    {
        var bounds = new ExhaustiveBounds { Terms = 4, Proposals = 4, AppendEntries = 2 };
        var player = new NodePlayer(bounds);
        var renamings = new Renamings(bounds.Nodes, all: false);
        var steps = 0;
        for (var seed = 1; seed <= 60; seed++)
        {
            var choices = new Verify.Sim.RaftOnly.SeededChoices((ulong)seed);
            var lives = Enumerable.Range(0, bounds.Nodes).Select(player.Live).ToArray();
            var images = Enumerable.Range(0, bounds.Nodes).Select(player.First).ToArray();
            var network = new List<Envelope>();
            var commands = 0;
            for (var step = 0; step < 150; step++)
            {
                var node = Draw(bounds.Nodes);
                var (kind, message) = (ActionKind.Deliver, default(Envelope));
                switch (network.Count == 0 ? 0 : Draw(12))
                {
                    case 0: kind = ActionKind.Timeout; break;
                    case 1: kind = ActionKind.Heartbeat; break;
                    case 2 when commands < bounds.Proposals: kind = ActionKind.Propose; break;
                    default:
                        message = network[Draw(network.Count)];
                        node = message.To.Name[1] - '1';
                        if (Draw(4) > 0) network.Remove(message);
                        break;
                }
                if (player.Play(images[node], kind, message, commands + 1) is not { } outcome) continue;
                if (kind == ActionKind.Propose) commands++;
                NodePlayer.Input(lives[node].Core!, kind, message, commands);
                lives[node].CarryOut();
                images[node] = outcome.Node;
                Assert.That(outcome.Broken, Is.Null);
                Assert.That(lives[node].Now().Hash(renamings, 0), Is.EqualTo(images[node].Hash(renamings, 0)), $"seed {seed}, step {step}: {kind} {message}");
                Assert.That(outcome.Sent.Select(Words), Is.EqualTo(lives[node].Sent.Select(Words)), $"seed {seed}, step {step}: {kind} {message}");
                network.AddRange(outcome.Sent);
                steps++;
            }

            int Draw(int count) => choices.Next(Verify.Sim.Scheduling.ChoiceKind.Actor, count);
        }
        Assert.That(steps, Is.GreaterThan(3000));

        static string Words(Envelope envelope) => ExploredMessage.Describe(envelope);
    }

    internal static ExhaustiveResult Explore(ExhaustiveBounds bounds, int jobs = 1, double seconds = 60) =>
        new ExhaustiveExploration(bounds, jobs, TimeSpan.FromSeconds(seconds), 512 << 20, TimeProvider.System).Run();
}
