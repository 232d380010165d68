using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Reports.Tests.Samples;

/// <summary>Whole suites for the pages to show.</summary>
internal static class SampleSuites
{
    public const string ScenarioText = """
        name: dc-fencing
        story: The data centre of the MySQL primary is cut off for 20 s.
        fleet:
          nodes: { east: 1, west: 1, north: 1 }
          mysql: { east: [db1], west: [db2], north: [db3] }
          primary: db1
        steps:
          - at: 5s
            until: 25s
            partition: [[dc of primary]]
        expect:
          - singlePrimary: { window: 0s }
          - fencedWithin: 3s
        """;

    /// <summary>Both worlds hold: one live run, and as many simulated ones, of which the first is kept in full.</summary>
    public static SuiteRecord Valid(int simulated = 100)
    {
        var first = Stories.Fenced("sim", 1);
        return Of([Stories.Fenced("live"), first, .. Enumerable.Range(2, simulated - 1).Select(i => Bare(first, (ulong)i))]);
    }

    public static SuiteRecord NotFenced(int simulated = 100)
    {
        var first = Stories.NotFenced("sim", 1);
        return Of([Stories.NotFenced("live"), first, .. Enumerable.Range(2, simulated - 1).Select(i => Bare(first, (ulong)i))]) with
        {
            FencingSwitchedOff = true, FailureClass = "safety", RepeatCommand = "dotnet run --project chaos/Verify.Chaos -c Release -- run dc-fencing --world both --seeds 1..100 --no-fencing",
        };
    }

    public static SuiteRecord Unknown() => Of([Stories.BrokeOff("live")]) with { FailureClass = "harness" };

    public static SuiteRecord Of(IReadOnlyList<RunRecord> runs) => new()
    {
        RunId = "20260301-091500-dc-fencing",
        ScenarioName = "dc-fencing",
        Story = "The data centre of the MySQL primary is cut off for 20 s. The isolated primary must stop taking writes, and the other two data centres must elect, wait for the fence and promote; nothing acknowledged may be lost.",
        ScenarioText = ScenarioText,
        StartedAt = new(2026, 3, 1, 9, 15, 0, TimeSpan.Zero),
        Commit = "0123456789ab",
        ToolVersion = "1.0.0.0",
        Environment = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["os"] = "Debian GNU/Linux", ["cores"] = "2", ["runtime"] = ".NET 10" },
        RepeatCommand = "dotnet run --project chaos/Verify.Chaos -c Release -- run dc-fencing --world both --seeds 1..100",
        Runs = runs,
        Verdict = runs.Select(r => r.Verdict).DefaultIfEmpty(Verdict.Unknown).Max(),
    };

    /// <summary>As a run is kept that is not shown: findings, but no events and no operations.</summary>
    public static RunRecord Bare(RunRecord run, ulong seed) => run with
    {
        Seed = seed, Events = [], Ops = [], TraceHash = SampleRun.HashOf(seed), RepeatCommand = SampleRun.CommandOf(seed),
    };
}
