using Verify.Chaos.Simulated;
using Verify.Checks;
using Verify.Scenarios;

namespace Verify.Chaos.Tests.Simulated;

/// <summary>The short form of the long proof: every scenario of the library on a few seeds, each run twice.</summary>
public sealed class LibraryTests
{
    private static IEnumerable<string> Names() => ScenarioLibrary.Names;

    [TestCaseSource(nameof(Names))]
    public void Every_scenario_holds_and_the_same_seed_gives_the_same_trace(string name)
    {
        var scenario = ScenarioLibrary.Find(name);
        foreach (var seed in new ulong[] { 1, 2, 3 })
        {
            var run = SimulatedRun.Play(scenario, seed, new() { Twice = true });
            Assert.That(run.Verdict, Is.EqualTo(Verdict.Valid), $"seed {seed}: {Explain(run.Findings)}");
        }
    }

    [Test]
    public void With_fencing_switched_off_the_harness_sees_two_primaries()
    {
        var run = SimulatedRun.Play(ScenarioLibrary.Find("dc-fencing"), 1, new() { FencingOff = true });
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(run.FailureClass, Is.EqualTo("safety"));
        var overlap = run.Findings.Single(f => f.Check == "singlePrimary");
        Assert.That(overlap.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(overlap.Figures["longestOverlapUs"], Is.GreaterThan(1_000_000), "the isolated primary stays open for as long as it is isolated");
        Assert.That(run.Findings.Single(f => f.Check == "fencedWithin").Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public async Task The_same_seed_gives_the_same_trace_in_another_process()
    {
        var here = SimulatedRun.Play(ScenarioLibrary.Find("dc-fencing"), 5, new());
        var folder = ChaosProgram.NewFolder("second-process");
        try
        {
            var there = await ChaosProgram.RunAsync(TimeSpan.FromMinutes(3), "run", "dc-fencing", "--world", "sim", "--seeds", "5", "--out", folder);
            Assert.That(there.ExitCode, Is.Zero, there.Output);
            Assert.That(await File.ReadAllTextAsync(Path.Combine(ChaosProgram.RunFolderIn(folder), "replay.json")), Does.Contain(here.TraceHash));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Explain(IReadOnlyList<Finding> findings) =>
        string.Join(Environment.NewLine, findings.Where(f => f.Verdict != Verdict.Valid).Select(f => $"{f.Verdict} {f.Check}: {f.Observed} (bound {f.Bound}){Environment.NewLine}{f.Evidence}"));
}
