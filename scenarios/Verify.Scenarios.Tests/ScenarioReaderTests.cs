namespace Verify.Scenarios.Tests;

[TestFixture]
internal sealed class ScenarioReaderTests
{
    [Test]
    public void A_whole_scenario_is_read_with_its_defaults()
    {
        var scenario = Sample.Read();
        Assert.That((scenario.Name, scenario.Story), Is.EqualTo(("sample", "A sample.")));
        Assert.That((scenario.WarmUp, scenario.Settle), Is.EqualTo((TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30))));
        Assert.That(scenario.Fleet.Nodes["east"], Is.EqualTo(new[] { "n1" }));
        Assert.That(scenario.Fleet.Nodes["west"], Is.EqualTo(new[] { "n7", "n8" }));
        Assert.That((scenario.Fleet.Primary, scenario.Fleet.Durability), Is.EqualTo(("db1", "semi_sync")));
        Assert.That((scenario.Workload.Clients, scenario.Workload.Keys, scenario.Workload.Pause), Is.EqualTo((4, 10, TimeSpan.FromMilliseconds(50))));
        Assert.That(scenario.Workload.Mix.Select(m => (m.Key, m.Value)), Is.EqualTo(new[] { ("kvGet", 2), ("kvPut", 1), ("sqlInsert", 1) }));
        Assert.That(scenario.Steps.Single(), Is.EqualTo(new Step(TimeSpan.FromSeconds(5), null, new Fault.Kill(new Target.Leader()), Line: 9)));
    }

    [Test]
    public void Every_fault_and_every_target_is_understood()
    {
        var steps = Sample.Read(steps: """
              - { at: 1s, until: 2s, partition: [[dc east], [n7, db2]] }
              - { at: 1s, oneWay: { from: dc of leader, to: all followers } }
              - { at: 1s, kill: { target: primary } }
              - { at: 1s, pause: one replica }
              - { at: 1s, diskFull: one follower }
              - { at: 1s, clockSkew: { target: n8, offset: -45s, drift: 1.02 } }
              - { at: 1s, slow: { from: dc of primary, to: dc west, delay: 1.5s } }

            """).Steps;
        Target east = new Target.DataCenter("east");
        Assert.That(((Fault.Partition)steps[0].Fault).Groups.Select(g => g.ToArray()), Is.EqualTo(
            new[] { [east], new Target[] { new Target.Named("n7"), new Target.Named("db2") } }));
        Assert.That(steps.Skip(1).Select(s => s.Fault), Is.EqualTo(new Fault[]
        {
            new Fault.OneWay(new Target.DataCenterOf(new Target.Leader()), new Target.AllFollowers()),
            new Fault.Kill(new Target.Primary()),
            new Fault.Pause(new Target.OneReplica()),
            new Fault.DiskFull(new Target.OneFollower()),
            new Fault.ClockSkew(new Target.Named("n8"), TimeSpan.FromSeconds(-45), 1.02),
            new Fault.Slow(new Target.DataCenterOf(new Target.Primary()), new Target.DataCenter("west"), TimeSpan.FromMilliseconds(1_500), TimeSpan.Zero),
        }));
    }

    [Test]
    public void All_errors_are_told_at_once_with_their_places()
    {
        var errors = Sample.Errors("""
            name: sample
            story: A sample.
            colour: red
            fleet:
              nodes: { east: 1, west: many }
              mysql: { east: [db1] }
              primary: db9
            workload: { clients: 0, for: 30 s, mix: { kvPutt: 1 } }
            steps:
              - at: 5s
                util: 7s
                kill: leader
              - at: 9s
                until: 8s
                partition: [[dc south]]
            expect:
              - fencedWithin
              - singlePrimry
            """);
        Assert.That(errors, Is.EqualTo(new[]
        {
            "sample.yaml:3:1: 'colour' is not known in a scenario; allowed are name, story, fleet, workload, warmUp, settle, steps, expect",
            "sample.yaml:5:27: 'many' is not allowed for 'nodes': write a whole number from 0 to 99",
            "sample.yaml:7:12: the primary 'db9' is not in the fleet; its servers are db1",
            "sample.yaml:8:22: '0' is not allowed for 'clients': write a whole number from 1 to 1000",
            "sample.yaml:8:30: '30 s' is not a duration for 'for': write a number with ms, s, m or h, as in 250ms, 20s, 3m, 1h",
            "sample.yaml:8:41: the mix is empty: give at least one of kvPut, kvGet, kvCas, kvDelete, sqlInsert a weight above 0",
            "sample.yaml:8:43: 'kvPutt' is not known in mix; allowed are kvPut, kvGet, kvCas, kvDelete, sqlInsert; did you mean 'kvPut'?",
            "sample.yaml:11:5: 'util' is not known in a step; allowed are at, until, partition, oneWay, kill, pause, diskFull, clockSkew, slow, ring, bridge, swizzle, "
            + "lossy, garble, repeat, reconnect, slowDisk, failWrites, failSyncs, bitRot, tornSector, misdirect, lostDisk, clockStep, clockStrobe, restartStorm, "
            + "rollingRestart, cutLink, stopSqlThread, stallDisk, lag, errant, takeover, dieAt; did you mean 'until'?",
            "sample.yaml:14:12: 'until' (8s) must be later than 'at' (9s); both count from the end of the warm-up",
            "sample.yaml:15:18: there is no data centre 'south' in the fleet; there are east",
            "sample.yaml:17:5: 'fencedWithin' needs a duration; write '- fencedWithin: 3s'",
            "sample.yaml:18:5: 'singlePrimry' is not an expectation; allowed are singleLeader, sameLog, linearizable, singlePrimary, noLostWrites, "
                + "fencedWithin, convergesWithin, electionWithin, writeP99Within, rtoWithin, unhealthyWithin, primaryNamedWithin, throttleWithin; did you mean 'singlePrimary'?",
        }));
    }

    [Test]
    public void What_is_done_to_single_servers_and_the_wishes_of_an_operator_are_understood()
    {
        var scenario = Sample.Read(steps: """
              - { at: 1s, until: 2s, cutLink: { from: leader, to: primary } }
              - { at: 1s, stopSqlThread: one replica }
              - { at: 1s, stallDisk: primary }
              - { at: 1s, lag: { target: db2, by: 3s } }
              - { at: 1s, errant: db1 }
              - { at: 1s, dieAt: intent Promote }
              - { at: 1s, dieAt: closed }
              - { at: 1s, takeover: db2 }
              - { at: 1s, takeover: {} }
              - { at: 1s, takeover: { to: one replica, forced: true } }

            """);
        Assert.That(ScenarioReader.Read(ScenarioWriter.Write(scenario), "written.yaml").Steps.Select(s => s.Fault), Is.EqualTo(scenario.Steps.Select(s => s.Fault)), "written and read again");
        Assert.That(scenario.Steps.Select(s => s.Fault), Is.EqualTo(new Fault[]
        {
            new Fault.CutLink(new Target.Leader(), new Target.Primary()),
            new Fault.StopSqlThread(new Target.OneReplica()),
            new Fault.StallDisk(new Target.Primary()),
            new Fault.Lag(new Target.Named("db2"), TimeSpan.FromSeconds(3)),
            new Fault.Errant(new Target.Named("db1")),
            new Fault.DieAt(new("intent", "Promote")),
            new Fault.DieAt(new("closed", "")),
            new Fault.Takeover(new Target.Named("db2"), IsForced: false),
            new Fault.Takeover(null, IsForced: false),
            new Fault.Takeover(new Target.OneReplica(), IsForced: true),
        }));
    }

    [TestCase("below: { db2: db1 }", ExpectedResult = "db2<db1")]
    [TestCase("below: { db1: db2 }", ExpectedResult = "db1<db2")]
    [TestCase("below: {}", ExpectedResult = "")]
    public string A_replica_below_a_replica_is_read(string below) =>
        string.Join(',', Sample.Read(fleet: $"{Sample.Fleet}  {below}\n").Fleet.Below.Select(b => $"{b.Key}<{b.Value}"));

    [TestCase("flavor: oracle", "'oracle' is not a flavor; allowed are mysql, mariadb")]
    [TestCase("probing: some", "'some' is not a probing; allowed are all, shared")]
    [TestCase("below: { db2: db9 }", "there is no server 'db9' in the fleet; there are db1, db2")]
    [TestCase("below: { db1: db1 }", "'db1' is the primary: it may replicate from a server that replicates from it, as one of two co-primaries")]
    [TestCase("below: { db2: db2 }", "'db2' replicates from itself in the end: every chain must end at the primary")]
    public void A_topology_that_does_not_end_at_the_primary_is_told(string below, string error) =>
        Assert.That(Sample.Errors(Sample.Text(fleet: $"{Sample.Fleet}  {below}\n")), Has.Some.EndsWith(error));

    [TestCase("  - at: 3s\n    cutLink: { from: dc east, to: db1 }\n", "10:22: 'cutLink' is between nodes and servers")]
    [TestCase("  - at: 3s\n    stopSqlThread: leader\n", "10:20: 'stopSqlThread' is about MySQL servers; write primary, one replica or the name of a server, not 'leader'")]
    [TestCase("  - at: 3s\n    lag: { target: db2, by: 500ms }\n", "10:29: 'by' must be whole seconds, at least 1s")]
    [TestCase("  - at: 3s\n    dieAt: Promote\n", "10:12: 'dieAt' is a moment of a recovery: opened, closed, or intent or outcome and a step")]
    [TestCase("  - at: 3s\n    takeover: n1\n", "10:15: 'takeover' is about MySQL servers")]
    [TestCase("  - at: 3s\n    takeover: { forced: maybe }\n", "10:25: 'forced' is true or false, not 'maybe'")]
    [TestCase("  - at: 3s\n    until: 4s\n    takeover: db2\n", "10:12: 'takeover' is not undone: leave 'until' out")]
    [TestCase("  - at: 5s\n", "9:5: a step does exactly one thing; it needs one of partition, oneWay")]
    [TestCase("  - at: 5s\n    kill: leader\n    pause: primary\n", "9:5: a step does exactly one thing; here are kill and pause")]
    [TestCase("  - kill: leader\n", "9:5: 'at' is missing in a step")]
    [TestCase("  - at: 30s\n    kill: leader\n", "9:9: 'at' must be earlier than the end of the workload (30s)")]
    [TestCase("  - at: 3s\n    until: 31s\n    kill: leader\n", "10:12: 'until' must not be later than the end of the workload (30s)")]
    [TestCase("  - at: -3s\n    kill: leader\n", "9:9: '-3s' is not a duration for 'at'")]
    [TestCase("  - at: 3s\n    kill: n9\n", "10:11: there is no node and no server 'n9' in the fleet; there are n1, n7, n8, db1, db2")]
    [TestCase("  - at: 3s\n    kill: two followers\n", "10:11: 'two followers' is not a target; a target is leader, one follower")]
    [TestCase("  - at: 3s\n    kill: [leader]\n", "10:11: kill must be a map with target, not a list")]
    [TestCase("  - at: 3s\n    diskFull: db1\n", "10:15: this fault hits nodes, and 'db1' is a MySQL server")]
    [TestCase("  - at: 3s\n    clockSkew: { target: primary, offset: 1s }\n", "10:26: this fault hits nodes, and 'primary' is a MySQL server")]
    [TestCase("  - at: 3s\n    clockSkew: { target: leader }\n", "10:16: clockSkew needs 'offset'")]
    [TestCase("  - at: 3s\n    clockSkew: { target: leader, drift: 9 }\n", "10:41: '9' is not allowed for 'drift': write a number from 0.5 to 2")]
    [TestCase("  - at: 3s\n    slow: { from: leader, to: dc east, delay: 1s }\n", "10:19: 'slow' is between data centres")]
    [TestCase("  - at: 3s\n    oneWay: { from: leader, to: leader }\n", "10:33: 'from' and 'to' are both 'leader'")]
    [TestCase("  - at: 3s\n    partition: [[dc east], [n1]]\n", "10:28: 'n1' stands in two groups of the partition")]
    [TestCase("  - at: 3s\n    partition: [[]]\n", "10:17: a group of a partition needs at least one target")]
    [TestCase("  - at: 3s\n    partition: []\n", "10:16: a partition needs at least one group")]
    [TestCase("  - at: 3s\n    partition: dc east\n", "10:16: 'partition' must be a list, not a single value")]
    public void A_bad_step_is_told(string steps, string error) =>
        Assert.That(Sample.Errors(Sample.Text(steps: steps)), Has.Some.StartsWith($"sample.yaml:{error}"));

    [TestCase("  nodes: { east: 0 }\n", "4:10: the fleet needs at least one node")]
    [TestCase("  primary: db1\n", "4:3: 'nodes' is missing in fleet")]
    [TestCase("  nodes: { east: 1 }\n  mysql: { east: [db1] }\n", "4:3: 'primary' is missing in fleet")]
    [TestCase("  nodes: { east: 1 }\n  primary: db1\n", "5:12: the primary 'db1' is not in the fleet: there are no MySQL servers")]
    [TestCase("  nodes: { east: [a], west: [a] }\n", "4:30: the name 'a' is taken already")]
    [TestCase("  nodes: { east: [leader] }\n", "4:19: 'leader' cannot be the name of a node")]
    [TestCase("  nodes: { east: [a b] }\n", "4:19: 'a b' cannot be the name of a node")]
    [TestCase("  nodes: { east: [east] }\n", "4:3: 'east' is the name of a data centre and of a node or server")]
    [TestCase("  nodes: { east: 1 }\n  mysql: { east: [db1] }\n  primary: db1\n  durability: full\n", "7:15: 'full' is not a durability; allowed are semi_sync, cross_dc, none")]
    [TestCase("  nodes: { east: 1 }\n  nodes: { west: 1 }\n", "5:3: this is not YAML")]
    public void A_bad_fleet_is_told(string fleet, string error) =>
        Assert.That(Sample.Errors(Sample.Text(fleet: fleet)), Has.Some.StartsWith($"sample.yaml:{error}"));

    [TestCase("  - linearizable\n", "12:5: only the KV store can be checked for linearizability; write '- linearizable: kv'")]
    [TestCase("  - singlePrimary\n", "12:5: 'singlePrimary' needs a window; write '- singlePrimary: { window: 0s }'")]
    [TestCase("  - singlePrimary: { windw: 0s }\n", "12:22: 'windw' is not known in singlePrimary; allowed are window; did you mean 'window'?")]
    [TestCase("  - sameLog: 3s\n", "12:14: 'sameLog' takes no value; write '- sameLog'")]
    [TestCase("  - rtoWithin: soon\n", "12:16: 'soon' is not a duration for 'rtoWithin'")]
    [TestCase("  - sameLog\n  - sameLog\n", "13:5: 'sameLog' is expected twice")]
    [TestCase("  []\n", "12:3: a scenario without expectations proves nothing")]
    public void A_bad_expectation_is_told(string expect, string error) =>
        Assert.That(Sample.Errors(Sample.Text(expect: expect)), Has.Some.StartsWith($"sample.yaml:{error}"));

    [Test]
    public void What_the_workload_could_never_show_is_refused()
    {
        var kvOnly = Sample.Errors(Sample.Text(workload: "{ clients: 1, for: 30s, mix: { kvPut: 1 } }", expect: "  - linearizable: kv\n  - noLostWrites\n"));
        Assert.That(kvOnly, Has.Length.EqualTo(2));
        Assert.That(kvOnly[0], Does.EndWith("'linearizable' can only be shown with kvGet or kvCas in the workload's mix"));
        Assert.That(kvOnly[1], Does.EndWith("'noLostWrites' can only be shown with sqlInsert in the workload's mix"));
        var noServers = Sample.Errors(Sample.Text(fleet: "  nodes: { east: 3 }\n", expect: "  - singlePrimary: { window: 0s }\n"));
        Assert.That(noServers, Has.Length.EqualTo(2).And.All.Contains("needs a MySQL server in the fleet (key 'mysql')"));
    }

    [TestCase("", "1:1: ")]
    [TestCase("name: [", "this is not YAML")]
    [TestCase("- a\n- b\n", "1:1: a scenario must be a map with name, story")]
    [TestCase("name: a\n---\nname: b\n", "a file holds exactly one scenario")]
    public void What_is_no_scenario_at_all_is_told(string yaml, string error) => Assert.That(Sample.Errors(yaml)[0], Does.Contain(error));

    [TestCase("250ms", 250)]
    [TestCase("20s", 20_000)]
    [TestCase("1.5m", 90_000)]
    [TestCase("1h", 3_600_000)]
    [TestCase("0s", 0)]
    public void A_duration_is_a_number_and_a_unit(string text, int ms)
    {
        Assert.That(DurationText.TryParse(text, out var duration), Is.True);
        Assert.That(duration, Is.EqualTo(TimeSpan.FromMilliseconds(ms)));
    }

    [TestCase("")]
    [TestCase("5")]
    [TestCase("s")]
    [TestCase("5 s")]
    [TestCase("1m30s")]
    [TestCase("5S")]
    [TestCase("-5s")]
    [TestCase("99999999999h")]
    [TestCase("٣s")]
    public void Anything_else_is_no_duration(string text) => Assert.That(DurationText.TryParse(text, out _), Is.False);
}
