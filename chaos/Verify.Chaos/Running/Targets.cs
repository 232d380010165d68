using System.Collections.Immutable;
using Verify.Chaos.Worlds;
using Verify.Node.Seam;
using Verify.Scenarios;

namespace Verify.Chaos.Running;

/// <summary>Answers "who is hit?" when a step runs. The answers are written into the run's events.</summary>
public sealed class Targets(IWorld world, Dice dice)
{
    /// <summary>The nodes and servers meant by a target, sorted.</summary>
    /// <exception cref="TargetUnresolvedException">Nobody fits right now (no leader, say).</exception>
    public async ValueTask<ImmutableArray<string>> MembersAsync(Target target)
    {
        switch (target)
        {
            case Target.DataCenter(var name): return In(name);
            case Target.Named(var name): return [name];
            case Target.Leader: return [await LeaderAsync()];
            case Target.Primary: return [await PrimaryAsync()];
            case Target.OneFollower:
            {
                var leader = await LeaderAsync();
                var followers = world.Nodes.Keys.Where(n => n != leader).Order(StringComparer.Ordinal).ToArray();
                return [followers[dice.Next(followers.Length)]];
            }

            case Target.AllFollowers:
            {
                var leader = await LeaderAsync();
                return [.. world.Nodes.Keys.Where(n => n != leader).Order(StringComparer.Ordinal)];
            }

            case Target.OneReplica:
            {
                var primary = await PrimaryAsync();
                var replicas = world.Servers.Keys.Where(s => s != primary).Order(StringComparer.Ordinal).ToArray();
                return [replicas[dice.Next(replicas.Length)]];
            }

            case Target.DataCenterOf(var who):
                return In(DataCenterOf((await MembersAsync(who))[0]));
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>The data centres of a target's members. Links are cut between data centres, so in a cut a node or server stands for the
    /// data centre that it is in.</summary>
    public async ValueTask<ImmutableArray<string>> DataCentersAsync(Target target) =>
        [.. (await MembersAsync(target)).Select(DataCenterOf).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    public string DataCenterOf(string member) =>
        world.Nodes.TryGetValue(member, out var dc) || world.Servers.TryGetValue(member, out dc)
            ? dc : throw new TargetUnresolvedException($"'{member}' is neither a node nor a server of this fleet");

    private ImmutableArray<string> In(string dataCenter) =>
        [.. world.Nodes.Concat(world.Servers).Where(m => m.Value == dataCenter).Select(m => m.Key).Order(StringComparer.Ordinal)];

    private async ValueTask<string> LeaderAsync() => await WaitForAsync(s => s.Leader, "a leader");
    private async ValueTask<string> PrimaryAsync() => await WaitForAsync(s => s.Primary, "a primary");

    private async ValueTask<string> WaitForAsync(Func<FleetState, string?> pick, string what)
    {
        for (var tries = 0; tries < 50; tries++)
        {
            if (pick(await world.ObserveAsync()) is { } found) return found;
            await Task.Delay(TimeSpan.FromMilliseconds(100), world.Time, CancellationToken.None);
        }

        throw new TargetUnresolvedException($"no node names {what} for 5 s");
    }
}

/// <summary>A step's target has no answer; the step is not done, and the run cannot count as a pass.</summary>
public sealed class TargetUnresolvedException(string message) : Exception(message);
