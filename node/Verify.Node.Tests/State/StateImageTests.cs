using System.Text;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Kv;
using Verify.Node.State.Ledger;
using Verify.Node.State.Policy;
using Verify.Node.State.Locks;
using Verify.Node.State.Time;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Tests.State;

/// <summary>A state that was written and read again is the same state: nothing that a later command could notice is lost.</summary>
public sealed class StateImageTests
{
    [Test]
    public void A_restored_state_answers_every_later_command_as_the_original_does([Range(1, 12)] int seed)
    {
        var dice = new Dice((ulong)seed);
        var state = new ReplicatedState(sessionsMax: 5, recoveriesKeptMax: 2);
        for (var i = 1; i <= 400; i++) state.Apply(Id(i), Draw(dice, i));
        var restored = Restore(Blocks(state.Freeze()));
        Assert.That((restored.StateHash(), restored.Applied), Is.EqualTo((state.StateHash(), state.Applied)));
        for (var i = 401; i <= 800; i++)
        {
            var command = Draw(dice, i);
            var (now, then) = (restored.Apply(Id(i), command), state.Apply(Id(i), command));
            if (now is CommandResult.Kv) Assert.That(Bytes(now), Is.EqualTo(Bytes(then!)), $"entry {i}: {command}");
            else Assert.That(now, Is.EqualTo(then), $"entry {i}: {command}");
        }

        Assert.That(restored.StateHash(), Is.EqualTo(state.StateHash()));
        Assert.That(Blocks(restored.Freeze()), Is.EqualTo(Blocks(state.Freeze())), "the same state has the same bytes, whatever its history");
    }

    [Test]
    public void What_is_applied_after_the_freeze_is_not_in_the_image()
    {
        var state = Example();
        var (hash, image) = (state.StateHash(), state.Freeze());
        for (var i = 10; i < 300; i++) state.Apply(Id(i), new Command.KvPut($"k{i % 40}", new byte[i], 0, null, new("s", i)));
        Assert.That(state.StateHash(), Is.Not.EqualTo(hash));
        Assert.That(Restore(Blocks(image)).StateHash(), Is.EqualTo(hash));
    }

    [Test]
    public void Blocks_are_small_but_for_what_is_large_in_itself()
    {
        var state = new ReplicatedState(10);
        for (var i = 1; i <= 300; i++) state.Apply(Id(i), new Command.KvPut($"k{i}", new byte[1000], 0, null, null));
        state.Apply(Id(301), new Command.KvPut("large", new byte[1 << 20], 0, null, null));
        var blocks = Blocks(state.Freeze());
        Assert.That(blocks, Has.Count.InRange(6, 12));
        Assert.That(blocks.Count(block => block.Length > 64 * 1024), Is.EqualTo(1));
        Assert.That(Restore(blocks).StateHash(), Is.EqualTo(state.StateHash()));
    }

    [Test]
    public void A_block_that_is_missing_twice_there_or_of_an_unknown_part_is_refused()
    {
        var blocks = Blocks(Example().Freeze());
        for (var i = 0; i < blocks.Count; i++)
        {
            Assert.That(() => Restore([.. blocks.Where((_, at) => at != i)]), Throws.TypeOf<WireFormatException>(), $"without block {i}");
            Assert.That(() => Restore([.. blocks.Take(i + 1), .. blocks.Skip(i)]), Throws.TypeOf<WireFormatException>(), $"block {i} twice");
        }

        Assert.That(() => Restore([blocks[0], [200, 1, 0]]), Throws.TypeOf<WireFormatException>().With.Message.Contains("part 200"));
        Assert.That((StateReader.Knows(1, 1), StateReader.Knows(2, 1), StateReader.Knows(2, 3), StateReader.Knows(200, 1)), Is.EqualTo((true, true, false, false)));
    }

    [Test]
    public void The_blocks_of_version_1_stay_what_they_are()
    {
        var blocks = Blocks(Example().Freeze());
        Golden.Check("state-v1.txt", [.. blocks.Select((block, i) => ($"block{i}", block))]);
        Assert.That(Restore(Golden.Read("state-v1.txt").OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Value).ToList()).StateHash(), Is.EqualTo(Example().StateHash()));
    }

    /// <summary>Something of everything.</summary>
    internal static ReplicatedState Example()
    {
        var (state, db1, db2) = (new ReplicatedState(10), new InstanceKey("db1", 3306), new InstanceKey("db2", 3307));
        Command?[] commands =
        [
            null, new Command.KvPut("a", Encoding.UTF8.GetBytes("one"), 42, null, new("s1", 7)), new Command.KvPut("b", default, ulong.MaxValue, null, null),
            new Command.KvPut("a", Encoding.UTF8.GetBytes("two"), 43, 2, new("s2", 1)), new Command.KvDelete("none", null, new("s3", 3)),
            new Command.Ha(new HaCommand.AdoptPrimary("main", db1, "n1")), new Command.Ha(new HaCommand.RenewLease("main", db1, "n1", new(6))),
            new Command.Ha(new HaCommand.OpenRecovery("main", db1, "DeadMaster", "3 of 3", new(6))), new Command.Ha(new HaCommand.SetAside("main", db2, "1-1-5")),
        ];
        for (var i = 0; i < commands.Length; i++) state.Apply(Id(i + 1), commands[i]);
        return state;
    }

    internal static List<byte[]> Blocks(StateImage image) => [.. image.Blocks().Select(block => block.ToArray())];

    internal static ReplicatedState Restore(IReadOnlyList<byte[]> blocks)
    {
        var reader = new StateReader(sessionsMax: 5, recoveriesKeptMax: 2);
        foreach (var block in blocks) reader.Add(block);
        return reader.Finish();
    }

    private static Command? Draw(Dice dice, int index)
    {
        var id = dice.Chance(600) ? new RequestId($"s{dice.Next(8)}", dice.Next(30)) : (RequestId?)null;
        var (cluster, instance) = ($"c{dice.Next(2)}", new InstanceKey($"db{dice.Next(3)}", 3306));
        long? expected = dice.Chance(300) ? dice.Next(index) : null;
        var stamp = new TimeStamp(index * 10L, 0);
        return dice.Next(28) switch
        {
            12 or 13 => new Command.KvDo([new KvOp.Put($"k{dice.Next(30)}", new byte[dice.Next(50)], 1, expected, dice.Chance(700) ? dice.Next(600) + 1 : null)], id, stamp),
            14 => new Command.KvDo([new KvOp.Touch($"k{dice.Next(30)}", null)], id, stamp),
            15 => new Command.KvDo([new KvOp.DeletePrefix($"k1{dice.Next(3)}"), new KvOp.Put($"k{dice.Next(30)}", default, 0, expected, null)], id, stamp),
            16 or 17 => new Command.KvDo([new KvOp.Acquire($"k{dice.Next(10)}", new byte[3], 0, $"l{dice.Next(5)}")], id, stamp),
            18 => new Command.KvDo([new KvOp.Release($"k{dice.Next(10)}", new byte[3], 0, $"l{dice.Next(5)}")], id, stamp),
            19 or 20 => new Command.Session(new SessionCommand.Create($"l{dice.Next(5)}", "n", "a", dice.Chance(700) ? 100 + dice.Next(500) : null, dice.Chance(500) ? SessionBehaviour.Delete : SessionBehaviour.Release, dice.Next(3) * 100), stamp),
            21 => new Command.Session(new SessionCommand.Renew($"l{dice.Next(5)}"), stamp),
            22 => new Command.Session(new SessionCommand.Destroy($"l{dice.Next(5)}"), stamp),
            23 => new Command.TimePasses(stamp),
            0 => null,
            1 or 2 => new Command.KvDelete($"k{dice.Next(30)}", expected, id),
            3 => new Command.Ha(new HaCommand.AdoptPrimary(cluster, instance, "n1")),
            4 => new Command.Ha(new HaCommand.RenewLease(cluster, instance, "n1", new(dice.Next(index)), dice.Next(3) * 1000)),
            5 => new Command.Ha(new HaCommand.SetAside(cluster, instance, $"{index}")),
            6 => new Command.Ha(new HaCommand.TakeBack(cluster, instance)),
            24 or 25 => new Command.Ha(DrawRecovery(dice, cluster, instance, index)),
            26 or 27 => new Command.Policy(DrawPolicy(dice, instance, index)),
            _ => new Command.KvPut($"k{dice.Next(30)}", new byte[dice.Next(50)], dice.Next(), expected, id),
        };
    }

    /// <summary>The token of an adopted primary is the index of its entry, which the dice hit now and then.</summary>
    private static HaCommand DrawRecovery(Dice dice, string cluster, InstanceKey instance, int index) => dice.Next(4) switch
    {
        0 => new HaCommand.EndRecovery(cluster, dice.Next(index), Successful: false, "given up", new(index * 10, index)),
        1 => new HaCommand.AcknowledgeRecoveries(cluster, 0, null, "jane", "seen", new(index * 10, index)),
        _ => new HaCommand.BeginRecovery(
            cluster, (RecoveryKind)dice.Next(5), instance, new InstanceKey("db7", 3306), "code", "votes", new(dice.Next(20)), "joe", false, new(index * 10, index)),
    };

    private static PolicyCommand DrawPolicy(Dice dice, InstanceKey instance, int index)
    {
        var stamp = new TimeStamp(index * 10, index);
        return dice.Next(5) switch
        {
            0 => new PolicyCommand.BeginDowntime(instance, "jane", "disk", 1 + dice.Next(2000), stamp),
            1 => new PolicyCommand.BeginMaintenance(instance, $"owner{dice.Next(2)}", "work", 1 + dice.Next(2000), stamp),
            2 => new PolicyCommand.EndMaintenance(instance, 0, stamp),
            3 => new PolicyCommand.SetPromotionRule(instance, (PromotionRule)dice.Next(5), dice.Next(2) * 1000, stamp),
            _ => new PolicyCommand.SetRecoveries(dice.Chance(500), "jane", stamp),
        };
    }

    private static byte[] Bytes(CommandResult result)
    {
        var to = new WireWriter();
        KvOpCodec.WriteOutcome(to, ((CommandResult.Kv)result).Outcome);
        return to.Written.ToArray();
    }

    private static EntryId Id(long index) => new(new(1), new(index));
}
