using Verify.Chaos.Determinism;

namespace Verify.Chaos.Tests.Determinism;

/// <summary>The gate over processes and builds, and that it can fail.</summary>
public sealed class DeterminismGateTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    [Test]
    public async Task The_same_seeds_give_the_same_hashes_twice_here_in_another_process_with_the_server_collector_and_in_the_Debug_build()
    {
        var told = new List<string>();
        var gate = new DeterminismGate([HashPlayer.Raft, "bench-short", HashPlayer.Fleet], [1], Limit, told.Add);
        var surroundings = Surrounding.All(other: null).Where(s => s.Name is "another process" or "server garbage collector" or "Debug build").ToArray();
        var verdicts = await gate.RunAsync(surroundings, CancellationToken.None);
        Assert.Multiple(() =>
        {
            Assert.That(verdicts, Has.Count.GreaterThanOrEqualTo(3));
            Assert.That(verdicts.Select(v => v.Compared), Is.All.EqualTo(3));
            Assert.That(verdicts.SelectMany(v => v.Differences), Is.Empty, string.Join(Environment.NewLine, told));
            Assert.That(gate.Here.Select(played => played.Events), Is.All.GreaterThanOrEqualTo(1_000));
        });
    }

    [Test]
    public async Task A_process_that_plays_something_else_is_found_and_the_first_line_that_differs_is_named()
    {
        var told = new List<string>();
        var lying = Surrounding.All(other: null).First(s => s.Name == "another process") with { More = ["--next-seed-instead"] };
        var verdicts = await new DeterminismGate(["bench-short"], [1], Limit, told.Add).RunAsync([lying], CancellationToken.None);
        Assert.Multiple(() =>
        {
            Assert.That(verdicts[0].Differences, Is.Empty);
            Assert.That(verdicts[1].Differences, Has.Count.EqualTo(1));
            Assert.That(verdicts[1].FirstDifference, Does.Contain("the first difference is line ").And.Contain("first:").And.Contain("second:"));
        });
    }

    [Test]
    public void A_hash_that_differs_and_a_seed_that_was_not_played_are_differences_and_equal_ones_are_none()
    {
        PlayedHash[] here = [new("raft", 1, "aa", 1_000), new("raft", 2, "bb", 1_000), new("raft", 3, "cc", 1_000)];
        PlayedHash[] there = [new("raft", 1, "aa", 1_000), new("raft", 2, "bc", 1_000)];
        var verdict = DeterminismGate.Compare("there", here, there);
        Assert.That(verdict.Differences, Is.EqualTo(new[] { "raft seed 2: bb (1000) here, bc (1000) there", "raft seed 3: it was not played there" }));
        Assert.That(DeterminismGate.Compare("there", here, here).Differences, Is.Empty);
    }

    [Test]
    public void What_one_process_prints_the_other_reads()
    {
        var played = new PlayedHash("dc-fencing", 18446744073709551615, "0123456789abcdef", 145_000);
        Assert.That(PlayedHash.Parse(played.Line()), Is.EqualTo(played));
        Assert.That(PlayedHash.Parse("sim   1/10 seeds, 0 not"), Is.Null);
    }
}
