using System.Collections.Immutable;
using Verify.Chaos.Worlds;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Raft;
using Verify.Sim;
using Verify.Sim.Hosts;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Mutants;

/// <summary>Whole nodes in short worlds: a leader that has just been elected is cut off at once, and its voters die between their vote
/// and their first entry of the new term. What a voter forgets in that moment, no log can tell it.</summary>
internal sealed class VoteCrashHunt(Func<IChoiceSource, IActorScheduler>? strategy = null) : IHunt
{
    private static readonly TimeSpan VirtualTimeMax = TimeSpan.FromMinutes(1);

    public string Name => "vote-crash";
    public string Story => "3 or 5 whole nodes, no servers, a few virtual seconds: a fresh leader is cut off within 3 ms and its voters are restarted or lose power; drawn latency, one to four rounds";

    public Trial Try(ulong seed) => WorldThread.Run(() =>
    {
        var dice = new Dice(seed).Fork("vote-crash");
        var oneWay = TimeSpan.FromMicroseconds(200 + dice.Next(4_000));
        var jitter = TimeSpan.FromMicroseconds(dice.Next(6_000));
        using var world = SimWorld.FromSeed(seed, new SimOptions { BetweenDataCenters = new(oneWay, jitter) }, strategy);
        var promises = new LogPromises();
        world.Trace.NodeEventSeen = promises.See;
        try
        {
            world.Run(() => new Storm(world, dice, promises).RunAsync(), VirtualTimeMax);
        }
        catch (SimWorldException e)
        {
            return Trial.Bad(Discovery.InvariantCrash, e.InnerException?.Message ?? e.Message);
        }

        return promises.Broken is { } broken ? new(Checks.Verdict.Invalid, broken) : Trial.Clean;
    });

    /// <summary>The nemesis of one world.</summary>
    private sealed class Storm(SimWorld world, Dice dice, LogPromises promises)
    {
        private const int GlanceMicros = 200;

        public async Task RunAsync()
        {
            AddNodes(dice.Chance(300) ? 5 : 3);
            world.Start();
            var rounds = 1 + dice.Next(4);
            for (var round = 0; round < rounds && promises.Broken is null; round++)
            {
                if (await FreshLeaderAsync() is { } leader) await StrikeAsync(leader);
                await PassAsync(300_000 + dice.Next(900_000));
                world.HealAll();
                foreach (var host in world.Hosts)
                    if (!host.IsAlive) world.Start(host);
                await PassAsync(dice.Next(400_000));
            }
        }

        private void AddNodes(int count)
        {
            var members = Enumerable.Range(1, count)
                .Select(i => new Member(new($"n{i}"), new($"n{i}", NodeNames.PeerPort), $"dc{i}")).ToImmutableArray();
            foreach (var member in members)
            {
                var config = new NodeConfig { Self = member.Id, DataCenter = member.DataCenter, PeerBind = member.Endpoint, Members = members };
                world.AddHost(member.Id.Name, member.DataCenter, NodeProgram.Of(config));
            }
        }

        /// <summary>Waits for an election that was not seen before; null when none comes.</summary>
        private async Task<SimHost?> FreshLeaderAsync()
        {
            var before = promises.Elections;
            for (var glances = 0; glances < 10_000 && promises.Broken is null; glances++)
            {
                if (promises.Elections > before && promises.LastLeader is { } name) return world.Host(name);
                await PassAsync(GlanceMicros);
            }

            return null;
        }

        private async Task StrikeAsync(SimHost leader)
        {
            await PassAsync(dice.Next(3_000));
            if (dice.Chance(850)) world.Isolate(leader.DataCenter);
            else foreach (var other in world.Hosts.Where(h => h != leader)) world.Cut(leader.Name, other.Name);
            foreach (var voter in world.Hosts.Where(h => h != leader && h.IsAlive))
            {
                if (dice.Chance(150)) continue;
                if (dice.Chance(150)) await PassAsync(dice.Next(20_000));
                if (dice.Chance(850)) world.Restart(voter, dice.Chance(250) ? Crash.Process : Crash.Machine);
                else world.Kill(voter, Crash.Power);
            }

            if (!dice.Chance(300)) return;
            await PassAsync(dice.Next(100_000));
            foreach (var host in world.Hosts)
                if (!host.IsAlive) world.Start(host);
        }

        /// <summary>Task.Delay counts whole milliseconds; what matters here happens within one.</summary>
        private async Task PassAsync(int micros)
        {
            var passed = new TaskCompletionSource();
            await using var timer = world.WorldTime.CreateTimer(_ => passed.TrySetResult(), null, TimeSpan.FromMicroseconds(micros), Timeout.InfiniteTimeSpan);
            await passed.Task;
        }
    }
}
