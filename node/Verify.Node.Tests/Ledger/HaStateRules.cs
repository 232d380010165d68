using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Ledger;

/// <summary>What the replicated state accepts and refuses.</summary>
public sealed class HaStateRules
{
    private static readonly InstanceKey Db1 = new("db1", 3306);
    private static readonly InstanceKey Db2 = new("db2", 3306);
    private HaState _state = new();
    private long _index;

    [SetUp]
    public void Nothing_is_agreed_yet()
    {
        _state = new(recoveriesKeptMax: 2);
        _index = 0;
    }

    [Test]
    public void The_first_primary_is_adopted_once_and_its_token_is_the_entry_s_index()
    {
        var state = new HaState();
        Assert.That(state.Primary("main"), Is.Null);
        Assert.That(state.Token("main").Value, Is.Zero);
        Assert.That(state.Apply(new HaCommand.AdoptPrimary("main", Db1, "n1"), new(7, 1)), Is.EqualTo(new CommandResult.Done(7)));
        Assert.That(state.Apply(new HaCommand.AdoptPrimary("main", Db2, "n2"), new(8, 1)), Is.InstanceOf<CommandResult.Rejected>());
        Assert.That(state.Primary("main"), Is.EqualTo(Db1));
        Assert.That(state.Token("main").Value, Is.EqualTo(7));
    }

    [TestCase("db1", "n1", 0, true)]
    [TestCase("db1", "n1", -1, false, Description = "an older token")]
    [TestCase("db1", "n1", 1, false, Description = "a token that was never given")]
    [TestCase("db2", "n1", 0, false, Description = "another server")]
    [TestCase("db1", "n2", 0, false, Description = "not the guardian")]
    public void A_lease_is_renewed_only_for_the_primary_by_its_guardian_with_the_current_token(string host, string node, int tokenOff, bool isAccepted)
    {
        var state = new HaState();
        state.Apply(new HaCommand.AdoptPrimary("main", Db1, "n1"), new(7, 1));
        var result = state.Apply(new HaCommand.RenewLease("main", new(host, 3306), node, new(7 + tokenOff)), new(8, 1));
        Assert.That(result, isAccepted ? Is.InstanceOf<CommandResult.Done>() : Is.InstanceOf<CommandResult.Rejected>());
    }

    [Test]
    public void No_lease_is_renewed_from_the_opening_of_a_recovery_until_it_has_published_a_primary()
    {
        var id = Opened();
        Refused(new HaCommand.RenewLease("main", Db1, "n1", _state.Token("main")));
        DoStep(id, RecoveryStep.FenceOldPrimary);
        DoStep(id, RecoveryStep.DrainRelayLogs);
        DoStep(id, RecoveryStep.ChooseCandidate, "db2:3306 has everything");
        DoStep(id, RecoveryStep.Promote);
        Begin(id, RecoveryStep.PublishPrimary);
        var old = _state.Token("main");
        var published = Accepted(new HaCommand.PublishPrimary("main", id, Db2, "n2"));
        Refused(new HaCommand.RenewLease("main", Db1, "n1", old));
        Refused(new HaCommand.RenewLease("main", Db2, "n2", old));
        Accepted(new HaCommand.RenewLease("main", Db2, "n2", new(published)));
    }

    [Test]
    public void A_lease_that_was_said_becomes_no_shorter_before_there_is_another_primary()
    {
        Accepted(new HaCommand.AdoptPrimary("main", Db1, "n1"));
        long Renewed(int leaseMs)
        {
            var ledger = _state.Cluster("main")!;
            Accepted(new HaCommand.RenewLease("main", ledger.Primary, ledger.Guardian, ledger.Token, leaseMs));
            return _state.Cluster("main")!.LeaseMs;
        }

        Assert.That((Renewed(0), Renewed(2000), Renewed(1000)), Is.EqualTo((0, 2000, 2000)));
        Assert.That((Renewed(0), Renewed(4000), Renewed(0)), Is.EqualTo((ClusterLedger.UnsaidLeaseMs, 4000, 4000)));
        Accepted(new HaCommand.ChangeGuardian("main", Db1, "n2", _state.Token("main")));
        Assert.That(Renewed(2000), Is.EqualTo(4000), "n1 may be cut off and hold it still");
        var id = Accepted(new HaCommand.OpenRecovery("main", Db1, "DeadMaster", "", _state.Token("main")));
        Publish(id);
        Assert.That((_state.Cluster("main")!.LeaseMs, Renewed(2000)), Is.EqualTo((0, 2000)));
    }

    [Test]
    public void The_ledger_knows_since_when_at_most_a_primary_is_in_office_whoever_guards_it()
    {
        long? Since() => _state.Cluster("main")!.ChosenAfterMs;
        Accepted(new HaCommand.AdoptPrimary("main", Db1, "n1"));
        Assert.That(Since(), Is.Null, "it was found");
        Accepted(new HaCommand.RenewLease("main", Db1, "n1", _state.Token("main"), 2000));
        var id = Accepted(new HaCommand.BeginRecovery("main", RecoveryKind.DeadPrimary, Db1, null, "DeadMaster", "", _state.Token("main"), By: "", WithoutHooks: false, new(4_000, 1)));
        Publish(id);
        Assert.That(Since(), Is.Null, "the recovery is open still");
        Accepted(new HaCommand.EndRecovery("main", id, Successful: false, "given up", new(5_000, 2)));
        Assert.That(Since(), Is.EqualTo(4_000));
        Accepted(new HaCommand.ChangeGuardian("main", Db2, "n3", _state.Token("main")));
        Assert.That(Since(), Is.EqualTo(4_000));
    }

    [Test]
    public void A_recovery_of_a_server_whose_lease_nobody_ever_held_is_refused()
    {
        Accepted(new HaCommand.AdoptPrimary("main", Db1, "n1"));
        Refused(new HaCommand.OpenRecovery("main", Db1, "DeadMaster", "", _state.Token("main")));
    }

    [Test]
    public void A_recovery_is_opened_once_and_only_by_who_knows_the_current_token_and_primary()
    {
        Accepted(new HaCommand.AdoptPrimary("main", Db1, "n1"));
        Accepted(new HaCommand.RenewLease("main", Db1, "n1", _state.Token("main")));
        Refused(new HaCommand.OpenRecovery("main", Db1, "DeadMaster", "", new(99)));
        Refused(new HaCommand.OpenRecovery("main", Db2, "DeadMaster", "", _state.Token("main")));
        Refused(new HaCommand.OpenRecovery("other", Db1, "DeadMaster", "", _state.Token("main")));
        Accepted(new HaCommand.OpenRecovery("main", Db1, "DeadMaster", "", _state.Token("main")));
        Refused(new HaCommand.OpenRecovery("main", Db1, "DeadMaster", "", _state.Token("main")));
    }

    [Test]
    public void Steps_are_begun_and_ended_in_order_and_only_in_the_open_recovery()
    {
        var id = Opened();
        Refused(new HaCommand.StepIntent("main", id, (int)RecoveryStep.DrainRelayLogs, "DrainRelayLogs", ""));
        Refused(new HaCommand.StepIntent("main", id, 0, "DrainRelayLogs", ""));
        Refused(new HaCommand.StepIntent("main", id + 1, 0, "FenceOldPrimary", ""));
        Refused(new HaCommand.StepOutcome("main", id, 0, Succeeded: true, "not begun"));
        Begin(id, RecoveryStep.FenceOldPrimary);
        Refused(new HaCommand.StepOutcome("main", id, 1, Succeeded: true, "another step"));
        Refused(new HaCommand.CloseRecovery("main", id, Successful: true, "too early"));
        Accepted(new HaCommand.StepOutcome("main", id, 0, Succeeded: true, "closed"));
        Refused(new HaCommand.StepOutcome("main", id, 0, Succeeded: true, "again"));
        Assert.That(_state.OpenRecovery("main")!.CurrentStep, Is.EqualTo(RecoveryStep.DrainRelayLogs));
    }

    [Test]
    public void A_step_that_failed_is_begun_again_and_both_are_counted()
    {
        var id = Opened();
        Begin(id, RecoveryStep.FenceOldPrimary);
        Accepted(new HaCommand.StepOutcome("main", id, 0, Succeeded: false, "no answer"));
        Begin(id, RecoveryStep.FenceOldPrimary);
        var step = _state.OpenRecovery("main")!.Current!;
        Assert.That((step.Intents, step.Failures, step.IsDone), Is.EqualTo((2, 1, false)));
    }

    [Test]
    public void The_choice_of_the_candidate_binds_whom_may_be_published()
    {
        var id = Opened();
        DoStep(id, RecoveryStep.FenceOldPrimary);
        DoStep(id, RecoveryStep.DrainRelayLogs);
        Begin(id, RecoveryStep.ChooseCandidate);
        Refused(new HaCommand.StepOutcome("main", id, 2, Succeeded: true, "nobody in particular"));
        Accepted(new HaCommand.StepOutcome("main", id, 2, Succeeded: true, "db2:3306 has everything"));
        Refused(new HaCommand.PublishPrimary("main", id, Db2, "n2"));
        DoStep(id, RecoveryStep.Promote);
        Begin(id, RecoveryStep.PublishPrimary);
        Refused(new HaCommand.StepOutcome("main", id, 4, Succeeded: true, "nothing was published"));
        Refused(new HaCommand.PublishPrimary("main", id, new("db3", 3306), "n3"));
        Accepted(new HaCommand.PublishPrimary("main", id, Db2, "n2"));
    }

    [Test]
    public void A_primary_that_is_published_again_by_a_new_leader_keeps_its_token()
    {
        var id = Published(out var token);
        Assert.That(_state.Apply(new HaCommand.PublishPrimary("main", id, Db2, "n3"), new(++_index, 2)), Is.EqualTo(new CommandResult.Done(token)));
        Assert.That(_state.Token("main").Value, Is.EqualTo(token));
        Assert.That(_state.Cluster("main")!.Guardian, Is.EqualTo("n2"));
    }

    [Test]
    public void A_failed_recovery_leaves_the_primary_and_its_token_as_they_were()
    {
        var id = Opened();
        var token = _state.Token("main");
        Accepted(new HaCommand.CloseRecovery("main", id, Successful: false, "nobody to promote"));
        Assert.That(_state.Primary("main"), Is.EqualTo(Db1));
        Accepted(new HaCommand.RenewLease("main", Db1, "n1", token));
    }

    [Test]
    public void Of_closed_recoveries_only_the_last_ones_are_kept()
    {
        for (var i = 0; i < 3; i++)
        {
            var id = i == 0 ? Opened() : Accepted(new HaCommand.OpenRecovery("main", Db1, "DeadMaster", "", _state.Token("main")));
            Accepted(new HaCommand.CloseRecovery("main", id, Successful: false, $"try {i}"));
        }

        Assert.That(_state.Cluster("main")!.Closed.Select(r => r.Closing), Is.EqualTo(new[] { "try 1", "try 2" }));
    }

    [Test]
    public void A_server_is_set_aside_with_its_transactions_and_taken_back_once()
    {
        var id = Published(out _);
        Accepted(new HaCommand.SetAside("main", Db1, "uuid:6-8"));
        Refused(new HaCommand.SetAside("main", Db2, "the primary itself"));
        Assert.That(_state.Cluster("main")!.AsideOf(Db1)!.ErrantGtids, Is.EqualTo("uuid:6-8"));
        Accepted(new HaCommand.SetAside("main", Db1, "uuid:6-9"));
        Assert.That(_state.Cluster("main")!.Aside, Has.Length.EqualTo(1));
        Accepted(new HaCommand.TakeBack("main", Db1));
        Refused(new HaCommand.TakeBack("main", Db1));
        Assert.That(id, Is.Positive);
    }

    private long Published(out long token)
    {
        var id = Opened();
        token = Publish(id);
        return id;
    }

    /// <summary>All steps up to the publication of db2; returns its token.</summary>
    private long Publish(long id)
    {
        DoStep(id, RecoveryStep.FenceOldPrimary);
        DoStep(id, RecoveryStep.DrainRelayLogs);
        DoStep(id, RecoveryStep.ChooseCandidate, "db2:3306 has everything");
        DoStep(id, RecoveryStep.Promote);
        Begin(id, RecoveryStep.PublishPrimary);
        return Accepted(new HaCommand.PublishPrimary("main", id, Db2, "n2"));
    }

    private long Opened()
    {
        Accepted(new HaCommand.AdoptPrimary("main", Db1, "n1"));
        Accepted(new HaCommand.RenewLease("main", Db1, "n1", _state.Token("main")));
        return Accepted(new HaCommand.OpenRecovery("main", Db1, "DeadMaster", "n2 down; n3 down", _state.Token("main")));
    }

    private void DoStep(long id, RecoveryStep step, string detail = "done")
    {
        Begin(id, step);
        Accepted(new HaCommand.StepOutcome("main", id, (int)step, Succeeded: true, detail));
    }

    private void Begin(long id, RecoveryStep step) => Accepted(new HaCommand.StepIntent("main", id, (int)step, step.ToString(), "target"));

    private long Accepted(HaCommand command)
    {
        Assert.That(_state.Apply(command, new(++_index, 1)), Is.EqualTo(new CommandResult.Done(_index)), command.ToString());
        return _index;
    }

    private void Refused(HaCommand command)
    {
        var before = _state.Clusters.ToList();
        Assert.That(_state.Apply(command, new(++_index, 1)), Is.InstanceOf<CommandResult.Rejected>(), command.ToString());
        Assert.That(_state.Clusters, Is.EqualTo(before), "a refused command changes nothing");
    }
}
