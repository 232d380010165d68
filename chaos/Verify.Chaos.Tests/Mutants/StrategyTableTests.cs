using System.Text.Json;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Tests.Mutants;

/// <summary>The short form of the table of strategies by planted bugs: <c>verify-chaos mutants --strategies …</c>.</summary>
[Category("Mutants")]
[NonParallelizable]
public sealed class StrategyTableTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);
    private static readonly string[] Bugs = ["M01", "M14", "M21"];

    [Test]
    public async Task Every_strategy_hunts_every_bug_from_every_master_seed_and_stands_in_the_table()
    {
        var root = await PlantedBugTests.BuildAsync();
        var page = Path.GetTempFileName();
        try
        {
            var strategies = Strategies.Names.Where(s => s is not "fifo").ToArray();
            var hunt = await PlantedBugTests.RunAsync(root, Limit, PlantedBugTests.Program(root), "mutants", "--only", string.Join(',', Bugs), "--strategies", string.Join(',', strategies),
                "--masters", "2", "--seconds", "10", "--control", "1", "--control-times", "1", "--shrink", "0", "--json", "--markdown", page);
            Assert.That(hunt.ExitCode, Is.Zero, hunt.Errors);
            using var record = JsonDocument.Parse(hunt.Output);
            var cells = record.RootElement.GetProperty("bugs").EnumerateArray().Select(b => (Bug: b.GetProperty("bug").GetString()!, Strategy: b.GetProperty("strategy").GetString()!)).ToArray();
            Assert.That(cells, Is.EquivalentTo(Bugs.SelectMany(bug => strategies.SelectMany(s => Enumerable.Repeat((bug, s), 2)))));
            Assert.That(record.RootElement.GetProperty("isControlClean").GetBoolean(), Is.True);
            Assert.That(await File.ReadAllTextAsync(page), Does.Contain($"| bug | {string.Join(" | ", strategies.Order(StringComparer.Ordinal))} |").And.Contain("| M21 | 2/2; "));
        }
        finally
        {
            File.Delete(page);
        }
    }
}
