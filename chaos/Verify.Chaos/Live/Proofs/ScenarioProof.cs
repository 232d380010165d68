using System.Collections.Immutable;
using System.Globalization;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Node.Seam;
using Verify.Scenarios;

namespace Verify.Chaos.Live.Proofs;

/// <summary>A proof that is a fault plan under load: the group is hurt, heals, and what clients saw and what nodes did is judged
/// by the same checks as every other run.</summary>
internal abstract class ScenarioProof : ILiveProof
{
    private const int AnsweredMin = 20;
    private const long NodeDiskBytes = 48L << 20;
    private const int Clients = 6, Keys = 8;
    private static readonly TimeSpan SearchTimeMax = TimeSpan.FromSeconds(120);
    private static readonly ImmutableArray<OpKind> Kinds = [OpKind.KvPut, OpKind.KvGet, OpKind.KvCas];

    public abstract string Name { get; }
    public abstract string Story { get; }

    /// <summary>The names of the three nodes, one in each of three data centres.</summary>
    protected static ImmutableArray<string> NodeNames { get; } = ["n1", "n2", "n3"];

    /// <summary>One plan per row of the table.</summary>
    protected abstract IReadOnlyList<Plan> Plans(ProofOptions options, Dice dice);

    /// <param name="Settle">How long the healed group may take to be whole again.</param>
    protected sealed record Plan(string Case, string Tried, TimeSpan For, ImmutableArray<Step> Steps, TimeSpan Settle)
    {
        /// <summary>No healthy leader may be deposed: term and leader are the same in the end as in the beginning.</summary>
        public bool KeepsLeader { get; init; }
        public bool FillsDisks { get; init; }

        /// <summary>All of them at once.</summary>
        public bool FillsAllDisks { get; init; }
    }

    public async Task<IReadOnlyList<ProofRow>> RunAsync(ProofOptions options, Action<string> say, CancellationToken cancel)
    {
        var rows = new List<ProofRow>();
        var number = 0;
        foreach (var plan in Plans(options, new Dice(options.Seed)))
        {
            say(plan.Case);
            rows.Add(await PlayAsync(plan, new Dice(options.Seed + (ulong)number++), say, cancel));
            say(string.Create(CultureInfo.InvariantCulture, $"{plan.Case}: {rows[^1].Verdict}: {rows[^1].Observed}"));
        }

        return rows;
    }

    private async Task<ProofRow> PlayAsync(Plan plan, Dice dice, Action<string> say, CancellationToken cancel)
    {
        var scenario = ScenarioOf(plan);
        await using var world = await GroupWorld.BuildAsync(scenario, plan.FillsDisks ? NodeDiskBytes : null, say, cancel);
        var runner = new ScenarioRunner(scenario, world, dice) { Progress = say };
        try
        {
            var facts = await runner.RunAsync(cancel);
            world.Collect();
            facts = facts with { Events = world.Events.Sorted() };
            var findings = RunOutcome.Judge(Checks(plan), facts, runner.Troubles);
            var (ok, failed, unknown) = runner.Ops.Count();
            var wrong = findings.Where(f => f.Verdict != Verdict.Valid).ToArray();
            var halted = facts.Events.Any(e => e.Kind == EventKinds.Halted);
            var observed = string.Create(CultureInfo.InvariantCulture,
                $"{ok} operations ok, {failed} refused, {unknown} unknown; {string.Join("; ", findings.Where(f => f.Check is "linearizable" or "convergesWithin" or "leaderKept").Select(f => f.Observed))}; {Elections(facts)} elections{(halted ? "; A NODE HALTED" : "")}");

            // Told and not judged: a leader whose disk fills first may hand over to a node whose disk is full when it votes, and then nobody leads.
            if (plan.FillsAllDisks) observed = $"{observed}; {new FullDisksCheck(NodeNames.Length).Judge(facts).Observed}";
            return new(Name, plan.Case, plan.Tried, halted ? Verdict.Invalid : findings.Worst(), observed)
            {
                Evidence = string.Join(Environment.NewLine, wrong.Select(f => $"{f.Check}: {f.Verdict}: {f.Observed} (promised: {f.Predicate}; {f.Bound}){Environment.NewLine}{f.Evidence}")),
            };
        }
        catch (HarnessException) when (world.EndedByItself.Length > 0)
        {
            return new(Name, plan.Case, plan.Tried, Verdict.Invalid, "a node ended by itself") { Evidence = world.EndedByItself };
        }
    }

    private static int Elections(RunFacts facts) =>
        facts.Events.Count(e => e.Kind == EventKinds.RoleChanged && e.Fields.TryGetValue("role", out var role) && role == "Leader");

    private Scenario ScenarioOf(Plan plan) => new()
    {
        Name = Name,
        Story = Story,
        Fleet = new(
            NodeNames.Select((n, i) => KeyValuePair.Create($"dc{i + 1}", ImmutableArray.Create(n))).ToImmutableSortedDictionary(StringComparer.Ordinal),
            ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty, Primary: null),
        Workload = new(Clients, plan.For, Keys, TimeSpan.FromMilliseconds(10),
            new SortedDictionary<string, int>(StringComparer.Ordinal) { ["kvPut"] = 5, ["kvGet"] = 4, ["kvCas"] = 2 }.ToImmutableSortedDictionary(StringComparer.Ordinal)),
        Steps = plan.Steps,
        Expect = [],
        Settle = plan.Settle,
    };

    private static List<ICheck> Checks(Plan plan)
    {
        var checks = new List<ICheck>
        {
            new WorkloadCheck(AnsweredMin, Kinds), new SingleLeaderCheck(), new SameLogCheck(),
            new LinearizableKvCheck(new SearchLimits { Time = SearchTimeMax }), new ConvergenceCheck(plan.Settle),
        };
        if (plan.KeepsLeader) checks.Add(new LeaderKeptCheck());
        return checks;
    }
}
