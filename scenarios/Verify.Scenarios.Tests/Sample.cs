namespace Verify.Scenarios.Tests;

/// <summary>A good scenario of which a test replaces one part. The parts begin at these lines: fleet 4, workload 7, steps 9, expect 12.</summary>
internal static class Sample
{
    public const string Fleet = "  nodes: { east: 1, west: [n7, n8] }\n  mysql: { east: [db1], west: [db2] }\n  primary: db1\n";
    public const string Workload = "{ clients: 4, for: 30s, mix: { kvPut: 1, kvGet: 2, sqlInsert: 1 } }";
    public const string Steps = "  - at: 5s\n    kill: leader\n";
    public const string Expect = "  - singleLeader\n";

    public static string Text(string fleet = Fleet, string workload = Workload, string steps = Steps, string expect = Expect) =>
        $"name: sample\nstory: A sample.\nfleet:\n{fleet}workload: {workload}\nsteps:\n{steps}expect:\n{expect}";

    public static Scenario Read(string fleet = Fleet, string workload = Workload, string steps = Steps, string expect = Expect) =>
        ScenarioReader.Read(Text(fleet, workload, steps, expect), "sample.yaml");

    /// <summary>What is wrong, one line each.</summary>
    public static string[] Errors(string yaml) =>
        Assert.Throws<ScenarioException>(() => ScenarioReader.Read(yaml, "sample.yaml"))!.Errors.Select(e => e.ToString()).ToArray();
}
