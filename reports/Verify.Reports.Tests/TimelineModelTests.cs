using Verify.Checks;
using Verify.Reports.Model;
using Verify.Reports.Tests.Samples;
using Verify.Reports.Timeline;

namespace Verify.Reports.Tests;

/// <summary>The time line as a pure function of a record.</summary>
internal sealed class TimelineModelTests
{
    [Test]
    public void A_lane_per_data_centre_shows_its_link_its_node_and_its_server()
    {
        var model = TimelineModel.Of(Stories.Fenced("sim"));
        Assert.That(model.Lanes.Select(l => l.DataCenter), Is.EqualTo(new[] { "east", "north", "west" }));
        Assert.That(model.Lanes[0].Rows.Select(r => r.Name), Is.EqualTo(new[] { "link", "n1 role", "n1 lease", "n1 guards", "db1 writable" }));
    }

    [Test]
    public void The_picture_begins_shortly_before_the_workload_and_nothing_lies_before_it()
    {
        var model = TimelineModel.Of(Stories.Fenced("sim"));
        Assert.That(model.FromS, Is.EqualTo(3));
        Assert.That(model.EndS, Is.EqualTo(39.52).Within(0.001));
        Assert.That(model.Lanes.SelectMany(l => l.Rows).SelectMany(r => r.Bands).Min(b => b.FromS), Is.EqualTo(3));
    }

    [Test]
    public void A_leader_that_was_cut_off_leads_until_it_steps_down_and_the_next_one_takes_over()
    {
        var model = TimelineModel.Of(Stories.Fenced("sim"));
        Assert.That(Spans(model, "n1 role", BandStyle.Leader), Is.EqualTo(new[] { (3.0, 11.0) }));
        Assert.That(Spans(model, "n1 lease", BandStyle.LeaderLease), Is.EqualTo(new[] { (3.0, 10.9) }));
        Assert.That(Spans(model, "n2 role", BandStyle.Leader), Is.EqualTo(new[] { (11.2, 39.52) }));
        Assert.That(Row(model, "n2 role").Bands.Single(b => b.Style == BandStyle.Leader).Label, Is.EqualTo("leader, term 2"));
        Assert.That(Row(model, "n1 role").Thin.Select(b => (b.FromS, b.ToS, b.Style)), Is.EqualTo(new[] { (10.6, 30.4, BandStyle.NoQuorum) }));
    }

    [Test]
    public void The_fence_stands_at_the_end_of_the_write_lease()
    {
        var bands = Row(TimelineModel.Of(Stories.Fenced("sim")), "n1 guards").Bands;
        Assert.That(bands.Select(b => (b.Style, b.FromS, b.ToS)), Is.EqualTo(new[] { (BandStyle.WriteLease, 3.0, 11.753), (BandStyle.Fencing, 11.6, 11.752) }));
        Assert.That(bands[1].Title, Is.EqualTo("n1 fences db1 (guardian): done after 152 ms"));
    }

    [Test]
    public void A_lease_that_is_renewed_with_new_tokens_is_one_band()
    {
        var run = new SampleRun("sim").WriteLease(1, "n1", "db1", 3).WriteLease(2, "n1", "db1", 9).WriteLease(3, "n1", "db1", 12).WriteLease(4, "n1", "db1", 12, held: false).Phase(6, "final");
        var band = Row(TimelineModel.Of(run.Record()), "n1 guards").Bands.Single();
        Assert.That((band.FromS, band.ToS, band.Title), Is.EqualTo((1.0, 4.0, "n1 holds the write lease of db1, tokens 3 to 12")));
    }

    [Test]
    public void A_fence_that_was_never_finished_lasts_to_the_end_of_the_run()
    {
        var run = new SampleRun("sim").Fencing(2, "n1", "db1", "begun").Fencing(3, "n1", "db1", "failed").Fencing(4, "n1", "db1", "begun").Phase(9, "final");
        var bands = Row(TimelineModel.Of(run.Record()), "n1 guards").Bands;
        Assert.That(bands.Select(b => (b.FromS, b.ToS, b.Label)), Is.EqualTo(new[] { (2.0, 3.0, "fence failed"), (4.0, 9.0, "fencing, not finished") }));
    }

    [Test]
    public void A_killed_node_is_down_until_it_is_started_again_and_holds_no_lease_meanwhile()
    {
        var run = new SampleRun("sim").Role(1, "n1", "Leader", 1, "n1").Lease(1, "n1", 1).At(4, EventKinds.NodeDown, "n1", ("how", "kill"))
            .At(8, EventKinds.Started, "n1", ("recovered", true), ("lastIndex", 17)).Phase(10, "final");
        var model = TimelineModel.Of(run.Record());
        Assert.That(Row(model, "n1 role").Bands.Select(b => (b.Style, b.FromS, b.ToS)), Is.EqualTo(new[] { (BandStyle.Leader, 1.0, 4.0), (BandStyle.Down, 4.0, 8.0), (BandStyle.Follower, 8.0, 10.0) }));
        Assert.That(Spans(model, "n1 lease", BandStyle.LeaderLease), Is.EqualTo(new[] { (1.0, 4.0) }));
    }

    [Test]
    public void A_frozen_node_wakes_up_in_the_role_in_which_it_was_frozen()
    {
        var run = new SampleRun("live").Role(1, "n1", "Leader", 1, "n1").At(4, EventKinds.NodeDown, "n1", ("how", "pause")).At(6, EventKinds.NodeUp, "n1", ("how", "resume"))
            .Role(6.5, "n1", "Follower", 2, "n2").Phase(10, "final");
        Assert.That(Row(TimelineModel.Of(run.Record()), "n1 role").Bands.Select(b => b.Style), Is.EqualTo(new[] { BandStyle.Leader, BandStyle.Down, BandStyle.Leader, BandStyle.Follower }));
    }

    [Test]
    public void A_node_that_halted_stays_down_with_its_reason()
    {
        var run = new SampleRun("sim").Role(1, "n1", "Follower", 1).At(4, EventKinds.Halted, "n1", ("reason", "damaged log")).Phase(10, "final");
        var band = Row(TimelineModel.Of(run.Record()), "n1 role").Bands[^1];
        Assert.That((band.Style, band.ToS, band.Title), Is.EqualTo((BandStyle.Down, 10.0, "n1 halted: damaged log")));
    }

    [Test]
    public void Samples_of_a_writable_server_are_one_band_until_they_fall_silent()
    {
        var run = new SampleRun("live");
        for (var s = 1.0; s < 3.01; s += 0.5) run.At(s, EventKinds.Writable, "db1", ("writable", true));
        for (var s = 5.0; s < 6.01; s += 0.5) run.At(s, EventKinds.Writable, "db1", ("writable", true));
        run.At(6.2, EventKinds.Writable, "db1", ("writable", false)).Phase(9, "final");
        Assert.That(Spans(TimelineModel.Of(run.Record()), "db1 writable", BandStyle.Writable), Is.EqualTo(new[] { (1.0, 3.0), (5.0, 6.0) }));
    }

    [Test]
    public void In_simulation_a_server_is_writable_from_change_to_change_and_not_while_it_is_down()
    {
        var run = new SampleRun("sim").At(1, EventKinds.Writable, "db1", ("writable", true)).At(4, EventKinds.ServerDown, "db1", ("how", "kill"))
            .At(6, EventKinds.ServerUp, "db1").At(7, EventKinds.Writable, "db1", ("writable", true)).Phase(9, "final");
        Assert.That(Row(TimelineModel.Of(run.Record()), "db1 writable").Bands.Select(b => (b.Style, b.FromS, b.ToS)), Is.EqualTo(new[]
        {
            (BandStyle.Writable, 1.0, 4.0), (BandStyle.Down, 4.0, 6.0), (BandStyle.Writable, 7.0, 9.0),
        }));
    }

    [TestCase("sim")]
    [TestCase("live")]
    public void Two_servers_that_take_writes_at_once_are_shaded_through_all_lanes_with_the_length_on_it(string world)
    {
        var model = TimelineModel.Of(Stories.NotFenced(world));
        var overlap = model.Overlaps.Single();
        Assert.That(overlap.FromS, Is.EqualTo(13.6).Within(0.001));
        Assert.That(overlap.ToS, Is.EqualTo(30.7).Within(0.06));
        Assert.That(overlap.Label, Is.EqualTo("2 servers writable: 17.1 s"));
        Assert.That(overlap.Title, Does.StartWith("db1 and db2 both take writes from 13.600 s on"));
        Assert.That(Row(model, "db1 writable").Thin.Single().FromS, Is.EqualTo(13.6).Within(0.001));
    }

    [TestCase("sim")]
    [TestCase("live")]
    public void A_fenced_run_has_no_overlap(string world) => Assert.That(TimelineModel.Of(Stories.Fenced(world)).Overlaps, Is.Empty);

    [Test]
    public void Two_leader_leases_at_once_are_an_overlap_too()
    {
        var run = new SampleRun("sim").Lease(1, "n1", 1).Lease(3, "n2", 2).Lease(3.004, "n1", 1, held: false).Phase(9, "final");
        Assert.That(TimelineModel.Of(run.Record()).Overlaps.Select(o => o.Label), Is.EqualTo(new[] { "2 leader leases: 4 ms" }));
    }

    [Test]
    public void The_link_row_tells_whom_a_data_centre_reaches()
    {
        var run = new SampleRun("sim").Fault(2, 4, "partition", "east | north,west").Fault(5, 7, "oneWay", "east > west", step: "step 2").Fault(7, null, "slow", "north > west", step: "step 3")
            .Phase(8, "healed").Phase(9, "final");
        var model = TimelineModel.Of(run.Record());
        Assert.That(Links(model, "east"), Is.EqualTo(new[] { "0-2 LinkUp ", "2-4 LinkCut cut off", "4-5 LinkUp ", "5-7 LinkPartly not heard by west", "7-9 LinkUp " }));
        Assert.That(Links(model, "west"), Is.EqualTo(new[] { "0-2 LinkUp ", "2-4 LinkPartly cut off from east", "4-5 LinkUp ", "5-7 LinkPartly does not hear east", "7-9 LinkUp " }));
        Assert.That(Links(model, "north"), Is.EqualTo(new[] { "0-2 LinkUp ", "2-4 LinkPartly cut off from east", "4-7 LinkUp ", "7-8 LinkPartly slow to west", "8-9 LinkUp " }));
    }

    [Test]
    public void Faults_last_until_they_are_undone_or_everything_is_healed_and_one_that_was_not_done_is_not_drawn()
    {
        var run = new SampleRun("sim").Fault(2, 4, "diskFull", "n2").At(3, EventKinds.FaultBegun, "step 2", ("fault", "kill"), ("effect", "not done: no leader"))
            .Fault(5, null, "kill", "n1", step: "step 3").Phase(8, "healed").Phase(9, "final");
        Assert.That(TimelineModel.Of(run.Record()).Faults.Select(f => (f.FromS, f.ToS, f.Label, f.Title)), Is.EqualTo(new[]
        {
            (2.0, 4.0, "diskFull: n2", "step 1: diskFull n2; 214 times it bit"), (5.0, 8.0, "kill: n1", "step 3: kill n1"),
        }));
    }

    [Test]
    public void The_moments_of_a_fenced_run_tell_that_the_old_primary_was_closed_before_the_new_one_opened()
    {
        var moments = TimelineModel.Of(Stories.Fenced("sim")).Moments.Select(m => $"{m.Name} {m.AfterS:0.000} {m.What}");
        Assert.That(moments, Is.EqualTo(new[]
        {
            "T0 0.000 partition begins: east | north,west", "T1 0.900 n1 lets its leader lease go", "T2 1.250 n2 leads in term 2", "T3 1.750 db1 takes no more writes",
            "T4 2.400 n2 opens a recovery", "T5 3.600 db2 takes writes", "T6 3.736 first write accepted by db2", "T7 4.100 n2 closes the recovery",
            "T8 20.000 partition ends", "T9 29.000 the fleet is whole again",
        }));
    }

    [Test]
    public void The_moments_of_a_run_without_fencing_tell_that_the_old_primary_was_closed_last()
    {
        var what = TimelineModel.Of(Stories.NotFenced("sim")).Moments.Select(m => m.What).ToList();
        Assert.That(what.IndexOf("db1 takes no more writes"), Is.GreaterThan(what.IndexOf("db2 takes writes")));
    }

    [Test]
    public void Client_writes_are_counted_per_second_and_data_centre_by_how_they_ended()
    {
        var run = new SampleRun("sim").Phase(2, "faults")
            .Insert(2.1, 0.1, "east", "db1", OpOutcome.Ok).Insert(2.5, 0.6, "east", "db1", OpOutcome.Ok).Insert(3.2, 0.1, "east", "db1", OpOutcome.Failed)
            .Insert(3.4, 0, "east", "db1", OpOutcome.Unknown).Insert(2.2, 0.1, "west", "db1", OpOutcome.Ok).Phase(4, "final");
        var model = TimelineModel.Of(run.Record());
        Assert.That(model.WritesName, Is.EqualTo("inserts per s"));
        Assert.That(model.WritesPerSliceMax, Is.EqualTo(3));
        Assert.That(model.Lanes[0].Slices.Skip(2), Is.EqualTo(new[] { new Slice(2, 3, 1, 0, 0), new Slice(3, 4, 1, 1, 1) }));
        Assert.That(model.Lanes.Single(l => l.DataCenter == "west").Slices.Sum(s => s.Total), Is.EqualTo(1));
    }

    [Test]
    public void Slices_hold_every_write_of_the_run()
    {
        var run = Stories.NotFenced("live");
        Assert.That(TimelineModel.Of(run).Lanes.SelectMany(l => l.Slices).Sum(s => s.Total), Is.EqualTo(run.Ops.Count));
    }

    [Test]
    public void A_run_of_an_hour_has_slices_of_half_a_minute_and_a_run_without_anything_has_a_picture_too()
    {
        var hour = TimelineModel.Of(new SampleRun("sim").Phase(3600, "final").Record());
        Assert.That(hour.Lanes[0].Slices, Has.Count.EqualTo(120));
        Assert.That(hour.WritesName, Is.EqualTo("KV writes per 30 s"));
        var empty = TimelineModel.Of(new SampleRun("sim").Record());
        Assert.That((empty.FromS, empty.EndS, empty.Moments.Count), Is.EqualTo((0.0, 1.0, 0)));
    }

    [Test]
    public void The_order_in_which_events_were_written_does_not_matter()
    {
        var run = Stories.NotFenced("sim");
        var shuffled = run with { Events = [.. run.Events.OrderBy(e => e.Subject, StringComparer.Ordinal).ThenBy(e => e.AtUs)] };
        Assert.That(TimelineModel.Of(shuffled).Lanes.SelectMany(l => l.Rows).SelectMany(r => r.Bands), Is.EqualTo(TimelineModel.Of(run).Lanes.SelectMany(l => l.Rows).SelectMany(r => r.Bands)));
    }

    private static Row Row(TimelineModel model, string name) => model.Lanes.SelectMany(l => l.Rows).Single(r => r.Name == name);

    private static IEnumerable<(double, double)> Spans(TimelineModel model, string row, BandStyle style) => Row(model, row).Bands.Where(b => b.Style == style).Select(b => (b.FromS, b.ToS));

    private static IEnumerable<string> Links(TimelineModel model, string dataCenter) =>
        model.Lanes.Single(l => l.DataCenter == dataCenter).Rows[0].Bands.Select(b => $"{b.FromS}-{b.ToS} {b.Style} {b.Label}");
}
