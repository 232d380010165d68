using Microsoft.Extensions.Logging;
using Verify.Node.Telemetry;
using Verify.Sim.Hosts;
using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests.Hosts;

[TestFixture]
public sealed class HostTests
{
    [Test]
    public void A_paused_host_stands_still_while_its_clock_goes_on_and_its_timers_are_late()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (beats, wallAtResume) = (new List<TimeSpan>(), default(DateTimeOffset));
        var host = world.AddHost("a", "east", async self =>
        {
            while (true)
            {
                await Task.Delay(Ms(10), self.Seam.Time);
                beats.Add(world.Now);
                wallAtResume = self.Seam.Time.GetUtcNow();
            }
        });
        world.Start();
        world.RunFor(Ms(25));
        world.Pause(host);
        world.RunFor(Ms(975));
        Assert.That(beats, Is.EqualTo(new[] { Ms(10), Ms(20) }));
        world.Resume(host);
        world.RunFor(Ms(5));
        Assert.That(beats, Is.EqualTo(new[] { Ms(10), Ms(20), Ms(1_000) }));
        Assert.That(wallAtResume, Is.EqualTo(world.Options.Epoch.AddSeconds(1)));
    }

    [Test]
    public void A_paused_host_is_connected_to_by_its_kernel_and_reads_when_it_wakes()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var received = "";
        var server = world.AddHost("b", "west", async self =>
        {
            var listener = self.Seam.Network.Listen(At("b"));
            received = await ReadText((await listener.AcceptAsync())!, 5);
        });
        var client = world.AddHost("a", "east");
        world.Start();
        world.RunFor(Ms(1));
        world.Pause(server);
        world.Run(
            async () =>
            {
                var stream = await client.Seam.Network.ConnectAsync(At("b"), CancellationToken.None);
                await WriteText(stream, "hello");
                await Task.Delay(TimeSpan.FromSeconds(1), world.WorldTime);
            },
            Minute);
        Assert.That(received, Is.Empty);
        world.Resume(server);
        world.RunFor(Ms(1));
        Assert.That(received, Is.EqualTo("hello"));
    }

    [Test]
    public void Nothing_of_a_killed_host_ever_runs_again_and_its_program_starts_anew()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (starts, beats) = (0, new SortedDictionary<int, int>());
        var host = world.AddHost("a", "east", async self =>
        {
            var life = ++starts;
            beats[life] = 0;
            while (true)
            {
                await Task.Delay(Ms(10), self.Seam.Time);
                beats[life]++;
            }
        });
        world.Start();
        world.RunFor(Ms(105));
        world.Kill(host);
        Assert.That(host.IsAlive, Is.False);
        world.RunFor(Ms(100));
        Assert.That(beats[1], Is.EqualTo(10));
        world.Restart(host);
        world.RunFor(Ms(105));
        Assert.That(beats, Is.EqualTo(new SortedDictionary<int, int> { [1] = 10, [2] = 10 }));
    }

    [Test]
    public void Halt_ends_the_host_at_once_and_the_world_goes_on()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (after, other) = (false, 0);
        var host = world.AddHost("a", "east", async self =>
        {
            await Task.Delay(Ms(10), self.Seam.Time);
            try
            {
                self.Seam.Halt.Halt("log.0001: damaged at offset 17; restore it from a peer", null);
            }
            catch (InvalidOperationException)
            {
                after = true;
            }

            after = true;
        });
        world.AddHost("b", "east", async self =>
        {
            while (true)
            {
                await Task.Delay(Ms(10), self.Seam.Time);
                other++;
            }
        });
        world.Start();
        world.RunFor(Ms(105));
        Assert.That(host.IsAlive, Is.False);
        Assert.That(host.HaltReason, Does.Contain("offset 17"));
        Assert.That(after, Is.False, "control came back from Halt");
        Assert.That(other, Is.EqualTo(10));
        Assert.That(world.Trace.NodeEvents.Single().Event, Is.TypeOf<NodeEvent.Halted>());
        Assert.That(world.Trace.NodeEvents.Single().Micros, Is.EqualTo(10_000));
    }

    [Test]
    public void A_program_that_fails_fails_the_world()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        world.AddHost("a", "east", async self =>
        {
            await Task.Delay(Ms(10), self.Seam.Time);
            throw new InvalidOperationException("planted");
        });
        world.Start();
        var failure = Assert.Throws<SimWorldException>(() => world.RunFor(Ms(100)));
        Assert.That(failure!.InnerException, Is.TypeOf<HostFailedException>().With.InnerException.Message.EqualTo("planted"));
    }

    [Test]
    public void A_call_into_a_host_is_an_event_of_its_own_and_fails_when_the_host_dies()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = world.AddHost("a", "east");
        world.Start();
        world.Run(
            async () =>
            {
                var ran = false;
                var answering = host.CallAsync(() =>
                {
                    ran = true;
                    return new ValueTask<int>(42);
                });
                Assert.That(ran, Is.False, "it ran inside the call");
                Assert.That(await answering, Is.EqualTo(42));
                var never = host.CallAsync(() => new ValueTask<int>(new TaskCompletionSource<int>().Task));
                await Task.Delay(Ms(10), world.WorldTime);
                world.Kill(host);
                Assert.That(never.IsCompleted, Is.False, "it was completed inside Kill");
                Assert.That(await Failure(never), Is.TypeOf<HostDownException>());
                Assert.That(await Failure(host.CallAsync(() => new ValueTask<int>(1))), Is.TypeOf<HostDownException>());
            },
            Minute);
    }

    [Test]
    public void The_log_keeps_its_last_lines_with_virtual_time()
    {
        using var world = SimWorld.FromSeed(1, Exact with { LogLinesKept = 2 });
        var host = world.AddHost("a", "east");
        world.Start();
        var logger = host.Seam.Logs.CreateLogger("Raft");
        for (var i = 1; i <= 3; i++)
        {
            world.RunFor(Ms(1));
            logger.Log(LogLevel.Information, default, i, null, static (number, _) => $"line {number}");
            logger.Log(LogLevel.Debug, default, i, null, static (number, _) => $"detail {number}");
        }

        Assert.That(world.Logs.Lines.Select(line => line.ToString()),
            Is.EqualTo(new[] { "0.002000 s a Information Raft: line 2", "0.003000 s a Information Raft: line 3" }));
    }

    [Test]
    public void The_dice_of_a_host_differ_by_host_and_by_start_and_repeat_with_the_seed()
    {
        Assert.That(Draws(1), Is.EqualTo(Draws(1)));
        Assert.That(Draws(1), Is.Unique);
        Assert.That(Draws(1), Is.Not.EqualTo(Draws(2)));

        static ulong[] Draws(ulong seed)
        {
            using var world = SimWorld.FromSeed(seed, Exact);
            var (a, b) = Pair(world);
            var (first, second) = (a.Seam.Dice.Next(), b.Seam.Dice.Next());
            world.Restart(a);
            return [first, second, a.Seam.Dice.Next()];
        }
    }

    private static async Task<Exception?> Failure(Task task)
    {
        try
        {
            await task;
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }
}
