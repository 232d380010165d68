using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.State.Policy;
using Verify.Node.State.Time;
using Verify.Node.Tests.State;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Tests.Policy;

/// <summary>What operators wrote is the same on all nodes, ends by the group's time and comes back from a snapshot.</summary>
public sealed class PolicyStateTests
{
    private static readonly InstanceKey Db1 = new("db1", 3306), Db2 = new("db2", 3306);
    private static readonly PolicyCommand[] All =
    [
        new PolicyCommand.BeginDowntime(Db1, "jane", "disk", 5_000, new(1_000, 100)),
        new PolicyCommand.BeginMaintenance(Db2, "joe", "upgrade", 9_000, new(1_000, 100)),
        new PolicyCommand.SetPromotionRule(Db1, PromotionRule.Prefer, 60_000, new(1_000, 100)),
        new PolicyCommand.SetPromotionRule(Db2, PromotionRule.MustNot, 0, new(1_000, 100)),
        new PolicyCommand.SetRecoveries(On: false, "jane", new(1_000, 100)),
        new PolicyCommand.EndDowntime(Db2, new(1_000, 100)),
        new PolicyCommand.EndMaintenance(null, 77, new(1_000, 100)),
    ];

    [TestCaseSource(nameof(All))]
    public void A_command_comes_back_from_its_bytes(PolicyCommand command) =>
        Assert.That(CommandCodec.Decode(CommandCodec.Encode(new Command.Policy(command))), Is.EqualTo(new Command.Policy(command)));

    [Test]
    public void What_ends_by_itself_ends_with_the_first_entry_after_its_time()
    {
        var state = Applied();
        Assert.That(state.Policy.DowntimeOf(Db1)?.EndsAtMs, Is.EqualTo(6_000));
        Apply(state, new Command.TimePasses(new(5_999, 0)));
        Assert.That(state.Policy.DowntimeOf(Db1), Is.Not.Null);
        Apply(state, new Command.TimePasses(new(6_000, 0)));
        Assert.That(state.Policy.DowntimeOf(Db1), Is.Null);
        Assert.That(state.Policy.MaintenanceOf(Db2), Is.Not.Null);
        Apply(state, new Command.TimePasses(new(100_000, 0)));
        Assert.That(state.Policy.MaintenanceOf(Db2), Is.Null);
        Assert.That(state.Policy.RuleOf(Db1), Is.Null);
        Assert.That(state.Policy.RuleOf(Db2), Is.EqualTo(PromotionRule.MustNot), "a rule without an end stays");
    }

    [Test]
    public void Maintenance_of_somebody_else_is_not_taken_over()
    {
        var state = Applied();
        Assert.That(Apply(state, new Command.Policy(new PolicyCommand.BeginMaintenance(Db2, "jane", "mine", 1, default))), Is.InstanceOf<CommandResult.Rejected>());
        var key = state.Policy.MaintenanceOf(Db2)!.Key;
        Assert.That(Apply(state, new Command.Policy(new PolicyCommand.EndMaintenance(null, key, default))), Is.InstanceOf<CommandResult.Done>());
        Assert.That(Apply(state, new Command.Policy(new PolicyCommand.EndMaintenance(null, key, default))), Is.InstanceOf<CommandResult.NotFound>());
    }

    [Test]
    public void A_snapshot_holds_all_of_it()
    {
        var state = Applied();
        Apply(state, new Command.Ha(new HaCommand.AdoptPrimary("main", Db1, "n1")));
        Apply(state, new Command.Ha(new HaCommand.RenewLease("main", Db1, "n1", new(state.Applied.Index.Value))));
        Apply(state, new Command.Ha(new HaCommand.BeginRecovery(
            "main", RecoveryKind.GracefulTakeover, Db1, Db2, "GracefulMasterTakeover", "", state.Ha.Token("main"), "jane", true, new(2_000, 3))));
        Assert.That(state.Ha.OpenRecovery("main"), Is.Not.Null);
        var copy = StateImageTests.Restore(StateImageTests.Blocks(state.Freeze()));
        Assert.That(copy.StateHash(), Is.EqualTo(state.StateHash()));
        Assert.That(copy.Policy.Downtimes, Is.EqualTo(state.Policy.Downtimes));
        Assert.That(copy.Policy.RecoveriesOffBy, Is.EqualTo("jane"));
        Assert.That(copy.Ha.OpenRecovery("main") is { Kind: RecoveryKind.GracefulTakeover, By: "jane", WithoutHooks: true } r && r.Designated == Db2);
    }

    private static ReplicatedState Applied()
    {
        var state = new ReplicatedState(10);
        foreach (var command in All.Take(5)) Assert.That(Apply(state, new Command.Policy(command)), Is.InstanceOf<CommandResult.Done>());
        return state;
    }

    private static CommandResult Apply(ReplicatedState state, Command command) =>
        state.Apply(new(new(1), state.Applied.Index.Next), command)!;
}
