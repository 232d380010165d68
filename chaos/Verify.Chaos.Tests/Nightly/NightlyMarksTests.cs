using Verify.Chaos.Nightly;
using Verify.Chaos.Tests.Mutants;

namespace Verify.Chaos.Tests.Nightly;

/// <summary>A short night in the test build, where sometimes-marks are reached: as many seconds as CI can spare.</summary>
[Category("Mutants")]
[NonParallelizable]
public sealed class NightlyMarksTests
{
    private static readonly TimeSpan NightMax = TimeSpan.FromMinutes(5);
    private string _root = "";

    [OneTimeSetUp]
    public async Task BuildTheTestProgram() => _root = await PlantedBugTests.BuildAsync();

    [Test]
    public async Task A_short_night_reaches_every_mark_that_is_not_rare_and_hears_every_canary()
    {
        var night = await NightAsync("--parts", "raft,cluster,kv,catalogue,fleet", "--seeds", "0..49", "--json");
        Assert.That(night.ExitCode, Is.Zero, night.Errors);
        var record = NightlyRecord.Parse(night.Output);
        Assert.That(record.MarksDue, Has.Count.GreaterThanOrEqualTo(15));
        Assert.That(record.MarksDue, Is.SubsetOf(record.Marks.Keys));
        Assert.That(record.Parts.Select(p => p.CanariesHeard), Is.All.EqualTo(1));
    }

    [Test]
    public async Task A_night_whose_canaries_are_swallowed_is_red()
    {
        var night = await NightAsync("--parts", "raft,cluster", "--seeds", "30..39", "--no-marks", "--mutant", "T1");
        Assert.That(night.ExitCode, Is.EqualTo(3), night.Errors);
        Assert.That(night.Output, Does.Contain("RED (3): raft: 1 of 1 canaries were not reported").And.Contain("RED (3): cluster: 1 of 1"));
    }

    [Test]
    public async Task A_night_that_never_comes_to_where_the_disks_fail_is_red()
    {
        var night = await NightAsync("--parts", "raft", "--seeds", "0..99");
        Assert.That(night.ExitCode, Is.EqualTo(3), night.Errors);
        Assert.That(night.Output, Does.Contain("never reached in 100 schedules: ").And.Contain("a disk failed"));
    }

    private Task<(int ExitCode, string Output, string Errors)> NightAsync(params string[] arguments) =>
        PlantedBugTests.RunAsync(_root, NightMax, [PlantedBugTests.Program(_root), "nightly", .. arguments]);
}
