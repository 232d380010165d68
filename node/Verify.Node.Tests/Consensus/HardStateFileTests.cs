using Verify.Node.Consensus;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.Consensus;

/// <summary>Term and vote: never forgotten once they were acknowledged.</summary>
public sealed class HardStateFileTests
{
    private static readonly DataOwner Owner = new("verify", new("a"));

    [Test]
    public void Term_and_vote_survive_power_loss()
    {
        var disk = new FakeDisk();
        Write(Open(disk), State(3, "b"));
        Assert.That(Open(disk.AfterPowerLoss()).State, Is.EqualTo(State(3, "b")));
    }

    [Test]
    public void A_vote_costs_one_sync_and_no_space()
    {
        var disk = new FakeDisk();
        var file = Open(disk);
        var (syncs, used) = (disk.Syncs, disk.UsedBytes);
        Write(file, State(1, "a"));
        Write(file, State(2, null));
        Assert.That((disk.Syncs - syncs, disk.UsedBytes), Is.EqualTo((2, used)));
    }

    [Test]
    public void Power_may_go_at_any_operation_without_a_forgotten_vote()
    {
        HardState[] states = [State(1, "a"), State(2, null), State(2, "c"), State(9, "b")];
        for (var operations = 0; ; operations++)
        {
            var disk = new FakeDisk { OperationsUntilPowerLoss = operations };
            HardState acknowledged = default;
            try
            {
                var file = Open(disk);
                foreach (var state in states)
                {
                    Write(file, state);
                    acknowledged = state;
                }
            }
            catch (PowerLostException)
            {
                Assert.That(Open(disk.AfterPowerLoss()).State, Is.EqualTo(acknowledged), $"power lost at operation {operations}");
                continue;
            }

            Assert.That(operations, Is.GreaterThan(8), "the test must meet several operations");
            break;
        }
    }

    [Test]
    public void A_write_that_was_torn_anywhere_leaves_the_vote_before_it()
    {
        var disk = new FakeDisk();
        var file = Open(disk);
        Write(file, State(4, "b"));
        var before = disk.Read(HardStateFile.Name);
        Write(file, State(5, "c"));
        var after = disk.Read(HardStateFile.Name);
        foreach (var torn in Offsets(before.Length))
        {
            var crashed = new FakeDisk();
            crashed.Put(HardStateFile.Name, [.. after[..torn], .. before[torn..]]);
            Assert.That(Open(crashed).State, Is.EqualTo(State(4, "b")).Or.EqualTo(State(5, "c")), $"torn at {torn}");
        }
    }

    [Test]
    public void One_rotten_byte_does_not_make_a_node_forget_its_vote()
    {
        var disk = new FakeDisk();
        var file = Open(disk);
        Write(file, State(4, "b"));
        Write(file, State(5, "c"));
        var whole = disk.Read(HardStateFile.Name);
        foreach (var at in Offsets(whole.Length))
        {
            var rotten = whole.ToArray();
            rotten[at] ^= 0x40;
            var crashed = new FakeDisk();
            crashed.Put(HardStateFile.Name, rotten);
            try
            {
                Assert.That(Open(crashed).State, Is.EqualTo(State(5, "c")), $"byte {at}");
            }
            catch (UnusableDataException newer)
            {
                Assert.That(newer.Message, Does.Contain("version"), $"byte {at}: only a version that looks newer may be refused");
            }
        }
    }

    [Test]
    public void A_log_without_a_vote_is_refused()
    {
        Assert.That(() => Open(new(), logTerm: 3), Throws.TypeOf<UnusableDataException>().With.Message.Contains("must not vote again"));
    }

    [Test]
    public void A_vote_that_is_older_than_the_log_is_refused()
    {
        var disk = new FakeDisk();
        Write(Open(disk), State(2, "a"));
        Assert.That(() => Open(disk, logTerm: 3), Throws.TypeOf<UnusableDataException>().With.Message.Contains("term 3"));
    }

    [Test]
    public void Another_nodes_vote_is_refused()
    {
        var disk = new FakeDisk();
        Open(disk);
        Assert.That(
            () => HardStateFile.OpenAsync(disk, new("other", new("a")), null).AsTask().GetAwaiter().GetResult(),
            Throws.TypeOf<UnusableDataException>().With.Message.Contains("cluster 'verify'").And.Message.Contains("cluster 'other'"));
    }

    [Test]
    public void The_bytes_of_version_1_stay_what_they_are() => Golden.Check("hardstate-v1.txt",
    [
        ("voted", Trim(HardStateFile.Slot(new(new("verify", new("n1:10008")), 5, new(new(3), new NodeId("n2:10008")))))),
        ("free", Trim(HardStateFile.Slot(new(new("verify", new("n1:10008")), 6, new(new(4), null))))),
    ]);

    /// <summary>Every byte of the four copies with its borders, and some of the zeros between them.</summary>
    private static IEnumerable<int> Offsets(int length) => Enumerable.Range(0, length).Where(at => at % 1024 < 100 || at % 97 == 0);

    private static byte[] Trim(byte[] slot)
    {
        Assert.That(slot.AsSpan(1024).ToArray(), Is.EqualTo(slot.AsSpan(0, 1024).ToArray()), "both copies are the same");
        return slot[..(Array.FindLastIndex(slot, 1023, b => b != 0) + 1)];
    }

    private static HardStateFile Open(FakeDisk disk, long? logTerm = null) =>
        HardStateFile.OpenAsync(disk, Owner, logTerm is { } term ? new Term(term) : null).AsTask().GetAwaiter().GetResult();

    private static void Write(HardStateFile file, HardState state) => file.WriteAsync(state).AsTask().GetAwaiter().GetResult();
    private static HardState State(long term, string? vote) => new(new(term), vote is null ? null : new NodeId(vote));
}
