using Verify.Node.Codec;
using Verify.Node.State;
using Verify.Node.State.Fencing;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Tests.State;

public sealed class FencingStateTests
{
    private static readonly InstanceKey Db1 = new("db1", 3306);
    private static readonly InstanceKey Db2 = new("db2", 3306);

    [Test]
    public void The_word_of_an_older_guardian_does_not_replace_that_of_a_newer_one()
    {
        var state = new FencingState();
        Assert.That(state.Apply(new FencingCommand.NoteSwitch("main", Db1, new(7), IsArmed: true), new(10, 1)), Is.EqualTo(new CommandResult.Done(10)));
        Assert.That(state.Apply(new FencingCommand.NoteSwitch("main", Db1, new(6), IsArmed: false), new(11, 1)), Is.InstanceOf<CommandResult.Rejected>());
        Assert.That(state.IsArmed("main", Db1));
        Assert.That(state.IsArmed("main", Db2), Is.False, "the switch of another server says nothing of this one");
        state.Apply(new FencingCommand.NoteSwitch("main", Db1, new(7), IsArmed: false), new(12, 1));
        Assert.That(state.IsArmed("main", Db1), Is.False);
    }

    [Test]
    public void A_switch_keeps_its_golden_bytes()
    {
        var command = new Command.Fencing(new FencingCommand.NoteSwitch("main", Db1, new(300), IsArmed: true));
        var bytes = CommandCodec.Encode(command);
        Assert.That(Convert.ToHexString(bytes), Does.EndWith("0101046D61696E03646231EA19AC0201"));
        Assert.That(CommandCodec.Decode(bytes), Is.EqualTo(command));
    }

    [Test]
    public void Bytes_of_another_version_are_refused() => Assert.That(
        () =>
        {
            var from = new WireReader(Convert.FromHexString("0201046D61696E"));
            return FencingCommandCodec.Read(ref from);
        },
        Throws.InstanceOf<WireFormatException>());
}
