using Verify.Checks;
using Verify.Raft;
using Verify.Sim.Hosts;

namespace Verify.Chaos.Swarms;

/// <summary>The end of a schedule: all is healed; the group comes together within a bound, stays together, and is read once more.</summary>
internal sealed class ClusterEnding(ClusterWorld world, ClusterSwarmOptions options, ClusterNemesis nemesis, ClusterPromises promises, Action<string>? tell)
{
    private const string Live = "Live";
    private const int LeaderChangesMax = 2, ReadsMax = 10;
    private static readonly TimeSpan ConvergenceMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);

    public async Task ConcludeAsync(ClusterClient reader)
    {
        tell?.Invoke($"{world.Sim.Now}: everything heals");
        nemesis.HealAll();
        if (!await ConvergesAsync()) return;
        for (var key = 0; key < options.Keys; key++)
        {
            await reader.DoAsync(OpKind.KvPut, $"k{key}", underLease: false);

            // Whoever is asked first may be a spare that never ran (kv, seed 16289: nothing was read in the whole schedule).
            for (var tries = 0; tries < ReadsMax && await reader.DoAsync(OpKind.KvGet, $"k{key}", underLease: false) != OpOutcome.Ok; tries++)
                await Task.Delay(Glance, world.Time, CancellationToken.None);
        }

        if (!await ConvergesAsync()) return;
        promises.CompareStates(world.Sim);
        if (promises.Broken is null) await StaysTogetherAsync();
        if (promises.Broken is null) await WhoWasTakenOutLeavesAsync();
    }

    /// <summary>One leader with a lease whose membership is settled, and every running member has applied what it has committed.</summary>
    public async Task<bool> ConvergesAsync()
    {
        var until = world.Sim.Now + ConvergenceMax;
        var waiting = "";
        while (world.Sim.Now < until && promises.Broken is null)
        {
            waiting = await WaitingForAsync();
            if (waiting.Length == 0) return true;
            nemesis.StartAgain();
            await Task.Delay(Glance, world.Time, CancellationToken.None);
        }

        if (promises.Broken is null) promises.Break(Live, $"{ConvergenceMax.TotalSeconds:0} s after everything was healed: {waiting}");
        return false;
    }

    private async Task<string> WaitingForAsync()
    {
        if (await world.LeaderAsync() is not { } leader)
        {
            await WantWhoIsNeededAsync();
            return $"nobody leads: {await DescribeAsync()}";
        }

        var (host, status) = leader;
        if (status.Membership.IsJoint || status.MembershipIndex > status.Commit) return $"{host.Name}'s change of members is not over: {status.Membership}";
        foreach (var id in status.Membership.All)
        {
            var member = world.Sim.Host(id.Name);
            if (member == host || id.Name == nemesis.Rotten) continue;
            if (await world.StatusAsync(member) is not { } its)
            {
                // Who stopped for a reason that it was given is missing with cause; who was let go of and came back is nobody's business.
                if (member.HaltReason is not null && promises.IsExcused(id.Name)) continue;
                nemesis.WantAgain(id.Name);
                return $"{id} does not answer{(member.HaltReason is { } why ? $": it has halted: {why}" : "")}";
            }

            if (its.Applied < status.Commit) return $"{id} has applied {its.Applied} of {status.Commit}";
        }

        return "";
    }

    /// <summary>Nobody can lead without a voter who was let go, came in again and then stopped (seed 6400).</summary>
    private async Task WantWhoIsNeededAsync()
    {
        RaftStatus? furthest = null;
        foreach (var host in world.Hosts)
            if (await world.StatusAsync(host) is { } status && (furthest is null || status.Last.IsAtLeastAsUpToDateAs(furthest.Last))) furthest = status;
        foreach (var voter in furthest?.Membership.Voters ?? [])
            if (!world.Sim.Host(voter.Name).IsAlive) nemesis.WantAgain(voter.Name);
    }

    /// <summary>What each node says of itself, for the message.</summary>
    private async Task<string> DescribeAsync()
    {
        var words = new List<string>();
        foreach (var host in world.Hosts)
        {
            var status = await world.StatusAsync(host);
            words.Add(status is null ? $"{host.Name} is silent ({host.HaltReason ?? (host.IsAlive ? "alive" : "down")})"
                : $"{host.Name} {status.Role} t{status.Term} last {status.Last} commit {status.Commit} {status.Membership}");
        }

        return string.Join("; ", words);
    }

    /// <summary>Nothing disturbs a group that is whole: not a node that was let go, not a clock that jumps.</summary>
    private async Task StaysTogetherAsync()
    {
        var elections = promises.Elections;
        var until = world.Sim.Now + TimeSpan.FromSeconds(4);
        while (world.Sim.Now < until)
        {
            if (options.ClockSteps)
                foreach (var host in world.Hosts) world.Sim.JumpClock(host, TimeSpan.FromMinutes(10));
            await Task.Delay(TimeSpan.FromMilliseconds(250), world.Time, CancellationToken.None);
        }

        if (promises.Broken is null && promises.Elections - elections > LeaderChangesMax) promises.Break(Live, $"{promises.Elections - elections} elections within 4 s of peace");
    }

    /// <summary>A node that was taken out hears so from any member that it knows, and ends.</summary>
    private async Task WhoWasTakenOutLeavesAsync()
    {
        var until = world.Sim.Now + ConvergenceMax;
        var waiting = "";
        while (world.Sim.Now < until && promises.Broken is null)
        {
            waiting = await StillThereAsync();
            if (waiting.Length == 0) return;
            await Task.Delay(Glance, world.Time, CancellationToken.None);
        }

        if (promises.Broken is null) promises.Break(Live, $"{ConvergenceMax.TotalSeconds:0} s of peace: {waiting}");
    }

    private async Task<string> StillThereAsync()
    {
        if (await world.LeaderAsync() is not { } leader) return "";
        foreach (var host in world.Hosts)
        {
            if (!host.IsAlive || leader.Status.Membership.All.Any(m => m.Name == host.Name) || await world.StatusAsync(host) is not { } its) continue;
            // One that never was in waits; one that knows nobody who still belongs has nobody to hear it from.
            if (its.Membership.All.All(m => m.Name != host.Name) || !its.Membership.All.Any(m => leader.Status.Membership.All.Contains(m))) continue;
            return $"{host.Name} was taken out, reaches members and runs on: {its.Role} in term {its.Term}";
        }

        return "";
    }
}
