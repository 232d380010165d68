using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Kv;
using Verify.Node.State.Locks;

namespace Verify.Node.Tests.State.Kv;

/// <summary>What is in logs and snapshots of keys with lifetimes, locks and sessions stays readable for ever.</summary>
public sealed class KvGoldenTests
{
    private static readonly (string Name, Command Command)[] Commands =
    [
        ("kv", new Command.KvDo(
            [new KvOp.Put("a", "1"u8.ToArray(), 42, 7, 30_000), new KvOp.Touch("b", 5), new KvOp.Delete("c", null), new KvOp.DeletePrefix("d/"), new KvOp.Acquire("f", "x"u8.ToArray(), 1, "s")],
            new("c", 4), new(99, 1_700_000_000_000))),
        ("kv-checks", new Command.KvDo([new KvOp.Get("a", MustExist: false), new KvOp.GetPrefix(""), new KvOp.CheckIndex("e", 0), new KvOp.CheckSession("f", "s"), new KvOp.Release("f", default, 0, "s")], null, new(99, 0))),
        ("session-create", new Command.Session(new SessionCommand.Create("id", "name", "n1", 10_000, SessionBehaviour.Delete, 15_000), new(99, 5))),
        ("session-renew", new Command.Session(new SessionCommand.Renew("id"), new(99, 5))),
        ("session-destroy", new Command.Session(new SessionCommand.Destroy("id"), new(99, 5))),
    ];

    [Test]
    public void The_bytes_stay_what_they_are() => Golden.Check("kv-v1.txt",
    [
        .. Commands.Select(c => (c.Name, CommandCodec.Encode(c.Command))),
        .. StateImageTests.Blocks(Example().State.Freeze()).Select((block, at) => ($"state{at}", block)),
    ]);

    [Test]
    public void Golden_bytes_are_read_and_mean_the_same()
    {
        var golden = Golden.Read("kv-v1.txt");
        foreach (var (name, _) in Commands) Assert.That(CommandCodec.Encode(CommandCodec.Decode(golden[name])), Is.EqualTo(golden[name]), name);
        var blocks = golden.Where(g => g.Key.StartsWith("state", StringComparison.Ordinal)).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => g.Value).ToList();
        Assert.That(StateImageTests.Restore(blocks).StateHash(), Is.EqualTo(Example().State.StateHash()));
    }

    [Test]
    public void Any_bytes_are_a_command_or_are_refused()
    {
        var golden = Commands.Select(c => CommandCodec.Encode(c.Command)).ToArray();
        var (dice, read, refused) = (new Dice(17), 0, 0);
        for (var i = 0; i < 100_000; i++)
        {
            var bytes = golden[dice.Next(golden.Length)].ToArray();
            for (var changes = dice.Next(4); changes > 0; changes--) bytes[dice.Next(bytes.Length)] = (byte)dice.Next(256);
            try
            {
                var command = CommandCodec.Decode(dice.Chance(100) ? bytes[..dice.Next(bytes.Length + 1)] : bytes);
                Assert.That(CommandCodec.Encode(command), Is.Not.Empty);
                read++;
            }
            catch (WireFormatException)
            {
                refused++;
            }
        }

        Assert.That((read > 10_000, refused > 10_000), Is.EqualTo((true, true)), $"{read} read, {refused} refused");
    }

    /// <summary>Keys with and without lifetimes, locks held and free, sessions, delays, and an answer that is kept.</summary>
    private static KvBed Example()
    {
        var bed = new KvBed();
        bed.Begin("s1", ttlMs: 5_000, SessionBehaviour.Delete, lockDelayMs: 15_000);
        bed.Begin("s2", lockDelayMs: 1_000);
        bed.Do(KvBed.Put("plain"), KvBed.Put("ends", ttlMs: 700), KvBed.Acquire("held", "s1"), KvBed.Acquire("free", "s2"), KvBed.Acquire("delayed", "s2"));
        bed.Do(KvBed.Release("free", "s2"));
        bed.Session(new SessionCommand.Destroy("s2"));
        bed.DoAs(new("c", 1), KvBed.Put("kept", expected: 99));
        return bed;
    }
}
