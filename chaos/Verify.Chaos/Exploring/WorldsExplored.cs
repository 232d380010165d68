using Verify.Chaos.Drawn;
using Verify.Chaos.Mutants;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Chaos.Swarms;
using Verify.Checks;
using Verify.Reports.Model;
using Verify.Scenarios;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Exploring;

/// <summary>Whole nodes in simulated worlds: drawn clusters, drawn fleets, or one scenario with many seeds.</summary>
/// <param name="play">Plays a seed with this scheduler.</param>
internal sealed class WorldsExplored(string name, string arguments, string story, Strategy strategy, WorldsExplored.PlaySeed play) : IExplored
{
    private const int LearningBlock = 18;

    public delegate (SwarmTrial Trial, string Class) PlaySeed(ulong seed, Func<IChoiceSource, IActorScheduler> scheduler, Action<string>? tell);

    public string Name => name;
    public string Arguments => $"{arguments} --strategy {strategy}";
    public string Story => story;
    public int BlockSize => strategy.Learns ? LearningBlock : 1;

    public IExploredSession Open() => new Session(strategy, play);

    public static WorldsExplored Clusters(Strategy strategy) => new("cluster", "--world cluster", new ClusterSwarm().Story, strategy, (seed, scheduler, tell) =>
    {
        var trial = new ClusterSwarm(tell, ClusterStory.Everything, scheduler).Play(seed);
        return (trial, ClassOf(trial));
    });

    public static WorldsExplored Fleets(Strategy strategy) => new("fleet", "--world fleet", new FleetSwarm().Story, strategy, (seed, scheduler, tell) =>
    {
        var drawn = DrawnScenario.Of(seed);
        tell?.Invoke(drawn.Print());
        return Play(drawn.Scenario, seed, drawn.RunOptions with { Scheduler = scheduler }, drawn.Print(), tell);
    });

    public static WorldsExplored Of(Scenario scenario, string argument, Strategy strategy) =>
        new(scenario.Name, $"--scenario {argument}", scenario.Story, strategy, (seed, scheduler, tell) => Play(scenario, seed, new() { Scheduler = scheduler }, scenario.Name, tell));

    private static (SwarmTrial, string) Play(Scenario scenario, ulong seed, SimulatedOptions options, string drawn, Action<string>? tell)
    {
        var run = SimulatedRun.Play(scenario, seed, options);
        foreach (var finding in run.Findings) tell?.Invoke($"{finding.Verdict,-8} {finding.Check,-18} {finding.Observed} (bound: {finding.Bound})\n{finding.Evidence}");
        var trial = new SwarmTrial(run.Verdict, FleetSwarm.Found(run), drawn, FleetSwarm.HashOf(run), Counts(run));
        return (trial, run.FailureClass);
    }

    private static (string, long)[] Counts(RunRecord run) =>
    [
        ("operations", run.Ops.Count), ("faults", run.Events.Count(e => e.Kind == EventKinds.FaultBegun)), ("simulated s", (long)run.RunSeconds),
        .. run.Events.GroupBy(e => e.Kind, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => ($"event {g.Key}", (long)g.Count())),
    ];

    private static string ClassOf(SwarmTrial trial) => trial switch
    {
        { Verdict: Verdict.Valid } => "",
        { Verdict: Verdict.Unknown } or { Discovery: null } => FailureClass.Harness,
        { Discovery.Promise: Discovery.InvariantCrash or Discovery.InvariantHalt } => FailureClass.Crash,
        { Discovery.Promise: "Live" or "convergence" or "Converges" } => FailureClass.Liveness,
        _ => FailureClass.Safety,
    };

    private sealed class Session(Strategy strategy, PlaySeed play) : IExploredSession
    {
        private LearnedValues _learned = new();

        public PatternSet Seen { get; } = new();

        public void BeginBlock() => _learned = new LearnedValues();

        public bool Teaches(ulong seed) => strategy.OfSchedule(seed).Name == "q-learning";

        public ExploredTrial Play(ulong seed, Action<string>? tell)
        {
            var one = strategy.OfSchedule(seed);
            var timeline = new Timeline(Seen);
            var (trial, failureClass) = play(seed, choices => new WatchedPicks(one.Create(choices, _learned), timeline), tell);
            return new ExploredTrial(trial, one.ToString(), failureClass);
        }
    }
}
