using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;

namespace Verify.Node.Tests.Recovery;

/// <summary>Topologies in which a replica has replicas: db3 below db2 below db1.</summary>
public sealed class DeepStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void The_replicas_of_a_dead_intermediate_primary_are_pointed_at_the_primary_which_keeps_its_lease()
    {
        var bed = Deep();
        bed.Servers[0].Write(3);
        bed.RunFor(Seconds(0.2));
        bed.Servers[1].Die();
        bed.RunUntil(() => bed.Servers[2].Source == HaBed.Key(1), Seconds(8), "db3 below the primary");
        bed.RunUntil(() => bed.Leader!.Ha.OpenRecovery("main") is null, Seconds(3), "the end of the recovery");
        var recovery = bed.Leader!.Ha.Cluster("main")!.Closed.Single();
        Assert.That((recovery.Kind, recovery.IsSuccessful, recovery.Analysis), Is.EqualTo((RecoveryKind.DeadIntermediatePrimary, true, "DeadIntermediateMasterWithSingleReplica")));
        Assert.That(bed.Servers[0].TakesWrites, "the primary was not touched");
        Assert.That(bed.Leader.Ha.Primary("main"), Is.EqualTo(HaBed.Key(1)));
    }

    [Test]
    public void A_filter_keeps_the_replicas_of_a_dead_intermediate_primary_where_they_are_and_says_so()
    {
        var bed = Deep(new() { IntermediateFilters = [] });
        bed.Servers[1].Die();
        bed.RunUntil(() => bed.Leader!.Part.Skipped().Count == 1, Seconds(8), "a recovery that is not begun");
        bed.RunFor(Seconds(5));
        Assert.That(bed.Leader!.Part.Skipped().Single().Code, Is.EqualTo("filter"));
        Assert.That(bed.Servers[2].Source, Is.EqualTo(HaBed.Key(2)));
        var answer = bed.Leader.Part.Plan(new("main", RecoveryWish.Recover, HaBed.Key(2), null, "jane", WithoutHooks: false));
        bed.Leader.Submit(answer.Command!, _ => { });
        bed.RunUntil(() => bed.Servers[2].Source == HaBed.Key(1), Seconds(3), "done when an operator asks");
    }

    [Test]
    public void A_replica_below_the_chosen_one_goes_with_it_when_the_primary_dies()
    {
        var bed = Deep();
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(8), "the replica directly below the dead one is promoted");
        bed.RunFor(Seconds(3));
        Assert.That(bed.Servers[2].Source, Is.EqualTo(HaBed.Key(2)));
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void A_primary_stops_following_its_dead_co_primary()
    {
        var bed = Deep();
        bed.Servers[0].Follow(HaBed.Key(2));
        bed.RunFor(Seconds(1));
        bed.Servers[1].Die();
        bed.RunUntil(() => bed.Servers[0].Source is null && bed.Servers[2].Source == HaBed.Key(1), Seconds(8), "the pair dissolved");
        bed.RunUntil(() => bed.Leader!.Ha.Cluster("main")!.Closed.Length > 0, Seconds(3), "the end of the recovery");
        Assert.That(bed.Leader!.Ha.Cluster("main")!.Closed.Last().Kind, Is.EqualTo(RecoveryKind.DeadCoPrimary));
        Assert.That(bed.Servers[0].TakesWrites);
    }

    [Test]
    public void Of_two_servers_that_follow_each_other_the_one_that_takes_writes_is_adopted_and_its_death_promotes_the_other()
    {
        var bed = Pair(_ => { }).Started();
        Assert.That(bed.Leader!.Ha.Primary("main"), Is.EqualTo(HaBed.Key(1)));
        bed.Servers[0].Write(3);
        bed.RunFor(Seconds(0.5));
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(8), "a new primary");
        bed.RunUntil(() => bed.Leader!.Ha.OpenRecovery("main") is null, Seconds(5), "the end of the recovery");
        var primary = bed.Server(bed.Leader.Ha.Primary("main")!.Value);
        Assert.That(primary.Source, Is.Null, "no longer below the dead one");
        Assert.That(primary.Executed.Contains(bed.Servers[0].Executed), "has what the dead one had");
        bed.Servers[0].Return(isReadOnly: true);
        bed.RunUntil(() => bed.Servers[0].Source == primary.Key, Seconds(10), "the old one below the new one");
        Assert.That((bed.TwoWriters, bed.Leader.Ha.Cluster("main")!.Closed.Length), Is.EqualTo(((string?)null, 1)));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Of_two_servers_that_follow_each_other_none_is_adopted_when_both_or_neither_takes_writes(bool bothWrite)
    {
        var bed = Pair(b => b.Servers[0].IsReadOnly = b.Servers[1].IsReadOnly = !bothWrite);
        foreach (var node in bed.Nodes) node.Start();
        bed.Elect("north");
        bed.RunFor(Seconds(5));
        Assert.That(bed.Leader!.Ha.Cluster("main"), Is.Null);
    }

    /// <summary>Fleet seed 200937: nobody attached it, so nobody asked what it had.</summary>
    [Test]
    public void A_co_primary_that_was_given_up_follows_its_successor_by_itself_and_is_set_aside_with_what_was_never_acknowledged()
    {
        var bed = new HaBed().Started();
        var (old, next) = (bed.Servers[0], bed.Servers[1]);
        bed.Servers[2].Die();
        old.Follow(next.Key);
        next.LoseSource();
        old.Write();
        old.Die();
        next.FindSource();
        bed.RunUntil(() => next.TakesWrites, Seconds(30), "a new primary");
        old.Return(isReadOnly: true);
        bed.RunUntil(() => bed.Leader!.Ha.Cluster("main")!.AsideOf(old.Key) is not null, Seconds(10), "set aside");
        Assert.That(old.IoIsOn, Is.False, "its acknowledgements must not count");
    }

    [Test]
    public void A_replica_that_does_not_reach_the_new_primary_is_named_as_lost_although_it_took_the_statements()
    {
        var bed = new HaBed().Started("east");
        bed.Cut("west", "north");
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Leader!.Ha.Cluster("main")!.Closed.Length > 0, Seconds(20), "the end of the recovery");
        var recovery = bed.Leader!.Ha.Cluster("main")!.Closed.Single();
        var (instance, why) = Verify.Node.Recovery.RepointDetail.LostIn(recovery).Single();
        Assert.That(recovery.IsSuccessful, "the new primary takes writes all the same");
        Assert.That(instance, Is.EqualTo(HaBed.Key(recovery.Successor == HaBed.Key(2) ? 3 : 2).ToString()));
        Assert.That(why, Does.StartWith($"was pointed at {recovery.Successor}, and does not fetch after 3 s"));
    }

    [Test]
    public void The_death_of_the_primary_overtakes_the_recovery_of_an_intermediate_one()
    {
        var state = new HaState();
        var index = 0L;
        long Apply(HaCommand command)
        {
            Assert.That(state.Apply(command, new(++index, 1)), Is.InstanceOf<Verify.Node.State.CommandResult.Done>(), $"{command}");
            return index;
        }

        var token = Apply(new HaCommand.AdoptPrimary("main", HaBed.Key(1), "n1"));
        Apply(new HaCommand.RenewLease("main", HaBed.Key(1), "n1", new(token)));
        Apply(new HaCommand.BeginRecovery("main", RecoveryKind.DeadIntermediatePrimary, HaBed.Key(2), null, "DeadIntermediateMaster", "", new(token), "", false, default));
        Apply(new HaCommand.RenewLease("main", HaBed.Key(1), "n1", new(token)));
        var second = Apply(new HaCommand.BeginRecovery("main", RecoveryKind.DeadPrimary, HaBed.Key(1), null, "DeadMaster", "", new(token), "", false, default));
        Assert.That(state.OpenRecovery("main")!.Id, Is.EqualTo(second));
        Assert.That(state.Cluster("main")!.Closed.Single() is { IsSuccessful: false, Kind: RecoveryKind.DeadIntermediatePrimary });
        Assert.That(state.Cluster("main")!.LeaseIsRenewable, Is.False);
    }

    private static HaBed Pair(Action<HaBed> change)
    {
        var bed = new HaBed();
        bed.Servers[0].Follow(HaBed.Key(2));
        change(bed);
        return bed;
    }

    private static HaBed Deep(RecoverySettings? settings = null)
    {
        var bed = new HaBed(c => c with { Recovery = settings ?? new(), Clusters = [c.Clusters[0] with { IsDeep = true }] });
        bed.Servers[2].Follow(HaBed.Key(2));
        return bed.Started();
    }
}
