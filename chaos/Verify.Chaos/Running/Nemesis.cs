using System.Collections.Immutable;
using System.Globalization;
using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Node.Seam;
using Verify.Scenarios;

namespace Verify.Chaos.Running;

/// <summary>Does to the fleet what the scenario says, when it says so, and undoes it. Every hurt knows how to undo itself.</summary>
public sealed partial class Nemesis(IWorld world, Targets targets, Dice dice)
{
    private const int RevivalsMax = 4;

    /// <summary>What is due at one moment: ends before beginnings, so that what is healed can be hurt anew.</summary>
    private const int Ends = 0;
    private const int Begins = 1;

    private readonly List<Wound> _open = [];
    private readonly List<string> _troubles = [];
    private readonly List<string> _misses = [];
    private readonly PriorityQueue<Func<ValueTask>, (long AtUs, int Kind, int Order)> _due = new();
    private long _startUs;
    private int _order;

    /// <summary>Steps that could not be done: their target had no answer, or the world refused. A run with troubles is no pass.</summary>
    public IReadOnlyList<string> Troubles => _troubles;

    /// <summary>Steps that were done and had no effect. In a scenario that somebody wrote they are as bad as troubles.</summary>
    public IReadOnlyList<string> Misses => _misses;

    /// <summary>Runs all steps; times count from <paramref name="startUs"/>.</summary>
    public async Task RunAsync(ImmutableArray<Step> steps, long startUs, CancellationToken cancel)
    {
        _startUs = startUs;
        for (var i = 0; i < steps.Length; i++)
        {
            var (step, name) = (steps[i], $"step {i + 1}");
            Due(step.At, Begins, () => BeginAsync(step, name));
            if (step.Until is { } until) Due(until, Ends, () => EndAsync(_open.Find(w => ReferenceEquals(w.Step, step))));
        }

        while (_due.TryDequeue(out var deed, out var when))
        {
            var wait = startUs + when.AtUs - world.Events.NowUs;
            if (wait > 0) await Task.Delay(TimeSpan.FromMicroseconds(wait), world.Time, cancel);
            await deed();
        }
    }

    /// <summary>Undoes whatever is still open.</summary>
    /// <param name="exceptLostDisks">A node without a disk stays away.</param>
    public async ValueTask HealAllAsync(bool exceptLostDisks = false)
    {
        // A node without a disk needs a group that is whole otherwise to come back to.
        while (_open.FindLast(w => w.Step.Fault is not Fault.LostDisk) is { } wound) await EndAsync(wound);
        while (!exceptLostDisks && _open.Count > 0) await EndAsync(_open[^1]);

        // Who ended himself (a full disk at the start, a write that failed in the last moment) is started again, as a supervisor does.
        for (var tries = 0; tries < RevivalsMax && await world.ReviveAsync(); tries++)
            await Task.Delay(TimeSpan.FromMilliseconds(500), world.Time, CancellationToken.None);
    }

    private async ValueTask BeginAsync(Step step, string name)
    {
        try
        {
            var wound = await InflictAsync(step, name);
            _open.Add(wound);
        }
        catch (Exception e) when (e is TargetUnresolvedException or NotSupportedException or IOException)
        {
            _troubles.Add($"{name} ({step.Fault.Word}) was not done: {e.Message}");
            world.Events.Add(EventKinds.FaultBegun, name, "", fields: [("fault", step.Fault.Word), ("effect", $"not done: {e.Message}")]);
        }
    }

    private async ValueTask EndAsync(Wound? wound)
    {
        if (wound is null || !_open.Remove(wound)) return;
        var proof = -1L;
        try
        {
            proof = await wound.Undo();
        }
        catch (IOException e)
        {
            _troubles.Add($"{wound.Name} ({wound.Step.Fault.Word}) could not be undone: {e.Message}");
        }

        world.Events.Add(EventKinds.FaultEnded, wound.Name, "", fields:
            [("fault", wound.Step.Fault.Word), ("resolved", wound.Resolved), ("proof", proof.ToString(CultureInfo.InvariantCulture))]);
    }

    private async ValueTask<Wound> InflictAsync(Step step, string name) => step.Fault switch
    {
        Fault.Partition(var groups) => await PartitionAsync(step, name, groups),
        Fault.OneWay(var from, var to) => await OneWayAsync(step, name, from, to),
        Fault.Slow(var from, var to, var delay, var jitter) => await SlowAsync(step, name, from, to, delay, jitter),
        Fault.Kill(var target) => await EachAsync(step, name, await targets.MembersAsync(target), world.KillAsync, world.StartAgainAsync),
        Fault.Pause(var target) => await EachAsync(step, name, await targets.MembersAsync(target), world.PauseAsync, world.ResumeAsync),
        Fault.ClockSkew(var target, var offset, var drift) => await EachAsync(step, name, await NodesAsync(target),
            n => world.SkewClockAsync(n, offset, drift), n => world.SkewClockAsync(n, TimeSpan.Zero, 1.0)),
        Fault.DiskFull(var target) => await DiskFullAsync(step, name, target),
        Fault.Ring or Fault.Bridge or Fault.Swizzle or Fault.Lossy or Fault.Garble or Fault.Repeat or Fault.Reconnect => await HurtLinksAsync(step, name),
        Fault.SlowDisk or Fault.FailWrites or Fault.FailSyncs or Fault.BitRot or Fault.TornSector or Fault.Misdirect or Fault.LostDisk => await HurtDisksAsync(step, name),
        Fault.ClockStep or Fault.ClockStrobe or Fault.RestartStorm or Fault.RollingRestart => await HurtOverTimeAsync(step, name),
        Fault.CutLink or Fault.StopSqlThread or Fault.StallDisk or Fault.Lag or Fault.Errant or Fault.Takeover or Fault.DieAt => await HurtServersAsync(step, name),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private async ValueTask<Wound> PartitionAsync(Step step, string name, ImmutableArray<ImmutableArray<Target>> groups)
    {
        var sides = new List<ImmutableArray<string>>();
        foreach (var group in groups)
        {
            var side = new List<string>();
            foreach (var target in group) side.AddRange(await targets.DataCentersAsync(target));
            sides.Add([.. side.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]);
        }

        var named = sides.SelectMany(s => s).ToArray();
        var rest = world.Nodes.Values.Concat(world.Servers.Values).Distinct(StringComparer.Ordinal)
            .Except(named, StringComparer.Ordinal).Order(StringComparer.Ordinal).ToImmutableArray();
        if (rest.Length > 0) sides.Add(rest);
        var cuts = new List<(string From, string To)>();
        foreach (var a in sides)
        {
            foreach (var b in sides.Where(b => b != a)) cuts.AddRange(a.SelectMany(_ => b, (x, y) => (x, y)));
        }

        return await CutAsync(step, name, cuts, string.Join(" | ", sides.Select(s => string.Join(",", s))));
    }

    private async ValueTask<Wound> OneWayAsync(Step step, string name, Target from, Target to)
    {
        var (ways, resolved) = await WaysAsync(from, to);
        return await CutAsync(step, name, ways, resolved);
    }

    private async ValueTask<Wound> CutAsync(Step step, string name, List<(string From, string To)> cuts, string resolved)
    {
        Begun(step, name, resolved, cuts);
        foreach (var (from, to) in cuts) await world.CutAsync(from, to);
        return new(step, name, resolved, async () =>
        {
            var dropped = 0L;
            foreach (var (from, to) in cuts) dropped += await world.MendAsync(from, to);
            if (dropped == 0) _misses.Add($"{name} ({step.Fault.Word} {resolved}) dropped nothing: the fault had no effect");
            return dropped;
        });
    }

    private async ValueTask<Wound> SlowAsync(Step step, string name, Target from, Target to, TimeSpan delay, TimeSpan jitter)
    {
        var (ways, resolved) = await WaysAsync(from, to);
        Begun(step, name, resolved);
        foreach (var (a, b) in ways) await world.DelayAsync(a, b, delay, jitter);
        return new(step, name, resolved, async () =>
        {
            foreach (var (a, b) in ways) await world.DelayAsync(a, b, TimeSpan.Zero, TimeSpan.Zero);
            return -1;
        });
    }

    /// <summary>All ways from the data centres of the one target to those of the other, and the two sides in words.</summary>
    private async ValueTask<(List<(string From, string To)> Ways, string Resolved)> WaysAsync(Target from, Target to)
    {
        var sources = await targets.DataCentersAsync(from);
        var sinks = (await targets.DataCentersAsync(to)).Except(sources, StringComparer.Ordinal).ToArray();
        return ([.. sources.SelectMany(_ => sinks, (a, b) => (a, b))], $"{string.Join(",", sources)} > {string.Join(",", sinks)}");
    }

    /// <summary>A data centre stands for its nodes where a fault cannot hit servers.</summary>
    private async ValueTask<ImmutableArray<string>> NodesAsync(Target target) => [.. (await targets.MembersAsync(target)).Where(world.Nodes.ContainsKey)];

    private async ValueTask<Wound> EachAsync(Step step, string name, ImmutableArray<string> members, Func<string, ValueTask> hurt, Func<string, ValueTask> heal)
    {
        Begun(step, name, string.Join(",", members));
        foreach (var member in members) await hurt(member);
        return new(step, name, string.Join(",", members), async () =>
        {
            foreach (var member in members) await heal(member);
            return -1;
        });
    }

    private async ValueTask<Wound> DiskFullAsync(Step step, string name, Target target)
    {
        var members = await NodesAsync(target);
        Begun(step, name, string.Join(",", members));
        foreach (var member in members) await world.FillDiskAsync(member);
        return new(step, name, string.Join(",", members), async () =>
        {
            var refused = 0L;
            foreach (var member in members) refused += await world.FreeDiskAsync(member);
            return refused;
        });
    }

    /// <summary>Something that is to be done later: so long after the beginning of the faults.</summary>
    private void Due(TimeSpan at, int kind, Func<ValueTask> deed) => _due.Enqueue(deed, ((long)at.TotalMicroseconds, kind, _order++));

    /// <param name="cuts">Which data centres do not hear which; what a check reads when sides alone do not say it (a ring, a bridge).</param>
    private void Begun(Step step, string name, string resolved, IReadOnlyList<(string From, string To)>? cuts = null)
    {
        List<(string, string)> fields = [("fault", step.Fault.Word), ("resolved", resolved), ("line", $"{step.Line}")];
        if (cuts is { Count: > 0 }) fields.Add(("cuts", string.Join(' ', cuts.Select(c => $"{c.From}>{c.To}"))));
        world.Events.Add(EventKinds.FaultBegun, name, "", fields: [.. fields]);
    }

    private sealed record Wound(Step Step, string Name, string Resolved, Func<ValueTask<long>> Undo);
}
