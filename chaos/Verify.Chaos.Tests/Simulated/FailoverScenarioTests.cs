using Verify.Chaos.Commands;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Checks;
using Verify.Node.State.Ledger;
using Verify.Reports.Model;
using Verify.Scenarios;

namespace Verify.Chaos.Tests.Simulated;

/// <summary>The scenarios that campaigns play on real servers hold in simulation first, and what they do is seen to happen.</summary>
public sealed class FailoverScenarioTests
{
    private static string Folder => Path.Combine(Machine.CheckoutRoot()!, "scenarios", "failover");

    private static IEnumerable<string> Files => Directory.GetFiles(Folder, "*.yaml").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal);

    [TestCaseSource(nameof(Files))]
    public void A_failover_scenario_is_valid_in_simulation(string name)
    {
        var run = SimulatedRun.Play(Read(name), 1, new());
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Valid), Told(run));
    }

    [Test]
    public void An_operator_moves_the_primary_by_name_by_choice_and_by_force()
    {
        var run = SimulatedRun.Play(Read("graceful-takeover-under-load"), 2, new());
        var opened = run.Events.Where(e => e is { Kind: EventKinds.Recovery } && e["phase"] == "opened").Select(e => e["detail"]).Distinct(StringComparer.Ordinal).ToArray();
        Assert.That(opened.Count(d => d.Contains("GracefulMasterTakeover by the scenario", StringComparison.Ordinal)), Is.EqualTo(3), Told(run));
        Assert.That(opened.Count(d => d.Contains("ForceMasterTakeover by the scenario", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(run.Events.Where(e => e.Kind == EventKinds.FaultEnded).Select(e => e["proof"]), Is.All.EqualTo("1"), "each takeover succeeded");
    }

    [Test]
    public void A_takeover_that_is_refused_is_no_pass_and_says_why()
    {
        var run = SimulatedRun.Play(Changed("graceful-takeover-under-load", "takeover: db2", "takeover: db1"), 1, new());
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(Told(run), Does.Contain("db1:3306 is the primary already"));
    }

    [Test]
    public void The_replicas_of_a_dead_replica_find_another_source_and_the_primary_stays()
    {
        var run = SimulatedRun.Play(Read("intermediate-primary-dead"), 3, new());
        var opened = run.Events.Where(e => e is { Kind: EventKinds.Recovery } && e["phase"] == "opened").Select(e => e["detail"]).ToArray();
        Assert.That(opened, Is.Not.Empty.And.All.StartsWith("db2"), Told(run));
        Assert.That(run.FinalPrimary, Is.EqualTo("db1"));
    }

    [Test]
    public void A_primary_that_returns_with_a_transaction_of_its_own_is_set_aside()
    {
        var run = SimulatedRun.Play(Read("errant-primary-returns"), 4, new());
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Valid), Told(run));
        Assert.That(run.FinalRows["db1"], Does.Contain("errant-db1"));
        Assert.That(run.FinalRows["db2"].Concat(run.FinalRows["db3"]), Does.Not.Contain("errant-db1"));
    }

    [Test]
    public void Replicas_whose_appliers_stand_lack_rows_until_they_go_on()
    {
        var run = SimulatedRun.Play(Changed("sql-threads-stopped", "kill: db1", "kill: db3"), 1, new());
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Unknown).Or.EqualTo(Verdict.Valid), Told(run));
        var rows = run.FinalRows;
        Assert.That(rows["db2"], Is.EquivalentTo(rows["db1"]), "in the end they have caught up");
    }

    [Test]
    public void Nobody_is_failed_over_when_the_leader_alone_loses_sight_of_the_primary()
    {
        var run = SimulatedRun.Play(Read("leader-link-to-primary-cut"), 5, new());
        var cut = run.Events.Single(e => e.Kind == EventKinds.FaultEnded && e["fault"] == "cutLink");
        Assert.That(cut.Number("proof"), Is.GreaterThan(0));
        Assert.That(run.Events.Count(e => e is { Kind: EventKinds.Recovery } && e["phase"] == "opened"), Is.Zero, Told(run));
    }

    [Test]
    public void In_one_of_the_scenarios_the_leader_dies_at_each_moment_of_a_recovery()
    {
        var moments = Files.SelectMany(f => Read(f).Steps).Select(s => s.Fault).OfType<Fault.DieAt>().Select(f => f.Moment);
        Assert.That(moments, Is.EquivalentTo(LedgerMoment.All));
        Assert.That(LedgerMoment.Steps, Is.EqualTo(Enum.GetNames<RecoveryStep>()[..LedgerMoment.Steps.Length]), "as the ledger calls them");
    }

    [Test]
    public void A_leader_that_dies_at_a_moment_does_nothing_more_and_the_next_one_goes_on()
    {
        var run = SimulatedRun.Play(Read("leader-dies-around-publishing"), 2, new());
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Valid), Told(run));
        var deaths = run.Events.Where(e => e.Kind == EventKinds.NodeDown && e["how"].StartsWith("dieAt", StringComparison.Ordinal)).ToArray();
        Assert.That(deaths.Select(d => d["how"]), Is.EqualTo(new[] { "dieAt outcome Promote", "dieAt outcome PublishPrimary", "dieAt intent PublishPrimary", "dieAt intent RepointReplicas" }));
        foreach (var death in deaths)
        {
            var back = run.Events.First(e => e.Kind == EventKinds.NodeUp && e.Subject == death.Subject && e.AtUs > death.AtUs).AtUs;
            var told = run.Events.Last(e => e.Kind == EventKinds.Recovery && e.AtUs <= death.AtUs);
            Assert.That((told.Subject, told.AtUs, $"dieAt {told["phase"]} {told["step"]}"), Is.EqualTo((death.Subject, death.AtUs, death["how"])), "at that very moment");
            Assert.That(run.Events.Where(e => e.Subject == death.Subject && e.AtUs > death.AtUs && e.AtUs < back), Is.Empty);
        }
    }

    [Test]
    public void A_moment_that_did_not_come_is_no_pass()
    {
        var run = SimulatedRun.Play(Changed("primary-killed", "kill: primary", "dieAt: intent Promote"), 1, new());
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Unknown), Told(run));
        Assert.That(Told(run), Does.Contain("(dieAt) hit nothing"));
    }

    private static Scenario Read(string name) => ScenarioFiles.Parse(File.ReadAllText(Path.Combine(Folder, $"{name}.yaml")), name);

    private static Scenario Changed(string name, string from, string to) =>
        ScenarioFiles.Parse(File.ReadAllText(Path.Combine(Folder, $"{name}.yaml")).Replace(from, to, StringComparison.Ordinal), name);

    private static string Told(RunRecord run) => $"{run.FinalPrimary} " + string.Join(Environment.NewLine, run.Findings.Where(f => f.Verdict != Verdict.Valid).Select(f => $"{f.Verdict} {f.Check}: {f.Observed}"));
}
