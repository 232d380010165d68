using Verify.Chaos.Commands;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Checks;
using Verify.Node.Loop;
using Verify.Reports.Model;
using Verify.Scenarios;

namespace Verify.Chaos.Mutants;

/// <summary>A scenario in a whole simulated world (nodes, servers, clients), judged by the same checks as every run.</summary>
internal sealed class ScenarioHunt(Scenario scenario, Timing timing, string twist = "", string strategy = "random") : IHunt
{
    public string Name => scenario.Name;
    public string Story => twist.Length > 0 ? $"{scenario.Story} {twist}" : scenario.Story;

    /// <summary>A scenario of scenarios/mutants, which travels inside the program.</summary>
    public static ScenarioHunt Own(string name, Timing timing, string twist = "", string strategy = "random") => new(Read(name), timing, twist, strategy);

    public static Scenario Read(string name)
    {
        using var stream = typeof(ScenarioHunt).Assembly.GetManifestResourceStream($"mutants/{name}.yaml")
            ?? throw new HarnessException($"there is no scenario '{name}' in scenarios/mutants");
        using var reader = new StreamReader(stream);
        return ScenarioFiles.Parse(reader.ReadToEnd(), $"scenarios/mutants/{name}.yaml");
    }

    public Traces.IPlayable Schedule(ulong seed) => new Traces.ScenarioPlay(scenario, seed, new() { Timing = timing, Strategy = strategy });

    public Trial Try(ulong seed)
    {
        var run = SimulatedRun.Play(scenario, seed, new() { Timing = timing, Strategy = strategy });
        var first = run.Findings.Where(f => f.Verdict == Verdict.Invalid).OrderBy(FirstUs).FirstOrDefault();
        var halt = run.Events.FirstOrDefault(e => e.Kind == EventKinds.Halted);
        if (halt is not null && (first is null || halt.AtUs <= FirstUs(first)))
            return Trial.Bad(Discovery.InvariantHalt, $"{halt.Subject}: {halt["reason"]}");
        if (first is { Check: RunOutcome.CrashCheck }) return Trial.Bad(Discovery.InvariantCrash, first.Observed);
        if (first is not null) return Trial.Bad(first.Check, first.Observed);
        return run.Verdict == Verdict.Valid ? Trial.Clean : Trial.Undecided(Cause(run));
    }

    /// <summary>Findings without a time (a lost row shows at the end only) come last.</summary>
    private static long FirstUs(Finding finding) => finding.AtUs.Count > 0 ? finding.AtUs.Min() : long.MaxValue;

    private static string Cause(RunRecord run) =>
        run.Findings.FirstOrDefault(f => f.Verdict == Verdict.Unknown) is { } finding ? $"{finding.Check}: {finding.Observed.Split('\n')[0].TrimEnd()}" : run.FailureClass;
}
