using System.Collections.Immutable;
using System.Globalization;
using Verify.Node.Seam;
using Verify.Scenarios;
using Verify.Sim;

namespace Verify.Chaos.Drawn;

/// <summary>A whole test drawn from one number: the fleet, its network, disks and clocks, what clients do, what is done to it, and the
/// expectations that these faults leave. A swarm test (Groce et al., "Swarm Testing", ISSTA 2012): in each seed some faults are switched off
/// altogether, because schedules with a bit of everything all look alike. The envelope began as that of TigerBeetle's VOPR.</summary>
public sealed class DrawnScenario
{
    /// <summary>Seeds up to this one draw what they drew when the seeds of the bugbase were found; those above it also what came later: MariaDB,
    /// co-primaries, shared probing, cross_dc, servers that stand still, leaders that die at a moment of a recovery.</summary>
    public const ulong LastOldSeed = 100_000;

    /// <summary>Seeds above this one draw disks of servers that stand still as well.</summary>
    public const ulong LastWiderSeed = 200_000;

    /// <summary>Above this one primaries whose disk stands still are replaced, in half of the fleets.</summary>
    public const ulong LastLeavingSeed = 300_000;

    private readonly Knobs[] _knobs;
    private readonly bool _livesOnACore;
    private readonly bool _faultPoints;

    private DrawnScenario(ulong seed, Knobs[] knobs, Scenario scenario, SimOptions options) =>
        (Seed, _knobs, Scenario, Options, _livesOnACore, _faultPoints) =
            (seed, knobs, scenario, options, knobs[0].Switch("liveness with a core", 600) && scenario.Fleet.Nodes.Values.Sum(n => n.Length) > 2, knobs[0].Switch("fault points in node code", 500));

    public ulong Seed { get; }
    public Scenario Scenario { get; }

    /// <summary>The simulated world's network, disks and timers.</summary>
    public SimOptions Options { get; }

    /// <summary>How the scenario is to be played: in this world, judged as one seed of many.</summary>
    public Simulated.SimulatedOptions RunOptions => new() { World = Options, IsDrawn = true, LivesOnACore = _livesOnACore, FaultPoints = _faultPoints };

    /// <summary>How many options were drawn.</summary>
    public int KnobCount => _knobs.Sum(k => k.Count);

    /// <summary>The same seed draws the same scenario, on every machine.</summary>
    public static DrawnScenario Of(ulong seed)
    {
        var dice = new Dice(seed).Fork("drawn");
        var knobs = new Knobs(dice);
        var further = new Knobs(new Dice(seed).Fork("drawn further"));
        var later = new Knobs(new Dice(seed).Fork("drawn later"));
        var last = new Knobs(new Dice(seed).Fork("drawn last"));
        var hasLater = seed > LastOldSeed;
        var fleet = DrawnFleet.Draw(knobs, further);
        if (hasLater) fleet = DrawnFleet.Widen(fleet, later);
        if (seed > LastLeavingSeed) fleet = DrawnFleet.WidenAgain(fleet, last);
        var options = DrawnWorld.Draw(knobs);
        var workload = Workload(knobs, fleet);
        var steps = new DrawnFaults(knobs, further, fleet, workload.For) { Later = hasLater ? later : null, StallsDisks = seed > LastWiderSeed }.Draw();
        var scenario = new Scenario
        {
            Name = string.Create(CultureInfo.InvariantCulture, $"drawn-{seed}"),
            Story = string.Create(CultureInfo.InvariantCulture, $"Everything here was drawn from seed {seed}: the fleet, the workload, {steps.Length} faults."),
            Fleet = fleet,
            Workload = workload,
            Steps = steps,
            Expect = Expectations(fleet, workload, steps),
            WarmUp = TimeSpan.FromSeconds(3),
            Settle = TimeSpan.FromSeconds(45),
        };
        return new DrawnScenario(seed, [knobs, further, later, last], scenario, options);
    }

    /// <summary>All that was drawn: every option with its range, the world's options, and the scenario as a file.</summary>
    public string Print() => string.Create(CultureInfo.InvariantCulture,
        $"seed {Seed} drew {KnobCount} options:\n{string.Concat(_knobs.Select(k => k.Print()))}world: {Options}\n{ScenarioWriter.Write(Scenario)}");

    private static WorkloadSpec Workload(Knobs knobs, FleetSpec fleet)
    {
        var mix = ImmutableSortedDictionary.CreateBuilder<string, int>(StringComparer.Ordinal);
        mix["kvGet"] = knobs.From("weight of reads", 2, 8);
        mix["kvPut"] = knobs.From("weight of writes", 2, 8);
        if (knobs.Switch("compare-and-set", 600)) mix["kvCas"] = knobs.From("weight of compare-and-set", 1, 4);
        if (knobs.Switch("deletes", 400)) mix["kvDelete"] = 2;
        if (fleet.Servers.Count > 0 && knobs.Switch("inserts into MySQL", 800)) mix["sqlInsert"] = knobs.From("weight of inserts", 2, 4);
        return new WorkloadSpec(
            knobs.From("clients", 3, 10),
            TimeSpan.FromSeconds(knobs.From("seconds of work", 8, 20)),
            knobs.From("keys", 1, 12),
            TimeSpan.FromMilliseconds(knobs.From("pause of a client (ms)", 5, 80)),
            mix.ToImmutable());
    }

    /// <summary>Only what the drawn faults leave of the promises; the reasons stand in the atlas.</summary>
    private static ImmutableArray<Expectation> Expectations(FleetSpec fleet, WorkloadSpec workload, ImmutableArray<Step> steps)
    {
        var expected = ImmutableArray.CreateBuilder<Expectation>();
        expected.Add(new Expectation.SingleLeader());
        if (fleet.Nodes.Values.Sum(n => n.Length) > 1) expected.Add(new Expectation.SameLog());
        expected.Add(new Expectation.Linearizable());
        if (fleet.Servers.Count > 0 && FaultAtlas.KeepsSinglePrimary(fleet, steps)) expected.Add(new Expectation.SinglePrimary(TimeSpan.Zero));
        if (workload.Mix.ContainsKey("sqlInsert") && FaultAtlas.KeepsRows(fleet, steps)) expected.Add(new Expectation.NoLostWrites());
        expected.Add(new Expectation.ConvergesWithin(TimeSpan.FromSeconds(40)));
        return expected.ToImmutable();
    }
}
