using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Telemetry;

namespace Verify.Node.Tests.Recovery;

/// <summary>The guardian is dead or stands still while its server lives and its data centre is cut off: the switch inside the server
/// must have closed it before anybody else is opened.</summary>
public sealed class DeadManStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void The_guardian_dies_and_its_data_centre_is_cut_off_the_server_closes_itself_before_the_majority_promotes()
    {
        var bed = new HaBed().Started();
        Assert.That(bed.Happened<NodeEvent.DeadMan>().Last().State, Is.EqualTo("Armed"));
        bed.Node("east").Kill();
        bed.CutOff("east");
        var cutAt = bed.Now;
        bed.RunUntil(() => bed.Servers[0].IsReadOnly, Seconds(3), "the old primary closed itself");
        Assert.That(bed.Now - cutAt, Is.LessThan(Seconds(2.45)), "before the lease ends");
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(8), "a new primary");
        Assert.That(bed.TwoWriters, Is.Null);
        Assert.That(bed.Happened<NodeEvent.Fencing>().Where(f => f.Phase == "done"), Is.Empty, "nobody else closed it");
    }

    [Test]
    public void A_guardian_dies_alone_another_node_guards_from_afar_before_the_server_closes_itself_and_gives_it_back()
    {
        var bed = new HaBed().Started(leader: "north");
        bed.Node("east").Kill();
        for (var i = 0; i < 100; i++)
        {
            bed.RunFor(Seconds(0.1));
            Assert.That(bed.Servers[0].TakesWrites, bed.Story());
        }

        Assert.That(bed.Node("north").Ha.Cluster("main")!.Guardian, Is.EqualTo("n2:10008"));
        bed.Restart("east");
        bed.RunUntil(() => bed.Node("north").Ha.Cluster("main")!.Guardian == "n1:10008", Seconds(12), "home again");
        bed.RunFor(Seconds(3));
        Assert.That(bed.Servers[0].TakesWrites);
        Assert.That(bed.Node("north").Ha.Cluster("main")!.Closed, Is.Empty);
    }

    /// <summary>swarm fleet, seed 133: an opening from afar lifted super_read_only for the switch and was lost on the way. The server stood at
    /// read_only = 1, super_read_only = 0, which was taken for open by everybody, and its guardian fed the switch of a closed server for ever.</summary>
    [Test]
    public void An_opening_that_was_lost_after_its_first_statement_left_the_server_half_closed_and_the_guardian_opens_it()
    {
        var bed = new HaBed().Started();
        (bed.Servers[0].IsReadOnly, bed.Servers[0].IsHalfClosed) = (true, true);
        bed.RunUntil(() => bed.Servers[0].TakesWrites, Seconds(5), "open again");
        Assert.That(bed.Node("north").Ha.Cluster("main")!.Closed, Is.Empty, "no failover");
    }

    [Test]
    public void A_data_centre_whose_server_is_guarded_from_afar_is_cut_off_the_server_closes_itself()
    {
        var bed = new HaBed().Started(leader: "north");
        bed.Node("east").Kill();
        bed.RunFor(Seconds(4));
        bed.CutOff("east");
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(10), "a new primary");
        Assert.That(bed.TwoWriters, Is.Null);
        Assert.That(bed.Servers[0].IsReadOnly);
    }

    [Test]
    public void A_server_whose_clock_jumps_is_closed_early_or_late_by_the_jump_and_the_next_feed_puts_that_right()
    {
        var bed = new HaBed().Started();
        bed.Servers[0].ClockOffset += TimeSpan.FromHours(1);
        bed.RunFor(Seconds(2));
        Assert.That(bed.Servers[0].TakesWrites, "closed by its own switch, and opened again by its guardian, which still holds the lease");
        bed.Servers[0].ClockOffset -= TimeSpan.FromHours(2);
        bed.RunFor(Seconds(1));
        bed.Node("east").Kill();
        bed.CutOff("east");
        bed.RunUntil(() => bed.Servers[0].IsReadOnly, Seconds(3), "closed in time all the same");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void A_renewal_keeps_the_server_open_and_a_slow_election_does_not_close_it()
    {
        var bed = new HaBed().Started();
        bed.RunFor(Seconds(20));
        Assert.That(bed.Sent.Count(s => s.Statement is Statement.FeedDeadMan), Is.GreaterThan(40));
        Assert.That(bed.Servers[0].TakesWrites);
        Assert.That(bed.Happened<NodeEvent.Fencing>(), Is.Empty);
    }

    [Test]
    public void A_server_that_forbids_events_is_said_to_have_no_switch_and_is_opened_unless_the_switch_is_required()
    {
        var open = new HaBed(isPrimaryWritable: false, forbidsEvents: true).Started();
        Assert.That(open.Servers[0].TakesWrites);
        var said = open.Happened<NodeEvent.DeadMan>().Last();
        Assert.That((said.State, said.Detail), Is.EqualTo(("Absent", "1044 (42000): Access denied for user 'verify'@'%' to database 'verify_guard'")));
        Assert.That(open.Nodes.SelectMany(n => n.Part.Clusters()).Select(c => c.DeadMan), Has.Some.Contains("absent: 1044"));

        var closed = new HaBed(c => c with { DeadMan = DeadManPolicy.Required }, isPrimaryWritable: false, forbidsEvents: true).Started();
        closed.RunFor(Seconds(3));
        Assert.That(closed.Servers[0].TakesWrites, Is.False);
    }

    [Test]
    public void Switched_off_by_configuration_it_is_removed_before_it_can_close_what_nobody_feeds()
    {
        var bed = new HaBed().Started();
        Assert.That(bed.Servers[0].HasSwitch);
        bed.Reconfigure("east", c => c with { DeadMan = DeadManPolicy.Off });
        bed.RunFor(Seconds(10));
        Assert.That(bed.Servers[0].HasSwitch, Is.False);
        Assert.That(bed.Servers[0].TakesWrites);
    }
}
