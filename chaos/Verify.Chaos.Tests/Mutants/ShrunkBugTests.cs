using System.Text.Json;
using Verify.Chaos.Running;

namespace Verify.Chaos.Tests.Mutants;

/// <summary>Planted bugs: found, shrunk, and played again from what is left by one line. The test build is made as the gate does.</summary>
[Category("Mutants")]
[NonParallelizable]
public sealed class ShrunkBugTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private string _folder = null!;

    [OneTimeSetUp]
    public async Task BuildTheTestProgram() => await PlantedBugTests.BuildAsync();

    [SetUp]
    public void MakeFolder() => _folder = ChaosProgram.NewFolder("shrunk");

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("M09", "raft")]
    [TestCase("M44", "raft")]
    [TestCase("M21", "raft")]
    [TestCase("M14", "raft")]
    public async Task A_planted_bug_is_shrunk_to_a_fifth_of_its_faults_and_played_again(string bug, string world)
    {
        var root = Machine.CheckoutRoot()!;
        var hunt = await PlantedBugTests.RunAsync(root, Limit, PlantedBugTests.Program(root), "mutants", "--only", bug, "--seconds", "60", "--control", "1", "--control-times", "1", "--json");
        using var record = JsonDocument.Parse(hunt.Output);
        var found = record.RootElement.GetProperty("bugs")[0];
        var (seed, how) = (found.GetProperty("seed").GetUInt64(), found.GetProperty("hunt").GetString());
        var shape = how switch { "raft-swarm" => "random", "raft-storm" => "storm", "raft-pct" => "priorities", _ => throw new InvalidOperationException(how) };
        var shrink = await PlantedBugTests.RunAsync(root, Limit, PlantedBugTests.Program(root), "shrink", "--world", world, "--seed", $"{seed}", "--story", shape, "--bug", bug,
            "--for", "60", "--out", _folder, "--json");
        await TestContext.Out.WriteLineAsync(shrink.Errors);
        Assert.That(shrink.ExitCode, Is.Zero, shrink.Errors);
        using var figures = JsonDocument.Parse(shrink.Output);
        Assert.That(figures.RootElement.GetProperty("faultsLessPercent").GetDouble(), Is.GreaterThanOrEqualTo(80));
        var replay = await PlantedBugTests.RunAsync(root, Limit, PlantedBugTests.Program(root), "replay", _folder);
        Assert.That(replay.ExitCode, Is.EqualTo(1), replay.Output + replay.Errors);
        Assert.That(replay.Output, Does.Contain(figures.RootElement.GetProperty("check").GetString()));
    }
}
