using System.Collections.Immutable;
using Verify.Chaos.Drawn;
using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Node.Seam;
using Verify.Scenarios;

namespace Verify.Chaos.Running;

/// <summary>Safety first, then liveness (TigerBeetle's VOPR): when the faults are over, a random quorum (the core) is healed and the rest stays down
/// for good; the core must come together within a bound. A core that has no quorum of nodes with intact data may stand still: that is
/// "stuck, but correctly so", and is told from a bug here.</summary>
internal sealed class CorePhase(IWorld world, Nemesis nemesis, Dice dice)
{
    public const string Check = "core";
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(200);

    public async Task<Finding> RunAsync(ImmutableArray<Step> steps)
    {
        var damaged = Damaged(steps);
        var (core, rest) = Draw(steps);
        await world.HoldDownAsync(rest);
        await HealAsync(core);
        var finding = await ConvergesAsync(core, rest, damaged);
        await world.ReleaseAsync();
        await world.ReviveAsync();
        return finding;
    }

    /// <summary>Nodes of which the data was damaged, so that they need not vote before they have it back.</summary>
    private static SortedSet<string> Damaged(ImmutableArray<Step> steps) =>
        new(steps.Where(s => FaultAtlas.IsDamage(s.Fault)).Select(s => FaultAtlas.TargetOf(s.Fault)).OfType<Target.Named>().Select(t => t.Name), StringComparer.Ordinal);

    /// <summary>Between a quorum and everybody; whose disk is lost stays away.</summary>
    private (string[] Core, string[] Others) Draw(ImmutableArray<Step> steps)
    {
        var gone = steps.Select(s => s.Fault).OfType<Fault.LostDisk>().Select(f => f.Target).OfType<Target.Named>().Select(t => t.Name).ToArray();
        var nodes = world.Nodes.Keys.Except(gone, StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        var wanted = Quorum + dice.Next(world.Nodes.Count - Quorum + 1);
        var core = new SortedSet<string>(StringComparer.Ordinal);
        while (core.Count < wanted && nodes.Count > 0)
        {
            var at = dice.Next(nodes.Count);
            core.Add(nodes[at]);
            nodes.RemoveAt(at);
        }

        return ([.. core], [.. world.Nodes.Keys.Where(n => !core.Contains(n)).Order(StringComparer.Ordinal)]);
    }

    /// <summary>The node stopped itself in this phase: where its data is damaged, that is what it promises (an operator replaces it).</summary>
    private bool HasHalted(string node, long sinceUs) => world.Events.Sorted().Any(e => e.AtUs >= sinceUs && e.Kind == EventKinds.Halted && e.Subject == node);

    private int Quorum => (world.Nodes.Count / 2) + 1;

    private async ValueTask HealAsync(string[] core)
    {
#if VERIFY_MUTANTS
        if (Raft.Mutant.Is("T6-nothing", deviates: true)) return;
        if (Raft.Mutant.Is("T6-everything", deviates: true)) await world.ReleaseAsync();
#endif
        await nemesis.HealAllAsync(exceptLostDisks: true);
        foreach (var node in core) await world.ResumeAsync(node);
        await world.ReviveAsync();
    }

    private async Task<Finding> ConvergesAsync(string[] core, string[] rest, SortedSet<string> damaged)
    {
        var since = world.Events.NowUs;
        var state = await world.ObserveAsync();
        while (!(state.GroupIsWhole && core.All(state.Running.Contains)) && world.Events.NowUs - since < (long)Bound.TotalMicroseconds)
        {
            await Task.Delay(Glance, world.Time, CancellationToken.None);
            await world.ReviveAsync();
            state = await world.ObserveAsync();
        }

        var tookMs = (world.Events.NowUs - since) / 1000;
        var who = $"core {string.Join(",", core)}, down {(rest.Length == 0 ? "nobody" : string.Join(",", rest))}";
        var intact = core.Count(n => !damaged.Contains(n));
        var refusing = core.Where(n => damaged.Contains(n) && !state.InQuorum.Contains(n, StringComparer.Ordinal) && HasHalted(n, since)).ToArray();
        var together = core.Except(refusing, StringComparer.Ordinal).ToArray();
        var (verdict, observed) = state switch
        {
            _ when rest.Any(state.Running.Contains) => (Verdict.Unknown, $"{who}: {string.Join(",", rest.Where(state.Running.Contains))} runs and should be down: the phase heals too much"),
            { GroupIsWhole: true } => (Verdict.Valid, $"{who}: together after {tookMs} ms, led by {state.Leader}"),
            { Leader: not null } when refusing.Length > 0 && together.Length >= Quorum && together.All(n => state.InQuorum.Contains(n, StringComparer.Ordinal)) =>
                (Verdict.Valid, $"{who}: together after {tookMs} ms, led by {state.Leader}, without {string.Join(",", refusing)}, which refuses its damaged data and waits to be replaced"),
            _ when intact < Quorum => (Verdict.Valid, $"{who}: stuck, but correctly so: {intact} nodes with intact data are no quorum of {world.Nodes.Count}"),
            _ => (Verdict.Invalid, $"{who}: not together after {tookMs} ms: {state.Waiting}"),
        };
        return new Finding(Check, verdict, "a healed quorum comes together while the rest stays down", observed, $"{Bound.TotalSeconds:0} s");
    }
}
