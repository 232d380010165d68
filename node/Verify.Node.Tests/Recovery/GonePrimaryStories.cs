using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Node.Peers;
using Verify.Node.Recovery;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Recovery;

/// <summary>When the end of a dead primary's lease need not be waited for, and when it must be. db1 is the primary, its guardian is the node in
/// the east.</summary>
[NonParallelizable]
public sealed class GonePrimaryStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void A_killed_primary_is_replaced_long_before_its_lease_has_run_out()
    {
        var bed = Bed();
        bed.Servers[0].Write(3);
        bed.RunFor(Seconds(0.1));
        var diedAt = Kill(bed);
        Assert.That(bed.Now - diedAt, Is.LessThan(Seconds(1)), bed.Story());
        Assert.That(ProofOf(bed), Does.StartWith("gone: its host refuses its guardian n1:10008"));
        Assert.That(bed.Servers.Single(s => s.TakesWrites).Executed.Contains(bed.Servers[0].Executed));
    }

    [Test]
    public void The_leader_may_be_the_guardian_itself()
    {
        var bed = Bed(leader: "east");
        Kill(bed);
        Assert.That(ProofOf(bed), Does.StartWith("gone:"));
    }

    [Test]
    public void One_that_is_started_again_at_once_is_opened_by_nobody_and_follows_the_new_one()
    {
        var bed = Bed();
        bed.Servers[0].Die();
        bed.RunUntil(() => FenceOf(bed) is { IsDone: true }, Seconds(2), "the word");
        bed.Servers[0].Return(isReadOnly: true);
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(5), "a new primary");
        bed.RunUntil(() => bed.Servers[0].Source is not null && bed.Servers[0].IoIsOn, Seconds(10), "it follows");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void One_that_was_told_to_come_up_closed_a_moment_ago_is_known_to_do_so_before_it_is_looked_at_again()
    {
        var bed = new HaBed(c => c with { Clusters = [c.Clusters[0] with { Durability = Durability.SemiSync }] });
        (bed.Servers[0].SemiSync.Source, bed.Servers[0].SemiSync.TimeoutMs) = (true, uint.MaxValue);
        bed.Started();
        Kill(bed);
        Assert.That(ProofOf(bed), Does.StartWith("gone:"));
    }

    [Test]
    public void Without_a_durable_policy_the_lease_is_waited_for() => Waits(Bed(Durability.None));

    [Test]
    public void One_that_may_come_up_open_is_waited_for()
    {
        var bed = Bed(beforeStart: b => b.Servers[0].SemiSync.ForbidsPersisting = true);
        bed.Servers[0].Die();
        bed.RunFor(Seconds(0.9));
        bed.Servers[0].Return(isReadOnly: false);
        bed.RunFor(Seconds(10));
        Assert.That(bed.TwoWriters, Is.Null);
        Assert.That(bed.Servers.Count(s => s.TakesWrites), Is.EqualTo(1));
    }

    [Test]
    public void One_whose_commits_may_go_on_without_a_replica_is_waited_for()
    {
        // Somebody lets them; the leader's repair comes with the look after the next.
        var bed = Bed(c => c with { Discovery = c.Discovery with { DetailsInterval = Seconds(0.2) } });
        bed.RunFor(Seconds(1));
        bed.Servers[0].SemiSync.IsMissing = true;
        bed.Servers[0].SemiSync.TimeoutMs = 1000;
        bed.RunFor(Seconds(1));
        Waits(bed);
    }

    [Test]
    public void A_member_of_the_release_before_in_the_group_is_told_nothing_that_it_cannot_read_and_the_lease_is_waited_for()
    {
        var bed = Bed(beforeStart: b => b.WireVersion = 2);
        Waits(bed);
    }

    [Test]
    public void The_word_of_a_guardian_elsewhere_is_not_asked_for()
    {
        var bed = Bed();
        bed.Node("east").Kill();
        bed.RunUntil(() => bed.Leader!.Ha.Cluster("main")!.Guardian != "n1:10008", Seconds(5), "another guardian");
        bed.RunFor(Seconds(2));
        Waits(bed);
    }

    [Test]
    public void A_guardian_that_has_not_heard_of_the_recovery_gives_no_word()
    {
        var bed = Bed();
        bed.Node("east").ApplyLag = Seconds(1);
        bed.RunFor(Seconds(2));
        var diedAt = Kill(bed);
        Assert.That(bed.Now - diedAt, Is.GreaterThan(Seconds(1.2)), bed.Story());
    }

    /// <summary>Something between the nodes and the server resets what they send; the server lives, and one node still reaches it.</summary>
    [Test]
    public void One_that_refuses_its_guardian_and_answers_another_is_waited_for_until_the_switch_inside_has_closed_it()
    {
        var bed = Bed();
        foreach (var replica in bed.Servers.Skip(1)) replica.LoseSource();
        bed.Servers[0].RefusedPlaces.UnionWith(["east", "north"]);
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(10), "a new primary");
        Assert.That(ProofOf(bed), Does.StartWith("its lease has certainly run out"));
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void One_that_stands_still_is_waited_for()
    {
        var bed = Still();
        Assert.That(ProofOf(bed), Does.StartWith("closed: its guardian n1:10008"), "it was closed when it went on");
        Assert.That(bed.TwoWriters, Is.Null);
    }

#if VERIFY_MUTANTS
    [Test]
    public void A_guardian_that_takes_silence_for_a_refusal_makes_two_writers()
    {
        Verify.Raft.Mutant.Armed = "M64";
        try
        {
            Assert.That(Still().TwoWriters, Is.Not.Null);
        }
        finally
        {
            Verify.Raft.Mutant.Armed = null;
        }
    }
#endif

    [Test]
    public void A_primary_that_stands_still_gets_no_renewal_after_its_last_answer()
    {
        var bed = Bed();
        bed.Servers[0].Freeze();
        var frozenAt = bed.Now;
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(5), "a new primary");
        Assert.That(bed.Now - frozenAt, Is.LessThan(Seconds(2.8)), "the lease of 2.55 s counts from before the standstill, or from an eighth of a second later");
    }

    [Test]
    public void Refusals_count_only_in_a_row_and_only_since_they_are_asked_about()
    {
        var row = new RefusalRow();
        row.Refused(Seconds(1));
        Assert.That(row.HasTwoSince(default), Is.False, "one");
        row.Refused(Seconds(2));
        Assert.That(row.HasTwoSince(Seconds(1)));
        Assert.That(row.HasTwoSince(Seconds(1.5)), Is.False, "the first was before");
        row.Broken();
        row.Refused(Seconds(3));
        Assert.That(row.HasTwoSince(default), Is.False, "an answer came between");
    }

    [Test]
    public void The_word_is_read_as_it_was_written_and_never_when_it_is_cut_short()
    {
        var told = new PeerWords<GoneUnder>([new("main", HaBed.Key(1), 77), new("pay", HaBed.Key(2), 1)]);
        var bytes = told.Encode().ToArray();
        Assert.That(PeerWords<GoneUnder>.Is(bytes));
        Assert.That(PeerCodec.VersionOf(new PeerFrame.Report(bytes)), Is.EqualTo(3));
        Assert.That(PeerWords<GoneUnder>.Decode(bytes).Words, Is.EqualTo(told.Words));
        for (var i = 0; i < bytes.Length; i++) Assert.That(() => PeerWords<GoneUnder>.Decode(bytes.AsSpan(0, i)), Throws.InstanceOf<WireFormatException>());
    }

    /// <summary>It goes on when the majority has long made up its mind and its lease still runs.</summary>
    private static HaBed Still()
    {
        var bed = Bed(c => c with { Timing = new Timing { ProbeTimeout = TimeSpan.FromMilliseconds(100) } });
        bed.Servers[0].Freeze();
        bed.RunFor(Seconds(1.6));
        bed.Servers[0].Thaw();
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(6), "a new primary");
        return bed;
    }

    private static void Waits(HaBed bed)
    {
        var diedAt = Kill(bed);
        Assert.That(bed.Now - diedAt, Is.GreaterThan(Seconds(1.9)), bed.Story());
        Assert.That(ProofOf(bed), Does.StartWith("its lease has certainly run out"));
    }

    private static TimeSpan Kill(HaBed bed)
    {
        var diedAt = bed.Now;
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(10), "a new primary");
        Assert.That(bed.TwoWriters, Is.Null);
        return diedAt;
    }

    private static StepRecord? FenceOf(HaBed bed)
    {
        var ledger = bed.Leader!.Ha.Cluster("main")!;
        return (ledger.OpenRecovery ?? ledger.Closed.LastOrDefault())?.Steps.FirstOrDefault(s => s.Step == RecoveryStep.FenceOldPrimary);
    }

    private static string? ProofOf(HaBed bed) => FenceOf(bed)?.Detail;

    /// <summary>Started, and looked at closely: it is known how the servers come up, and that the primary waits for its replicas.</summary>
    private static HaBed Bed(Durability durability, string leader = "north", Action<HaBed>? beforeStart = null) =>
        Bed(c => c with { Clusters = [c.Clusters[0] with { Durability = durability }] }, leader, beforeStart);

    private static HaBed Bed(Func<NodeConfig, NodeConfig>? configure = null, string leader = "north", Action<HaBed>? beforeStart = null)
    {
        var bed = new HaBed(c =>
        {
            var durable = c with { Clusters = [c.Clusters[0] with { Durability = Durability.SemiSync }] };
            return configure?.Invoke(durable) ?? durable;
        });
        beforeStart?.Invoke(bed);
        bed.Started(leader).RunFor(Seconds(12));
        return bed;
    }
}
