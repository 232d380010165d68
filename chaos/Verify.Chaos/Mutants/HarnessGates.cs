using System.Globalization;
using System.Text;
using Verify.Chaos.Commands;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Chaos.Swarms;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Checks.Recorded;
using Verify.Node.Seam;
using Verify.Reports.Model;
using Verify.Scenarios;
using Verify.Sim.RaftOnly;

namespace Verify.Chaos.Mutants;

/// <summary>A gate of the harness as a hunt: it objects when the harness itself is broken, and is silent while that is sound. Nodes have no
/// part in it, so there is no order to decide for a strategy.</summary>
internal sealed class GateHunt(string name, string story, Func<ulong, Discovery?> objection) : IHunt
{
    public string Name => name;
    public string Story => story;

    public Trial Try(ulong seed) => objection(seed) is { } discovery ? new(Verdict.Invalid, discovery) : Trial.Clean;
}

/// <summary>The bugs of the harness itself (shared facts, planted-bugs.md, table T), and the gate that each must turn red.</summary>
internal static class HarnessGates
{
    /// <param name="lostAnswers">Whole worlds whose clients lose answers: a recorder that forgets those calls makes a sound node look wrong.</param>
    public static PlantedBug[] All(IHunt lostAnswers)
    {
        IHunt canary = new GateHunt("canary", "a hundred seeds of the Raft swarm of which one has a false witness; that one must be reported", CanaryIsHeard);
        IHunt starved = new GateHunt("starved-checker", "a drawn history, and memory for two words: linearizability must say unknown", StarvedIsUnknown);
        IHunt unanswered = new GateHunt("unanswered-calls", "a drawn history whose reads saw writes that nobody answered: it is linearizable", UnansweredCounts);
        IHunt effect = new GateHunt("cut-effect", "harness-faults: each cut must leave a number that proves that it stopped something", CutBites);
        IHunt twice = new GateHunt("played-twice", "harness-faults, every seed twice: the same hash, and no work that leaves the world", SameTwice);
        IHunt core = new GateHunt("core-phase", "harness-core: a drawn quorum is healed and comes together, the rest stays broken", CoreAlone);
        return [
            new("T1", BugClass.A, "harness: a seed that fails on purpose is not reported", [canary]),
            new("T2", BugClass.A, "harness: the linearizability checker says valid when time or memory is over", [starved]),
            new("T3", BugClass.A, "harness: a partition cuts nothing", [effect]),
            new("T4-clock", BugClass.A, "harness: node code reads the wall clock", [twice]),
            new("T4-pool", BugClass.A, "harness: node code goes to the thread pool", [twice]),
            new("T4-random", BugClass.A, "harness: node code draws from a random source of its own", [twice]),
            new("T5", BugClass.A, "harness: the recorder forgets what nobody answered", [unanswered, lostAnswers]),
            new("T6-everything", BugClass.A, "harness: the phase of liveness heals everybody", [core]),
            new("T6-nothing", BugClass.A, "harness: the phase of liveness heals nobody", [core]),
        ];
    }

    private static Discovery? CanaryIsHeard(ulong seed)
    {
        var seeds = Enumerable.Range(0, (int)Canary.Every).Select(n => (seed * Canary.Every) + (ulong)n).ToArray();
        var canary = new Canary(new RaftSwarmTrials(SwarmStrategy.Random));
        var played = new SwarmSweep(canary, 1, int.MaxValue, TimeProvider.System, _ => { }).Play(seeds);
        return canary.Objection(seeds, played.Failures) is { } objection ? new("canary", objection) : null;
    }

    private static Discovery? StarvedIsUnknown(ulong seed)
    {
        var verdict = new HistoryJudge("register", new SearchLimits { CacheWordsMax = 2 }).Judge(Unanswered(seed), "starved").Verdict;
        return verdict == Verdict.Unknown ? null : new("unknownWhenStarved", $"with memory for two words the checker says {verdict}");
    }

    private static Discovery? UnansweredCounts(ulong seed)
    {
        var verdict = new HistoryJudge("register", new SearchLimits()).Judge(Unanswered(seed), "unanswered").Verdict;
        return verdict == Verdict.Valid ? null : new("unansweredMayCount", $"reads of what unanswered writes wrote are called {verdict}");
    }

    /// <summary>Writes of one client each that nobody answered, and one client that reads them one after the other.</summary>
    private static string Unanswered(ulong seed)
    {
        var writes = 1 + new Dice(seed).Fork("unanswered").Next(6);
        var text = new StringBuilder();
        for (var write = 1; write <= writes; write++)
            text.Append(CultureInfo.InvariantCulture, $"{{:process {write}, :type :invoke, :f :write, :value {write}}}\n{{:process {write}, :type :info, :f :write, :value {write}}}\n");
        for (var read = 1; read <= writes; read++)
            text.Append(CultureInfo.InvariantCulture, $"{{:process 0, :type :invoke, :f :read}}\n{{:process 0, :type :ok, :f :read, :value {read}}}\n");
        return text.ToString();
    }

    private static readonly Scenario Faults = ScenarioHunt.Read("harness-faults"), Core = ScenarioHunt.Read("harness-core");

    private static Discovery? CutBites(ulong seed) => Of(SimulatedRun.Play(Faults, seed, new()));

    /// <summary>What differs differs in other numbers each time, so only its class is told.</summary>
    private static Discovery? SameTwice(ulong seed) =>
        SimulatedRun.Play(Faults, seed, new() { Twice = true }) is { Verdict: not Verdict.Valid } run ? new(run.FailureClass, "the same seed does not give the same run") : null;

    private static Discovery? CoreAlone(ulong seed) => Of(SimulatedRun.Play(Core, seed, new() { LivesOnACore = true }));

    private static Discovery? Of(RunRecord run) =>
        run.Findings.Where(f => f.Verdict != Verdict.Valid).MaxBy(f => f.Verdict) is { } finding ? new(finding.Check, finding.Observed) : null;
}
