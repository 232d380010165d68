using Verify.Checks;
using Verify.Node.Seam;
using Verify.Sim;

namespace Verify.Chaos.Swarms;

/// <summary>A directed strategy for answers: a leader that is cut off takes writes in and is paused before it can give them up. Its group
/// goes on, so when it wakes up other entries stand at their places in the log. None of those writes may be answered as done.</summary>
internal sealed class LostAnswersStory(StoryParts parts)
{
    public static ClusterSwarmOptions Draw(Dice dice) => new()
    {
        Voters = dice.Chance(700) ? 3 : 5, Clients = 3 + dice.Next(6), Keys = 1 + dice.Next(2), LatencyMicros = 200 + dice.Next(2_000), JitterMicros = dice.Next(2_000),
    };

    public async Task RunAsync()
    {
        var (world, promises, dice) = (parts.World, parts.Promises, parts.Dice);
        var sim = world.Sim;
        world.Start();
        for (var round = 0; round < 1 + dice.Next(3) && promises.Broken is null; round++)
        {
            if (!await parts.Ending.ConvergesAsync() || await world.LeaderAsync() is not { } leader) return;
            var old = leader.Host;
            parts.Tell?.Invoke($"{sim.Now}: {old.Name} is cut off");
            sim.Isolate(old.Name);
            var lost = new List<Task>();
            for (var i = 0; i < parts.Options.Clients; i++)
                lost.Add(parts.Client((round * 100) + i).DoOnceAsync(OpKind.KvPut, LostKey(round, i), old));
            await PassAsync(1 + dice.Next(30));
            sim.Pause(old);
            await PassAsync(800 + dice.Next(800));
            var until = sim.Now + TimeSpan.FromMilliseconds(300 + dice.Next(900));
            bool Goes() => sim.Now < until && promises.Broken is null;
            var work = Enumerable.Range(0, 3).Select(i => parts.Client((round * 100) + 50 + i).WorkAsync(Goes)).ToList();
            while (Goes()) await PassAsync(20);
            sim.HealAll();
            await PassAsync(dice.Next(50));
            parts.Tell?.Invoke($"{sim.Now}: {old.Name} wakes up");
            sim.Resume(old);
            foreach (var one in lost) await one;
            foreach (var one in work) await one;
            var reader = parts.Client((round * 100) + 90);
            for (var i = 0; i < parts.Options.Clients; i++) await reader.DoAsync(OpKind.KvGet, LostKey(round, i), underLease: false);
        }

        if (promises.Broken is null) await parts.Ending.ConcludeAsync(parts.Client(999));
    }

    /// <summary>Written once, so that a write that is lost is missed.</summary>
    private static string LostKey(int round, int client) => $"lost-{round}-{client}";

    private Task PassAsync(int ms) => Task.Delay(TimeSpan.FromMilliseconds(ms), parts.World.Time, CancellationToken.None);
}
