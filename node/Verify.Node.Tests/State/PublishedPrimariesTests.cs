using System.Text;
using Verify.Node.State;
using Verify.Node.State.Fencing;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Tests.State;

/// <summary>What proxies read is written by the entries that change the ledger.</summary>
public sealed class PublishedPrimariesTests
{
    private static readonly InstanceKey Db1 = new("10.0.0.1", 3306);
    private static readonly InstanceKey Db2 = new("db2", 3307);
    private ReplicatedState _state = null!;
    private long _index;

    [SetUp]
    public void Nothing_is_agreed_yet() => (_state, _index) = (new(100), 0);

    [Test]
    public void Nothing_is_published_by_entries_of_before_the_group_began_to_publish()
    {
        Apply(new HaCommand.AdoptPrimary("main", Db1, "n1"));
        Assert.That(_state.Kv.Count, Is.Zero);
        Apply(new Command.Fencing(new FencingCommand.BeginPublishing()));
        Assert.That(Value(""), Is.EqualTo("10.0.0.1:3306"));
    }

    [Test]
    public void A_primary_is_published_with_its_parts_and_its_token_and_none_from_the_opening_of_a_recovery_to_the_next_primary()
    {
        Apply(new Command.Fencing(new FencingCommand.BeginPublishing()));
        var token = Apply(new HaCommand.AdoptPrimary("main", Db1, "n1"));
        Assert.That((Value(""), Value("/hostname"), Value("/port"), Value("/ipv4"), Value("/ipv6"), Value("/token")),
            Is.EqualTo(("10.0.0.1:3306", "10.0.0.1", "3306", "10.0.0.1", null as string, $"{token}")));
        Assert.That(_state.Kv.Get("mysql/master/main")!.Flags, Is.EqualTo((ulong)token));

        var changed = _state.Kv.Get("mysql/master/main")!.ModifyIndex;
        Apply(new HaCommand.RenewLease("main", Db1, "n1", new(token)));
        Assert.That(_state.Kv.Get("mysql/master/main")!.ModifyIndex, Is.EqualTo(changed), "a renewal changes nothing, and wakes nobody who watches");

        var recovery = Apply(new HaCommand.OpenRecovery("main", Db1, "DeadMaster", "", new(token)));
        Assert.That((Value(""), Value("/hostname"), Value("/token")), Is.EqualTo(("none", "none", $"{recovery}")));
        foreach (var step in new[] { RecoveryStep.FenceOldPrimary, RecoveryStep.DrainRelayLogs, RecoveryStep.ChooseCandidate, RecoveryStep.Promote })
        {
            Apply(new HaCommand.StepIntent("main", recovery, (int)step, step.ToString(), ""));
            Apply(new HaCommand.StepOutcome("main", recovery, (int)step, true, step == RecoveryStep.ChooseCandidate ? "db2:3307 has all" : "ok"));
            Assert.That(Value(""), Is.EqualTo("none"));
        }

        Apply(new HaCommand.StepIntent("main", recovery, (int)RecoveryStep.PublishPrimary, nameof(RecoveryStep.PublishPrimary), ""));
        var next = Apply(new HaCommand.PublishPrimary("main", recovery, Db2, "n2"));
        Assert.That((Value(""), Value("/ipv4"), Value("/token")), Is.EqualTo(("db2:3307", null as string, $"{next}")));
    }

    [Test]
    public void A_recovery_that_ends_badly_names_the_old_primary_again()
    {
        Apply(new Command.Fencing(new FencingCommand.BeginPublishing()));
        var token = Apply(new HaCommand.AdoptPrimary("main", Db1, "n1"));
        Apply(new HaCommand.RenewLease("main", Db1, "n1", new(token)));
        var recovery = Apply(new HaCommand.OpenRecovery("main", Db1, "DeadMaster", "", new(token)));
        Apply(new HaCommand.CloseRecovery("main", recovery, Successful: false, "no candidate"));
        Assert.That(Value(""), Is.EqualTo("10.0.0.1:3306"));
    }

    private string? Value(string part) => _state.Kv.Get($"mysql/master/main{part}") is { } pair ? Encoding.UTF8.GetString(pair.Value.Span) : null;

    private long Apply(HaCommand command)
    {
        if (command is HaCommand.OpenRecovery && _state.Ha.Cluster("main") is { LastRenewal: 0 } ledger)
            Apply(new HaCommand.RenewLease("main", ledger.Primary, ledger.Guardian, ledger.Token));
        return Apply(new Command.Ha(command));
    }

    private long Apply(Command command)
    {
        var result = _state.Apply(new EntryId(new(1), new(++_index)), command);
        return result is CommandResult.Done(var at) ? at : throw new AssertionException($"{command}: {result}");
    }
}
