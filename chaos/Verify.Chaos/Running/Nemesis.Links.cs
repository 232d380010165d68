using System.Collections.Immutable;
using Verify.Scenarios;
using Verify.Sim.Network;

namespace Verify.Chaos.Running;

/// <summary>Faults of links that are more than a plain cut.</summary>
public sealed partial class Nemesis
{
    private async ValueTask<Wound> HurtLinksAsync(Step step, string name) => step.Fault switch
    {
        Fault.Ring(var places) => await RingAsync(step, name, places),
        Fault.Bridge(var place) => await BridgeAsync(step, name, place),
        Fault.Swizzle(var places) => await SwizzleAsync(step, name, places),
        Fault.Lossy(var from, var to, var share) => await TroubleAsync(step, name, from, to, new(LostPerMille: share)),
        Fault.Garble(var from, var to, var share) => await TroubleAsync(step, name, from, to, new(GarbledPerMille: share)),
        Fault.Repeat(var from, var to, var share) => await TroubleAsync(step, name, from, to, new(RepeatedPerMille: share)),
        Fault.Reconnect(var from, var to, var every) => await ReconnectAsync(step, name, from, to, every),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private string[] Everywhere() => [.. world.Nodes.Values.Concat(world.Servers.Values).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private async ValueTask<Wound> RingAsync(Step step, string name, ImmutableArray<Target> places)
    {
        var circle = new List<string>();
        foreach (var place in places) circle.AddRange(await targets.DataCentersAsync(place));
        string[] ring = [.. circle.Distinct(StringComparer.Ordinal)];
        if (ring.Length < 4) throw new TargetUnresolvedException("a ring needs four data centres: in a smaller circle everybody is a neighbour");
        var cuts = new List<(string, string)>();
        for (var i = 0; i < ring.Length; i++)
            for (var j = 0; j < ring.Length; j++)
                if (i != j && (i + 1) % ring.Length != j && (j + 1) % ring.Length != i) cuts.Add((ring[i], ring[j]));
        return await CutAsync(step, name, cuts, string.Join(" - ", ring));
    }

    private async ValueTask<Wound> BridgeAsync(Step step, string name, Target place)
    {
        var bridge = await targets.DataCentersAsync(place);
        string[] others = [.. Everywhere().Except(bridge, StringComparer.Ordinal)];
        if (others.Length < 2) throw new TargetUnresolvedException("a bridge needs two other data centres");
        var (left, right) = (others[..(others.Length / 2)], others[(others.Length / 2)..]);
        var cuts = left.SelectMany(_ => right, (a, b) => (a, b)).Concat(right.SelectMany(_ => left, (a, b) => (a, b))).ToList();
        return await CutAsync(step, name, cuts, $"{string.Join(",", left)} | {string.Join(",", right)} bridge {string.Join(",", bridge)}");
    }

    /// <summary>Cuts come one by one in the first half of the time and go one by one, in another order, in the second.</summary>
    private async ValueTask<Wound> SwizzleAsync(Step step, string name, ImmutableArray<Target> places)
    {
        var chosen = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var place in places) chosen.UnionWith(await targets.DataCentersAsync(place));
        var links = chosen.SelectMany(_ => Everywhere(), (a, b) => (a, b)).Where(l => l.a != l.b).SelectMany(l => new[] { (From: l.a, To: l.b), (From: l.b, To: l.a) })
            .Distinct().ToArray();
        if (links.Length == 0) throw new TargetUnresolvedException("a swizzle needs another data centre");
        Begun(step, name, string.Join(",", chosen));
        var open = new List<(string From, string To)>();
        var (stopped, isOver) = (0L, false);
        var half = (EndOf(step) - step.At) / 2;
        TimeSpan Somewhen(TimeSpan from) => from + TimeSpan.FromMicroseconds(dice.Next((int)half.TotalMicroseconds));
        foreach (var link in links)
        {
            Due(Somewhen(step.At), Begins, async () =>
            {
                if (isOver) return;
                await world.CutAsync(link.From, link.To);
                open.Add(link);
            });
            Due(Somewhen(step.At + half), Ends, async () =>
            {
                if (open.Remove(link)) stopped += await world.MendAsync(link.From, link.To);
            });
        }

        return new(step, name, string.Join(",", chosen), async () =>
        {
            isOver = true;
            foreach (var link in open.ToArray()) stopped += await world.MendAsync(link.From, link.To);
            open.Clear();
            return Proven(step, name, stopped);
        });
    }

    private async ValueTask<Wound> TroubleAsync(Step step, string name, Target from, Target to, LinkTrouble trouble)
    {
        var (ways, _) = await WaysAsync(from, to);
        var before = 0L;
        foreach (var (a, b) in ways) before += await world.TroublesAsync(a, b);
        foreach (var (a, b) in ways) await world.TroubleAsync(a, b, trouble);
        Begun(step, name, string.Join(", ", ways.Select(w => $"{w.From} > {w.To}")));
        return new(step, name, $"{ways.Count} ways", async () =>
        {
            var after = 0L;
            foreach (var (a, b) in ways)
            {
                await world.TroubleAsync(a, b, LinkTrouble.None);
                after += await world.TroublesAsync(a, b);
            }

            return Proven(step, name, after - before);
        });
    }

    private async ValueTask<Wound> ReconnectAsync(Step step, string name, Target from, Target to, TimeSpan every)
    {
        var (ways, _) = await WaysAsync(from, to);
        var broken = 0L;
        async ValueTask LoseAsync()
        {
            foreach (var (a, b) in ways) broken += await world.LoseWritersAsync(a, b);
        }

        await LoseAsync();
        Begun(step, name, string.Join(", ", ways.Select(w => $"{w.From} > {w.To}")));
        for (var at = step.At + every; at < EndOf(step); at += every) Due(at, Begins, LoseAsync);
        return new(step, name, $"{ways.Count} ways", () => ValueTask.FromResult(Proven(step, name, broken)));
    }

    /// <summary>The number that a fault left; none is a miss.</summary>
    private long Proven(Step step, string name, long effect)
    {
        if (effect == 0) _misses.Add($"{name} ({step.Fault.Word}) hit nothing: the fault had no effect");
        return effect;
    }
}
