using Verify.Checks;
using Verify.Reports.Model;
using Verify.Reports.Tests.Samples;

namespace Verify.Reports.Tests;

/// <summary>The paragraph on what was simulated, what was real and what was not tested: said from the record.</summary>
internal sealed class LimitsTests
{
    [Test]
    public void A_live_run_names_its_servers_its_network_and_how_finely_it_was_sampled()
    {
        var real = Text(SampleSuites.Valid(), "Real");
        Assert.That(real, Does.Contain("3 × MySQL 9.7.4, plain processes").And.Contain("18 links between data centres through the built-in proxy").And.Contain("3 verify-node processes"));
        Assert.That(real, Does.Contain("the longest time between two samples of a writable server was 50 ms"));
    }

    [Test]
    public void A_suite_without_a_live_run_says_that_nothing_was_real()
    {
        var suite = SampleSuites.Of([Stories.Fenced("sim", 1)]);
        Assert.That(Text(suite, "Real"), Does.StartWith("Nothing"));
        Assert.That(Text(suite, "Simulated"), Does.StartWith("1 schedule (seeds 1 to 1"));
        Assert.That(Text(SampleSuites.Of([Stories.Fenced("live")]), "Simulated"), Does.StartWith("Nothing"));
    }

    [Test]
    public void The_faults_are_those_that_happened_and_the_others_are_named_as_absent()
    {
        var faults = Text(SampleSuites.Valid(), "Faults");
        Assert.That(faults, Does.Contain("Inflicted: a cut between data centres.").And.Contain("Not inflicted in this scenario: a cut in one direction, slow links, processes killed, processes frozen, wrong clocks, full disks, a circle of data centres"));
    }

    [Test]
    public void The_durability_policy_is_told_with_what_it_means_for_an_isolated_primary()
    {
        Assert.That(Text(SampleSuites.Valid(), "Durability"), Does.Contain("semi_sync").And.Contain("acknowledged at most 0 writes"));
        Assert.That(Text(SampleSuites.NotFenced(), "Durability"), Does.Contain("asynchronous").And.Contain("lost by design"));
    }

    [Test]
    public void The_guardian_that_dies_with_its_data_centre_is_named_as_untested_unless_that_was_done()
    {
        Assert.That(Text(SampleSuites.Valid(), "Not tested here"), Does.Contain("guardian dying"));
        var run = new SampleRun("sim").Fault(2, 9, "partition", "east | north,west").Fault(3, 9, "kill", "n1", step: "step 2").Phase(9, "final").Record();
        Assert.That(Text(SampleSuites.Of([run]), "Not tested here"), Does.Not.Contain("guardian dying"));
    }

    [Test]
    public void Runs_with_fencing_off_or_a_planted_bug_say_that_they_are_not_the_product()
    {
        Assert.That(Text(SampleSuites.NotFenced(), "Not the product"), Does.Contain("Fencing was switched off"));
        Assert.That(Text(SampleSuites.Valid() with { Mutant = "M49" }, "Not the product"), Does.Contain("M49"));
        Assert.That(Limits.Of(SampleSuites.Valid()).Select(l => l.Heading), Has.None.EqualTo("Not the product"));
    }

    private static string Text(SuiteRecord suite, string heading) => Limits.Of(suite).Single(l => l.Heading == heading).Text;
}
