using Verify.MySql;
using Verify.Sim.Fleet;

namespace Verify.Sim.Tests.Fleet;

[TestFixture(Flavor.MySql)]
[TestFixture(Flavor.MariaDb)]
public sealed class StatementReaderTests(Flavor flavor)
{
    private static readonly Statement[] Examples =
    [
        new Statement.ReadFacts(), new Statement.ReadReplicaStatus(), new Statement.ListSessions(), new Statement.ShowProcessList(), new Statement.ListIdleCoordinators(), new Statement.KillSession(17),
        new Statement.SetReadOnly(On: true), new Statement.SetReadOnly(On: false),
        new Statement.SetSemiSync(On: true), new Statement.SetSemiSync(On: false), new Statement.ReadPersistedReadOnly(), new Statement.PersistReadOnly(), new Statement.SetSemiSyncReplica(On: true), new Statement.SetSemiSyncReplica(On: false), new Statement.SetSemiSyncPatience(1),
        new Statement.StopReplica(OnlyIoThread: true), new Statement.StopReplica(OnlyIoThread: false),
        new Statement.StartReplica(), new Statement.StartReplicaSqlThread(), new Statement.ResetReplicaAll(),
        new Statement.ChangeSource("db1.example", 3307, "repl", "it's ~secret~"), new Statement.AdoptBinlogPosition(), new Statement.ReadBinlogState(),
        new Statement.WaitForGtids("0-1-7", 5),
        new Statement.SkipBinlog(), new Statement.LiftSuperReadOnly(), new Statement.EnableEvents(), new Statement.ReadDeadMan(), new Statement.ClearDeadMan(),
        new Statement.InstallDeadMan(Statement.DeadManPart.Event), new Statement.InstallDeadMan(Statement.DeadManPart.Sweep), new Statement.FeedDeadMan(845_000_000_000_123, 17),
        new Statement.ReadVariables(), new Statement.ReadCounters(), new Statement.ListReplicas(), new Statement.ListDumps(), new Statement.ReadBinlogPosition(),
        new Statement.AskConfigured("SELECT 'east'"),
    ];

    /// <summary>An operator's own question about the lag, what only ProxySQL's admin interface answers, and what goes to the throttler's backend,
    /// which is no server of a fleet: no simulated server is asked that.</summary>
    private static readonly string[] NotSimulated =
    [
        nameof(Statement.ReadMetric), nameof(Statement.ListProxySqlServers),
        nameof(Statement.MakeBackendTable), nameof(Statement.MakeBackendRow), nameof(Statement.HoldBackend), nameof(Statement.ReadBackend), nameof(Statement.WriteBackend),
    ];

    [Test]
    public void Every_statement_of_the_node_is_recognised_with_its_values()
    {
        var reader = new StatementReader(flavor);
        foreach (var statement in Examples)
        {
            Assert.That(reader.TryRead(statement.Sql(flavor).Text, out var request), Is.True, statement.ToString());
            Assert.That(request, Is.EqualTo(new Request.OfNode(statement)));
        }
    }

    [Test]
    public void No_statement_of_the_closed_list_is_missing_from_the_examples()
    {
        var listed = typeof(Statement).GetNestedTypes().Where(t => t.IsSubclassOf(typeof(Statement))).Select(t => t.Name);
        Assert.That(Examples.Select(s => s.GetType().Name).Distinct(StringComparer.Ordinal), Is.EquivalentTo(listed.Except(NotSimulated, StringComparer.Ordinal)));
    }

    [TestCase("c1-17", 3)]
    [TestCase("", -1)]
    [TestCase("it's \\ \" ` ü 日本", 0)]
    public void A_row_comes_through_as_the_workload_wrote_it(string id, int client)
    {
        Assert.That(new StatementReader(flavor).TryRead(WorkloadStatements.Insert(id, client).Text, out var request), Is.True);
        Assert.That(request, Is.EqualTo(new Request.Write(new RowChange.Insert(id, client))));
    }

    [TestCase("SELECT 1")]
    [TestCase("KILL x")]
    [TestCase("KILL 7; DROP TABLE app.writes")]
    [TestCase("INSERT INTO app.writes (id, client) VALUES ('a', 1), ('b', 2)")]
    [TestCase("INSERT INTO app.writes (id, client) VALUES ('a")]
    [TestCase("CHANGE MASTER TO MASTER_HOST='h', MASTER_PORT=1, MASTER_USER='u', MASTER_PASSWORD='p'")]
    [TestCase("")]
    public void Whatever_we_do_not_send_is_not_recognised(string text)
    {
        Assert.That(new StatementReader(flavor).TryRead(text, out _), Is.False);
    }
}
