using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Node.Peers;
using Verify.Node.Recovery;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Recovery;

/// <summary>The disk of the primary stands still: it answers every question and no commit. db1 is the primary, its guardian is the node in the east.</summary>
[NonParallelizable]
public sealed class StalledDiskStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void Where_nobody_asked_for_more_it_is_named_left_and_open_again_when_its_disk_goes_on()
    {
        var bed = Bed(replaces: false);
        bed.Servers[0].StallDisk();
        bed.RunUntil(() => Condition(bed) == "stalled", Seconds(2), "it is told from a healthy one");
        Assert.That(bed.Leader!.Part.Skipped(), Is.Empty, "not for long yet");
        bed.RunUntil(() => bed.Leader!.Part.Skipped().Any(), Seconds(6), "the reason why nothing is done");
        var skipped = bed.Leader.Part.Skipped().Single();
        Assert.That((skipped.Analysis, skipped.Code), Is.EqualTo(("DiskStalledMaster", "disk_stalled")));
        Assert.That(skipped.Reason, Does.Contain("RecoverDiskStalledMaster").And.Contain("recover/db1/3306"));
        bed.RunFor(Seconds(10));
        Assert.That(bed.Leader.Ha.Primary("main"), Is.EqualTo(HaBed.Key(1)));
        bed.Servers[0].RunDisk();
        bed.RunUntil(() => bed.Servers[0].TakesWrites && Condition(bed) == "answers" && !bed.Leader.Part.Skipped().Any(), Seconds(5), "all is well again");
    }

    [Test]
    public void Where_the_operator_wants_it_it_is_replaced_and_closed_before_it_can_take_a_write()
    {
        var bed = Bed(replaces: true);
        bed.Servers[0].Write(3);
        bed.RunFor(Seconds(0.1));
        bed.Servers[0].StallDisk();
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(12), "another primary");
        bed.RunUntil(() => bed.Leader!.Ha.Cluster("main")!.Closed.Any(), Seconds(5), "the end of the recovery");
        var recovery = bed.Leader!.Ha.Cluster("main")!.Closed.Single();
        Assert.That((recovery.Analysis, recovery.IsSuccessful, recovery.Failed), Is.EqualTo(("DiskStalledMaster", true, HaBed.Key(1))));
        Assert.That(recovery.Steps[0].Detail, Does.Contain("acknowledged to nobody"));
        Assert.That(bed.Servers.Single(s => s.TakesWrites).Executed.Contains(bed.Servers[0].Executed));
        bed.Servers[0].RunDisk();
        bed.RunUntil(() => bed.Servers[0].Source is not null && bed.Servers[0].IoIsOn, Seconds(10), "it follows");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void It_is_not_replaced_where_its_commits_wait_for_nobody_and_the_reason_is_said()
    {
        var bed = Bed(replaces: true, Durability.None);
        bed.Servers[0].StallDisk();
        bed.RunFor(Seconds(10));
        Assert.That(bed.Leader!.Part.Skipped().Single().Reason, Does.Contain("Durability"));
        Assert.That(bed.Leader.Ha.Primary("main"), Is.EqualTo(HaBed.Key(1)));
    }

    [Test]
    public void A_short_standstill_is_no_reason()
    {
        var bed = Bed(replaces: true);
        bed.Servers[0].StallDisk();
        bed.RunFor(Seconds(3));
        bed.Servers[0].RunDisk();
        bed.RunFor(Seconds(10));
        Assert.That(bed.Leader!.Ha.Cluster("main")!.Closed, Is.Empty);
        Assert.That(bed.Servers[0].TakesWrites);
    }

    [Test]
    public void A_backup_that_locks_its_tables_is_no_disk_that_stands_still()
    {
        var bed = Bed(replaces: true);
        bed.Servers[0].IsLocked = true;
        bed.RunFor(Seconds(20));
        Assert.That(Condition(bed), Is.EqualTo("answers"));
        Assert.That(bed.Leader!.Ha.Cluster("main")!.Closed, Is.Empty);
        Assert.That(bed.Leader.Part.Skipped(), Is.Empty);
    }

    [Test]
    public void The_guardian_dies_meanwhile_and_the_next_one_finds_it_out_again()
    {
        var bed = Bed(replaces: true);
        bed.Servers[0].StallDisk();
        bed.RunFor(Seconds(2));
        bed.Node("east").Kill();
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(25), "another primary");
        bed.Servers[0].RunDisk();
        bed.RunFor(Seconds(5));
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void The_word_is_read_as_it_was_written_and_never_when_it_is_cut_short()
    {
        var told = new PeerWords<StalledDisk>([new("main", HaBed.Key(1), 5200), new("pay", HaBed.Key(2), 0)]);
        var bytes = told.Encode().ToArray();
        Assert.That(PeerWords<StalledDisk>.Is(bytes));
        Assert.That(PeerCodec.VersionOf(new PeerFrame.Report(bytes)), Is.EqualTo(3));
        Assert.That(PeerWords<StalledDisk>.Decode(bytes).Words, Is.EqualTo(told.Words));
        for (var i = 0; i < bytes.Length; i++) Assert.That(() => PeerWords<StalledDisk>.Decode(bytes.AsSpan(0, i)), Throws.InstanceOf<WireFormatException>());
    }

    private static string Condition(HaBed bed) => bed.Leader!.Part.TopologyAnalysis().Single(a => a.Instance == HaBed.Key(1)).Condition;

    private static HaBed Bed(bool replaces, Durability? durability = null)
    {
        var bed = new HaBed(c => c with
        {
            Clusters = [c.Clusters[0] with { Durability = durability ?? Durability.SemiSync }],
            Recovery = new() { ReplaceStalled = replaces },
        }).Started();
        bed.RunFor(Seconds(12));
        return bed;
    }
}
