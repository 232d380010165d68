using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Failures;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Tests.Failures;

/// <summary>The table of verdicts on every server of a topology. A row draws a cluster: "name&lt;source flags"; flags: x not reached, R its fetching thread
/// runs, C it fails to connect, S it is stopped, q its applying thread is stopped, l it lags, d it is delayed on purpose. The first server is the agreed primary.</summary>
public sealed class TopologyAnalysisTests
{
    private static InstanceKey Key(string name) => new(name, 3306);

    [TestCase("a; b<a R; c<a R", "a", DiagnosisCode.NoProblem)]
    [TestCase("a x", "a", DiagnosisCode.DeadMasterWithoutReplicas)]
    [TestCase("a x; b<a C; c<a C", "a", DiagnosisCode.DeadMaster)]
    [TestCase("a x; b<a x; c<a x", "a", DiagnosisCode.DeadMasterAndReplicas)]
    [TestCase("a x; b<a C; c<a x", "a", DiagnosisCode.DeadMasterAndSomeReplicas)]
    [TestCase("a x; b<a R; c<a C", "a", DiagnosisCode.UnreachableMaster)]
    [TestCase("a x; b<a Rq; c<a Rq", "a", DiagnosisCode.UnreachableMaster, Description = "stopped SQL threads are no evidence of death (ProxySQL/orchestrator#106)")]
    [TestCase("a x; b<a Rl; c<a Rl", "a", DiagnosisCode.UnreachableMasterWithLaggingReplicas)]
    [TestCase("a x; b<a Rld; c<a Rld", "a", DiagnosisCode.UnreachableMaster, Description = "replicas that lag on purpose say nothing by it")]
    [TestCase("a; b<a C", "a", DiagnosisCode.MasterSingleReplicaNotReplicating)]
    [TestCase("a; b<a x", "a", DiagnosisCode.MasterSingleReplicaDead)]
    [TestCase("a; b<a S; c<a C", "a", DiagnosisCode.AllMasterReplicasNotReplicating)]
    [TestCase("a; b<a S; c<a x", "a", DiagnosisCode.AllMasterReplicasNotReplicatingOrDead)]
    [TestCase("a; b<a R; c<a C", "c", DiagnosisCode.FirstTierReplicaFailingToConnectToMaster)]
    [TestCase("a; i<a x; c<i C", "i", DiagnosisCode.DeadIntermediateMasterWithSingleReplicaFailingToConnect)]
    [TestCase("a; i<a x; c<i S", "i", DiagnosisCode.DeadIntermediateMasterWithSingleReplica)]
    [TestCase("a; i<a x; c<i S; d<i C", "i", DiagnosisCode.DeadIntermediateMaster)]
    [TestCase("a; i<a x; c<i x; d<i C", "i", DiagnosisCode.DeadIntermediateMasterAndSomeReplicas)]
    [TestCase("a; i<a x; c<i x; d<i x", "i", DiagnosisCode.DeadIntermediateMasterAndReplicas)]
    [TestCase("a; i<a x; c<i Rl; d<i Rl", "i", DiagnosisCode.UnreachableIntermediateMasterWithLaggingReplicas)]
    [TestCase("a; i<a x; c<i R; d<i C", "i", DiagnosisCode.UnreachableIntermediateMaster)]
    [TestCase("a; i<a R; c<i C; d<i x", "i", DiagnosisCode.AllIntermediateMasterReplicasFailingToConnectOrDead)]
    [TestCase("a; i<a R; c<i S; d<i S", "i", DiagnosisCode.AllIntermediateMasterReplicasNotReplicating)]
    [TestCase("a; i<a R; c<i R; d<i S", "i", DiagnosisCode.NoProblem)]
    [TestCase("a<m R; m<a R; c<m R", "m", DiagnosisCode.NoProblem)]
    [TestCase("a<m C; m<a x; c<m C", "m", DiagnosisCode.DeadCoMaster)]
    [TestCase("a<m C; m<a x; c<m x", "m", DiagnosisCode.DeadCoMasterAndSomeReplicas)]
    [TestCase("a<m C; m<a x; c<m R", "m", DiagnosisCode.UnreachableCoMaster)]
    [TestCase("a<m S; m<a R; c<m S", "m", DiagnosisCode.AllCoMasterReplicasNotReplicating)]
    public void Verdicts(string cluster, string server, DiagnosisCode expected)
    {
        var verdict = Judge(cluster).Single(a => a.Server.Key == Key(server));
        Assert.That(verdict.Code, Is.EqualTo(expected), verdict.Description);
        Assert.That(verdict.Description.Length > 0, Is.EqualTo(expected != DiagnosisCode.NoProblem));
    }

    /// <summary>orchestrator's users wait for the default of 60 s (openark/orchestrator#522, #808): their replicas "run" that long.</summary>
    [TestCase(60, 10, true)]
    [TestCase(10, 10, false)]
    [TestCase(0, 10, false, Description = "not known")]
    [TestCase(60, 0, false, Description = "not wanted")]
    public void A_replica_that_waits_long_for_a_silent_source_is_warned_of(long seconds, long limit, bool isWarned)
    {
        var primary = new SeenServer(Key("a"), "east");
        var replica = new SeenServer(Key("b"), "west") { Source = Key("a"), IoThread = ThreadState.Running, Details = new() { ReplicaNetTimeoutSeconds = seconds } };
        var verdicts = TopologyAnalysis.Of(new("main", Key("a"), [primary, replica]), new() { ReasonableReplicaNetTimeoutSeconds = limit });
        Assert.That(verdicts[0].Warnings.Contains(StructureWarning.LateReplicaNetTimeoutStructureWarning), Is.EqualTo(isWarned));
    }

    [TestCase(1, 1, 0, false, DiagnosisCode.NoProblem)]
    [TestCase(0, 1, 0, false, DiagnosisCode.LockedSemiSyncMasterHypothesis)]
    [TestCase(0, 1, 3, false, DiagnosisCode.LockedSemiSyncMaster)]
    [TestCase(2, 1, 0, true, DiagnosisCode.MasterWithTooManySemiSyncReplicas)]
    [TestCase(2, 1, 0, false, DiagnosisCode.NoProblem)]
    public void Semi_sync_verdicts(int clients, int waitFor, int waiting, bool exact, DiagnosisCode expected)
    {
        var primary = new SeenServer(Key("a"), "east")
        {
            Details = new() { SemiSyncSourceEnabled = true, SemiSyncSourceStatus = true, SemiSyncClients = clients, SemiSyncWaitFor = waitFor, SemiSyncWaitSessions = waiting },
        };
        var replica = new SeenServer(Key("b"), "west") { Source = Key("a"), IoThread = ThreadState.Running };
        var verdicts = TopologyAnalysis.Of(new("main", Key("a"), [primary, replica]), new() { EnforceExactSemiSyncReplicas = exact });
        Assert.That(verdicts[0].Code, Is.EqualTo(expected));
    }

    [Test]
    public void Every_code_of_the_table_can_be_reached()
    {
        var reached = typeof(TopologyAnalysisTests).GetMethods()
            .SelectMany(m => m.GetCustomAttributes(typeof(TestCaseAttribute), inherit: false).Cast<TestCaseAttribute>())
            .SelectMany(t => t.Arguments.OfType<DiagnosisCode>()).ToHashSet();
        Assert.That(Enum.GetValues<DiagnosisCode>().Except(reached), Is.EqualTo(new[] { DiagnosisCode.UnguardedMaster, DiagnosisCode.DiskStalledMaster }), "they come from the leases, and from the guardian's word, alone");
    }

    [Test]
    public void Structure_warnings_name_what_is_unwise()
    {
        SeenServer Replica(string name, string format, string gtidMode, ServerVersion version, string errant = "", bool usesGtid = true) => new(Key(name), "west")
        {
            Source = Key("a"), IoThread = ThreadState.Running, Version = version, HasBinlog = true, Errant = errant, UsesGtid = usesGtid,
            Details = new() { LogsReplicaUpdates = true, BinlogFormat = format, GtidMode = gtidMode },
        };
        var nine = new ServerVersion(Flavor.MySql, 9, 7, 4);
        var primary = new SeenServer(Key("a"), "east")
        {
            IsReadOnly = true, Version = nine, Details = new() { SemiSyncSourceEnabled = true, SemiSyncWaitFor = 1, SemiSyncClients = 1 },
        };
        Assert.Multiple(() =>
        {
            Assert.That(Warnings(primary, Replica("b", "ROW", "ON", nine), Replica("c", "MIXED", "OFF", nine with { Major = 8 }, "x:1")), Is.EqualTo(new[]
            {
                StructureWarning.MixedAndRowLoggingReplicasStructureWarning, StructureWarning.MultipleMajorVersionsLoggingReplicasStructureWarning,
                StructureWarning.DifferentGTIDModesStructureWarning, StructureWarning.ErrantGTIDStructureWarning,
                StructureWarning.NoWriteableMasterStructureWarning, StructureWarning.NotEnoughValidSemiSyncReplicasStructureWarning,
            }));
            Assert.That(Warnings(primary, Replica("b", "STATEMENT", "OFF", nine, usesGtid: false), Replica("c", "MIXED", "OFF", nine, usesGtid: false)),
                Does.Contain(StructureWarning.StatementAndMixedLoggingReplicasStructureWarning).And.Contain(StructureWarning.NoFailoverSupportStructureWarning));
            Assert.That(Warnings(primary, Replica("b", "STATEMENT", "ON", nine), Replica("c", "ROW", "ON", nine)), Does.Contain(StructureWarning.StatementAndRowLoggingReplicasStructureWarning));
            Assert.That(Warnings(primary, Replica("b", "ROW", "ON", nine) with { HasBinlog = false }), Does.Contain(StructureWarning.NoLoggingReplicasStructureWarning));
            Assert.That(Warnings(primary with { IsReadOnly = false, Details = null }, Replica("b", "ROW", "ON", nine)), Is.Empty);
        });
    }

    [Test]
    public void A_hung_primary_is_told_from_one_that_is_gone_or_cut_off()
    {
        Assert.That((Condition("hung", "hung", "silent"), Condition("gone", "gone", "silent"), Condition("silent", "hung", "gone"), Condition("full", "full", "up")),
            Is.EqualTo((PrimaryCondition.Hung, PrimaryCondition.Refuses, PrimaryCondition.Silent, PrimaryCondition.TurnsDown)));

        static PrimaryCondition Condition(params string[] members) => FailureAnalysis.Diagnose(new("main", Key("a"), [], [.. members.Select((m, i) => new NodeSight(new($"n{i}"),
            [new(Key("a"), m is "up" or "full" ? SightState.Up : SightState.Down, TimeSpan.Zero, null, null, "") { IsHung = m == "hung", IsRefused = m == "gone", TurnedDownBy = m == "full" ? 1040 : 0 }]))]),
            TimeSpan.FromSeconds(2)).Condition;
    }

    private static ImmutableArray<StructureWarning> Warnings(SeenServer primary, params SeenServer[] replicas) =>
        TopologyAnalysis.Of(new("main", primary.Key, [primary, .. replicas]), new())[0].Warnings;

    private static ImmutableArray<ServerAnalysis> Judge(string cluster)
    {
        var servers = cluster.Split(';', StringSplitOptions.TrimEntries).Select(Server).ToImmutableArray();
        return TopologyAnalysis.Of(new("main", servers[0].Key, servers), new());
    }

    private static SeenServer Server(string text)
    {
        var parts = text.Split(' ');
        var flags = parts.Length > 1 ? parts[1] : "";
        var names = parts[0].Split('<');
        return new(Key(names[0]), "east")
        {
            Source = names.Length > 1 ? Key(names[1]) : null,
            IsReached = !flags.Contains('x'), IsReachedPartly = !flags.Contains('x'),
            IoThread = flags.Contains('R') ? ThreadState.Running : flags.Contains('C') ? ThreadState.Connecting : flags.Contains('S') ? ThreadState.Stopped : null,
            SqlThread = flags.Contains('q') ? ThreadState.Stopped : ThreadState.Running,
            IsFailingToConnect = flags.Contains('C'), LagSeconds = flags.Contains('l') ? 60 : 0, DelaySeconds = flags.Contains('d') ? 3600 : 0,
        };
    }
}
