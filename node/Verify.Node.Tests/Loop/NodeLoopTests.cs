using Verify.Node.Loop;
using Verify.Node.Tests.Fakes;

namespace Verify.Node.Tests.Loop;

/// <summary>The inbox, the pulse and the deadlines.</summary>
public sealed class NodeLoopTests
{
    private readonly FakeWorld _world = new();

    [Test]
    public void Inputs_are_handled_in_order_and_what_piled_up_comes_as_one_batch()
    {
        var batches = new List<int>();
        var said = new List<int>();
        NodeLoop? loop = null;
        loop = new(_world, 100, batch =>
        {
            batches.Add(batch.Count);
            foreach (var input in batch) ((NodeInput.HaPosted)input).Run();
        }, _ => Assert.Fail("nothing breaks here"));
        for (var i = 0; i < 3; i++)
        {
            var number = i;
            loop.Post(new NodeInput.HaPosted(() =>
            {
                said.Add(number);
                if (number == 0) loop!.Post(new NodeInput.HaPosted(() => said.Add(99)));
            }));
        }

        Assert.That(said, Is.Empty, "posting does not think");
        _world.RunFor(TimeSpan.Zero);
        Assert.That(said, Is.EqualTo(new[] { 0, 1, 2, 99 }));
        Assert.That(batches, Is.EqualTo(new[] { 3, 1 }));
    }

    [Test]
    public void A_full_inbox_pushes_back_but_takes_what_must_not_be_lost()
    {
        var handled = 0;
        var loop = new NodeLoop(_world, 2, batch => handled += batch.Count, _ => Assert.Fail("nothing breaks here"));
        Assert.That((loop.TryPost(Nothing()), loop.TryPost(Nothing()), loop.TryPost(Nothing())), Is.EqualTo((true, true, false)));
        Assert.That(loop.Post(Nothing()), Is.True);
        _world.RunFor(TimeSpan.Zero);
        Assert.That((handled, loop.TryPost(Nothing())), Is.EqualTo((3, true)));
    }

    [Test]
    public void What_escapes_a_thought_is_reported_once_and_nothing_is_thought_afterwards()
    {
        var thoughts = 0;
        var broken = new List<Exception>();
        var loop = new NodeLoop(_world, 10, _ =>
        {
            thoughts++;
            throw new InvalidOperationException("odd");
        }, broken.Add);
        loop.Post(Nothing());
        _world.RunFor(TimeSpan.Zero);
        Assert.That(loop.Post(Nothing()), Is.False);
        _world.RunFor(TimeSpan.FromSeconds(1));
        Assert.That((thoughts, broken.Count), Is.EqualTo((1, 1)));
    }

    [Test]
    public void Ticks_follow_the_clock_and_not_the_number_of_timer_calls()
    {
        var pulse = new Pulse(new FakeTime(_world, new(_world)), TimeSpan.FromMilliseconds(10));
        _world.RunFor(TimeSpan.FromMilliseconds(8));
        Assert.That((pulse.Take(), pulse.Take()), Is.EqualTo((1L, 0L)), "a timer that fires a little early is punctual");
        _world.RunFor(TimeSpan.FromMilliseconds(1_000));
        Assert.That(pulse.Take(), Is.EqualTo(100), "nothing is lost, and the early tick is not counted twice");
    }

    [Test]
    public void Deadlines_run_in_the_order_of_their_time_and_equal_ones_in_the_order_they_were_set()
    {
        var ran = new List<string>();
        var deadlines = new Deadlines();
        deadlines.At(TimeSpan.FromSeconds(2), () => ran.Add("late"));
        deadlines.At(TimeSpan.FromSeconds(1), () => ran.Add("first"));
        deadlines.At(TimeSpan.FromSeconds(1), () => ran.Add("second"));
        deadlines.Run(TimeSpan.FromSeconds(1));
        Assert.That(ran, Is.EqualTo(new[] { "first", "second" }));
    }

    private static NodeInput.HaPosted Nothing() => new(() => { });
}
