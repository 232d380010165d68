using Verify.Scenarios;

namespace Verify.Chaos.Running;

/// <summary>What is done to servers and to single links, and the operator's wishes.</summary>
public sealed partial class Nemesis
{
    /// <summary>How long the end of a takeover is waited for when everything is healed.</summary>
    private static readonly TimeSpan TakeoverEndsWithin = TimeSpan.FromSeconds(10);

    private async ValueTask<Wound> HurtServersAsync(Step step, string name) => step.Fault switch
    {
        Fault.CutLink(var from, var to) => await CutLinksAsync(step, name, from, to),
        Fault.StopSqlThread(var target) => await EachAsync(step, name, await targets.MembersAsync(target), world.StopSqlThreadAsync, world.StartSqlThreadAsync),
        Fault.StallDisk(var target) => await EachAsync(step, name, await targets.MembersAsync(target), world.StallDiskAsync, world.RunDiskAsync),
        Fault.Lag(var target, var by) => await EachAsync(step, name, await targets.MembersAsync(target),
            s => world.DelayApplierAsync(s, by), s => world.DelayApplierAsync(s, TimeSpan.Zero)),
        Fault.Errant(var target) => await ErrantAsync(step, name, target),
        Fault.DieAt(var moment) => await DieAtAsync(step, name, moment),
        Fault.Takeover(var to, var isForced) => await TakeOverAsync(step, name, to, isForced),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private async ValueTask<Wound> CutLinksAsync(Step step, string name, Target from, Target to)
    {
        var nodes = await NodesAsync(from);
        var servers = await targets.MembersAsync(to);
        var links = nodes.SelectMany(_ => servers, (n, s) => (Node: n, Server: s)).ToArray();
        var resolved = $"{string.Join(",", nodes)} | {string.Join(",", servers)}";
        foreach (var (node, server) in links) await world.CutLinkAsync(node, server);
        Begun(step, name, resolved, [.. links.SelectMany(l => new[] { (l.Node, l.Server), (l.Server, l.Node) })]);
        return new(step, name, resolved, async () =>
        {
            var dropped = 0L;
            foreach (var (node, server) in links) dropped += await world.MendLinkAsync(node, server);
            return Proven(step, name, dropped);
        });
    }

    private async ValueTask<Wound> ErrantAsync(Step step, string name, Target target)
    {
        var servers = await targets.MembersAsync(target);
        foreach (var server in servers) await world.PlantErrantAsync(server);
        Begun(step, name, string.Join(",", servers));
        return new(step, name, string.Join(",", servers), async () =>
        {
            var started = 0L;
            foreach (var server in servers) started += await world.HasStartedErrantAsync(server) ? 1 : 0;
            return Proven(step, name, started);
        });
    }

    private async ValueTask<Wound> DieAtAsync(Step step, string name, LedgerMoment moment)
    {
        await world.ArmDeathAsync(moment);
        Begun(step, name, $"whoever leads at {moment}");
        return new(step, name, $"whoever leads at {moment}", async () =>
        {
            var dead = await world.DisarmDeathAsync(moment);
            if (dead is not null) await world.StartAgainAsync(dead);
            return Proven(step, name, dead is null ? 0 : 1);
        });
    }

    /// <summary>The answer comes when the recovery is open. A takeover that does not succeed is told at the end: what somebody wrote down must happen.</summary>
    private async ValueTask<Wound> TakeOverAsync(Step step, string name, Target? to, bool isForced)
    {
        var named = to is null ? null : (await targets.MembersAsync(to))[0];
        var id = await world.TakeOverAsync(named, isForced);
        Begun(step, name, named ?? "whom the leader chooses");
        return new(step, name, named ?? "whom the leader chooses", async () =>
        {
            var untilUs = world.Events.NowUs + (long)TakeoverEndsWithin.TotalMicroseconds;
            var end = await world.RecoveryAsync(id);
            while (end is null or { IsOpen: true } && world.Events.NowUs < untilUs)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(250), world.Time, CancellationToken.None);
                end = await world.RecoveryAsync(id);
            }

            if (end is { IsSuccessful: true }) return 1;
            _misses.Add($"{name} (takeover to {named ?? "anybody"}) did not succeed: {(end is null ? "nobody knows its recovery" : end.IsOpen ? "it is still open" : end.Closing)}");
            return 0;
        });
    }
}
