using Verify.Checks;
using Verify.Reports.Model;
using Verify.Reports.Tests.Samples;

namespace Verify.Reports.Tests;

/// <summary>Names and texts that try to break out of wherever they are put.</summary>
internal static class HostileText
{
    public const string Script = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\"'`|]]>";

    public static SuiteRecord Suite()
    {
        var run = Stories.NotFenced("live");
        var finding = new Finding(Script, Verdict.Invalid, Script, Script, Script)
        {
            Evidence = Script + "\u0001\n" + Script, AtUs = [1_000_000], Figures = new SortedDictionary<string, double>(StringComparer.Ordinal) { [Script] = double.NaN },
        };
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["fault"] = Script, ["resolved"] = Script, [Script] = Script };
        return SampleSuites.Of([run with
        {
            FailureClass = Script, RepeatCommand = Script, TraceHash = Script,
            Findings = [finding, .. run.Findings],
            Events = [.. run.Events, new(20_000_000, 1, EventKinds.FaultBegun, Script, Script, fields), new(21_000_000, 2, Script, Script, Script, fields)],
            Nodes = new SortedDictionary<string, string>(StringComparer.Ordinal) { [Script] = Script, ["n1"] = "east" },
            Details = new SortedDictionary<string, string>(StringComparer.Ordinal) { [Script] = Script, ["servers"] = Script, ["durability"] = Script },
        }]) with
        {
            ScenarioName = Script, Story = Script, ScenarioText = Script, RunId = Script, Commit = Script, ToolVersion = Script, RepeatCommand = Script, Mutant = Script, FailureClass = Script,
            Environment = new SortedDictionary<string, string>(StringComparer.Ordinal) { [Script] = Script },
        };
    }

    /// <summary>Ten thousand simulated runs, three of them bad.</summary>
    public static SuiteRecord Huge()
    {
        var (good, bad) = (Stories.Fenced("sim", 1), Stories.NotFenced("sim", 2));
        return SampleSuites.Of([Stories.Fenced("live"), good, bad, .. Enumerable.Range(3, 9998).Select(i => SampleSuites.Bare(i % 4000 == 0 ? bad : good, (ulong)i))]);
    }
}
