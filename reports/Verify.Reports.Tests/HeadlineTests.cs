using Verify.Checks;
using Verify.Reports.Model;
using Verify.Reports.Tests.Samples;

namespace Verify.Reports.Tests;

/// <summary>The numbers and claims at the top: the worst run counts, and a number that was not measured is not a zero.</summary>
internal sealed class HeadlineTests
{
    [Test]
    public void What_two_servers_could_have_taken_comes_before_what_leaders_believed_and_before_times()
    {
        Assert.That(Headlines.Of(SampleSuites.Valid()).Select(h => h.Name), Is.EqualTo(new[]
        {
            "two servers writable at once", "writes accepted by the isolated side after the fence", "RPO: acknowledged writes lost", "two leader leases at once",
            "isolation to fenced", "RTO: primary lost to next accepted write", "leader lost to next leader", "healed to converged",
        }));
    }

    [Test]
    public void The_slowest_fence_of_all_seeds_is_the_number_and_its_median_stands_beside_it()
    {
        var suite = SampleSuites.Of([.. Enumerable.Range(0, 9).Select(i => Stories.Fenced("sim", (ulong)i + 1, laterS: i == 4 ? 0.9 : 0))]);
        var value = Headlines.Of(suite).Single(h => h.Name == "isolation to fenced").Values.Single();
        Assert.That((value.Text, value.Note, value.Verdict), Is.EqualTo(("2,650 ms", "worst of 9 simulated, median 1,750 ms", Verdict.Valid)));
    }

    [Test]
    public void Without_fencing_the_writes_of_the_isolated_side_are_counted_although_no_fence_ever_came()
    {
        var headlines = Headlines.Of(SampleSuites.NotFenced());
        var accepted = headlines.Single(h => h.Name.StartsWith("writes accepted", StringComparison.Ordinal));
        Assert.That(accepted.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(accepted.Values.Select(v => int.Parse(v.Text)), Has.All.GreaterThan(150));
        var fenced = headlines.Single(h => h.Name == "isolation to fenced");
        Assert.That(fenced.Values.Select(v => v.Text), Has.All.EqualTo("never"));
    }

    [Test]
    public void A_number_that_was_not_measured_says_so()
    {
        var rows = Headlines.Of(SampleSuites.Unknown());
        var writable = rows.Single(h => h.Name == "two servers writable at once");
        Assert.That((writable.Verdict, writable.Values.Single().Text), Is.EqualTo((Verdict.Unknown, "not measured")), "and not 0 ms");
        var suite = SampleSuites.Of([Stories.Fenced("sim", 1), Stories.BrokeOff("sim", 2)]);
        Assert.That(Headlines.Of(suite).Single(h => h.Name == "isolation to fenced").Values.Single().Note, Is.EqualTo("worst of 2 simulated, measured in 1"));
    }

    [Test]
    public void A_leader_that_was_never_lost_needed_no_election_and_a_failed_check_does_not_paint_its_zero_red()
    {
        var run = Stories.Fenced("sim", 1);
        var quiet = run with { Findings = [new("electionWithin", Verdict.Valid, "", "n2 led throughout", ""), new("fencedWithin", Verdict.Invalid, "", "not closed", "") { Figures = new SortedDictionary<string, double>(StringComparer.Ordinal) { ["acksAfterBound"] = 0 } }] };
        var headlines = Headlines.Of(SampleSuites.Of([quiet]));
        Assert.That(headlines.Select(h => $"{h.Verdict.Word()} {h.Name}: {h.Values[0].Text}"), Is.EqualTo(new[]
        {
            "VALID writes accepted by the isolated side after the fence: 0", "INVALID isolation to fenced: never", "VALID leader lost to next leader: did not occur",
        }));
    }

    [TestCase(0, "0 ms")]
    [TestCase(0.004, "0.004 ms")]
    [TestCase(8.43, "8.4 ms")]
    [TestCase(1404.662, "1,405 ms")]
    [TestCase(17_100, "17.1 s")]
    public void Times_have_one_form_and_a_small_one_is_not_rounded_to_nothing(double ms, string text) => Assert.That(FigureText.Ms(ms), Is.EqualTo(text));

    [Test]
    public void One_bad_seed_of_a_hundred_decides_its_claim_and_is_named()
    {
        var suite = SampleSuites.Of([.. SampleSuites.Valid(99).Runs, Stories.NotFenced("sim", 77_777)]);
        var claims = Claims.Of(suite);
        var primary = claims.Single(c => c.Check == "singlePrimary");
        var simulated = primary.Worlds.Single(w => w.World == "sim");
        Assert.That((primary.Verdict, simulated.Seed, simulated.Runs, simulated.Valid), Is.EqualTo((Verdict.Invalid, 77_777UL, 100, 99)));
        Assert.That(primary.Worlds.Single(w => w.World == "live").Verdict, Is.EqualTo(Verdict.Valid), "the live run is judged for itself");
        Assert.That(claims.Select(c => c.Verdict), Is.Ordered.Descending, "what failed stands on top");
    }

    [Test]
    public void Of_two_runs_that_hold_the_one_closer_to_the_bound_is_shown()
    {
        var suite = SampleSuites.Of([Stories.Fenced("sim", 1), Stories.Fenced("sim", 2, laterS: 0.5), Stories.Fenced("sim", 3)]);
        Assert.That(Claims.Of(suite).Single(c => c.Check == "fencedWithin").Worlds.Single().Observed, Does.Contain("2250 ms"));
    }

    [Test]
    public void An_unknown_run_is_counted_as_unknown_and_not_as_valid()
    {
        var suite = SampleSuites.Of([Stories.Fenced("sim", 1), Stories.BrokeOff("sim", 2)]);
        var world = Claims.Of(suite).Single(c => c.Check == "singlePrimary").Worlds.Single();
        Assert.That((world.Verdict, world.Valid, world.Unknown, world.Runs), Is.EqualTo((Verdict.Unknown, 1, 1, 2)));
    }
}
