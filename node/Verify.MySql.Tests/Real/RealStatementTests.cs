using System.Diagnostics;
using System.Reflection;
using Verify.MySql.Gtid;
using Verify.MySql.Tests.Support;
using Verify.MySql.Wire;

namespace Verify.MySql.Tests.Real;

/// <summary>Every statement of the closed list, sent to real servers and its answer read as the node reads it; in both
/// styles of ending rows.</summary>
[TestFixture(Flavor.MySql, false)]
[TestFixture(Flavor.MySql, true)]
[TestFixture(Flavor.MariaDb, false)]
[TestFixture(Flavor.MariaDb, true)]
public class RealStatementTests(Flavor flavor, bool endsRowsByEof) : RealServerFixture(flavor)
{
    private MySqlSession _source = null!;
    private MySqlSession _replica = null!;

    /// <summary>ProxySQL's admin interface answers the first; the dead-man switch has tests of its own against real servers, and so has the
    /// throttler's backend.</summary>
    private static readonly Type[] SeenElsewhere =
    [
        typeof(Statement.ListProxySqlServers),
        typeof(Statement.MakeBackendTable), typeof(Statement.MakeBackendRow), typeof(Statement.HoldBackend), typeof(Statement.ReadBackend), typeof(Statement.WriteBackend),
    ];

    [OneTimeSetUp]
    public async Task Replicate()
    {
        (_source, _replica) = (await OpenAsync(Db1), await OpenAsync(Db2));
        await RunAsync(_source, WorkloadStatements.CreateSchema);
        await RunAsync(_source, WorkloadStatements.CreateTable);
        var users = Db1.Users.Replication;
        await RunAsync(_replica, new Statement.ChangeSource($"{Db1.Server.Endpoint.Address}", Db1.Server.Endpoint.Port, users.User, users.Password));
        Assert.That((await StatusAsync())!.IoThread, Is.EqualTo(ThreadState.Stopped));
        await RunAsync(_replica, new Statement.StartReplica());
    }

    [OneTimeTearDown]
    public async Task Separate()
    {
        await CatchUpAsync();
        await RunAsync(_replica, new Statement.StopReplica(OnlyIoThread: false));
        await RunAsync(_replica, new Statement.ResetReplicaAll());
        Assert.That(await StatusAsync(), Is.Null, "no replica any more");
        await RunAsync(_source, new Statement.AdoptBinlogPosition());
        await _source.DisposeAsync();
        await _replica.DisposeAsync();
    }

    [Test]
    public async Task Every_statement_of_the_list_is_taken_by_the_server()
    {
        var victim = await Db2.OpenAsync();
        var users = Db1.Users.Replication;
        Statement[] all =
        [
            new Statement.ReadFacts(), new Statement.ReadReplicaStatus(), new Statement.ListSessions(), new Statement.ShowProcessList(), new Statement.ListIdleCoordinators(), new Statement.KillSession(victim.SessionId),
            new Statement.ReadVariables(), new Statement.ReadCounters(), new Statement.ListReplicas(), new Statement.ListDumps(), new Statement.ReadBinlogPosition(),
            new Statement.AskConfigured("SELECT 'east'"), new Statement.ReadMetric(OperatorQuery.TryParse("SELECT 0.5", out var metric) ? metric : default), new Statement.SetReadOnly(On: true), new Statement.SetReadOnly(On: false),
            new Statement.StopReplica(OnlyIoThread: true), new Statement.StopReplica(OnlyIoThread: false), new Statement.ResetReplicaAll(),
            new Statement.AdoptBinlogPosition(), new Statement.ReadBinlogState(), new Statement.SetSemiSync(On: true), new Statement.SetSemiSync(On: false),
            new Statement.ReadPersistedReadOnly(), new Statement.PersistReadOnly(), new Statement.SetSemiSyncPatience(1), new Statement.SetSemiSyncReplica(On: false), new Statement.SetSemiSyncReplica(On: true),
            new Statement.ChangeSource($"{Db1.Server.Endpoint.Address}", Db1.Server.Endpoint.Port, users.User, users.Password),
            new Statement.StartReplicaSqlThread(), new Statement.StartReplica(), new Statement.WaitForGtids("", SecondsMax: 1),
            new Statement.SkipBinlog(), new Statement.LiftSuperReadOnly(), new Statement.EnableEvents(), new Statement.InstallDeadMan(Statement.DeadManPart.Schema),
            new Statement.InstallDeadMan(Statement.DeadManPart.Table), new Statement.InstallDeadMan(Statement.DeadManPart.Row), new Statement.FeedDeadMan(1, 1),

            // The watcher finds no row and leaves; with one, it would close the server before the next statement.
            new Statement.ClearDeadMan(), new Statement.ReadDeadMan(), new Statement.InstallDeadMan(Statement.DeadManPart.Sweep), new Statement.InstallDeadMan(Statement.DeadManPart.Event),
            new Statement.InstallDeadMan(Statement.DeadManPart.NoEvent), new Statement.InstallDeadMan(Statement.DeadManPart.NoSweep),
        ];
        var known = typeof(Statement).GetNestedTypes(BindingFlags.Public).Where(t => t.IsSubclassOf(typeof(Statement)));
        Assert.That(known.Except(all.Select(s => s.GetType())), Is.EquivalentTo(SeenElsewhere), "a statement that no real server has seen");
        await CatchUpAsync();
        foreach (var statement in all) await RunAsync(_replica, statement);
    }

    [Test]
    public async Task What_is_written_on_the_source_is_waited_for_and_read_on_the_replica()
    {
        var id = $"w-{Flavor}-{endsRowsByEof}";
        var inserted = await RunAsync(_source, WorkloadStatements.Insert(id, 3));
        Assert.That((inserted.AffectedRows, inserted.Columns.Count, inserted.Rows.Count), Is.EqualTo((1L, 0, 0)));
        var written = (await FactsAsync(_source)).Executed;

        var waited = await RunAsync(_replica, new Statement.WaitForGtids(written.ToString(), SecondsMax: 30));
        Assert.That(waited.Text(0, "waited"), Is.EqualTo("0"));
        var ids = await RunAsync(_replica, WorkloadStatements.ReadIds);
        Assert.That(ids.Rows.Select(r => r[0]), Does.Contain(id));

        Assert.That((await FactsAsync(_replica)).Executed.Contains(written), Is.True);
        var status = (await StatusAsync())!;
        Assert.That((status.SourceHost, status.SourcePort), Is.EqualTo(($"{Db1.Server.Endpoint.Address}", Db1.Server.Endpoint.Port)));
        Assert.That((status.IoThread, status.SqlThread), Is.EqualTo((ThreadState.Running, ThreadState.Running)));
        Assert.That((status.LastIoErrno, status.LastIoError, status.LastSqlErrno, status.LastSqlError), Is.EqualTo((0, "", 0, "")));
        Assert.That(status.Executed.Contains(written), Is.True, "executed");
        Assert.That(written.Contains(status.Retrieved), Is.True, "retrieved");
        Assert.That(status.Retrieved.IsEmpty, Is.False);
        Assert.That(status.SecondsBehind, Is.Not.Null);
    }

    [Test]
    public async Task Waiting_for_a_transaction_that_does_not_come_says_so()
    {
        var coming = Gtids.Parse(Flavor == Flavor.MySql ? "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-3" : "7-9-99999", Flavor);
        var waited = await RunAsync(_source, new Statement.WaitForGtids(coming.ToString(), SecondsMax: 1));
        Assert.That(waited.Text(0, "waited"), Is.EqualTo(Flavor == Flavor.MySql ? "1" : "-1"));
    }

    [Test]
    public async Task Facts_name_the_server()
    {
        var facts = await FactsAsync(_source);
        Assert.That((facts.Flavor, facts.ServerId, facts.IsReadOnly, facts.HasBinlog), Is.EqualTo((Flavor, Db1.Server.Options.ServerId, false, true)));
        Assert.That(facts.ServerUuid, Flavor == Flavor.MySql ? Has.Length.EqualTo(36) : Is.EqualTo($"server_id-{facts.ServerId}"));
        Assert.That((await FactsAsync(_replica)).ServerUuid, Is.Not.EqualTo(facts.ServerUuid));
    }

    [Test]
    public async Task A_closed_server_says_so_and_refuses_the_application_with_1290()
    {
        await RunAsync(_source, new Statement.SetReadOnly(On: true));
        Assert.That((await FactsAsync(_source)).IsReadOnly, Is.True);
        await using var application = await Db1.OpenAsync(Db1.Users.Application);
        var e = await Assert.ThrowsAsync<MySqlServerException>(() => RunAsync(application, WorkloadStatements.Insert("refused", 1)));
        Assert.That((e!.Code, e.SqlState, e.IsReadOnly), Is.EqualTo((1290, "HY000", true)));
        if (Flavor == Flavor.MySql)
        {
            e = await Assert.ThrowsAsync<MySqlServerException>(() => RunAsync(_source, WorkloadStatements.Insert("refused", 1)));
            Assert.That(e!.IsReadOnly, Is.True, "super_read_only binds the topology user too");
        }

        await RunAsync(_source, new Statement.SetReadOnly(On: false));
        Assert.That((await FactsAsync(_source)).IsReadOnly, Is.False);
        Assert.That((await RunAsync(application, WorkloadStatements.Insert($"open-{Flavor}-{endsRowsByEof}", 1))).AffectedRows, Is.EqualTo(1));
    }

    [Test]
    public async Task A_transaction_from_before_the_closing_is_refused_at_its_commit()
    {
        await using var application = await Db1.OpenAsync(Db1.Users.Application);
        await RunAsync(application, SqlText.Of($"START TRANSACTION"));
        await RunAsync(application, WorkloadStatements.Insert($"late-{Flavor}-{endsRowsByEof}", 1));
        await RunAsync(_source, new Statement.SetReadOnly(On: true));
        var e = await Assert.ThrowsAsync<MySqlServerException>(() => RunAsync(application, SqlText.Of($"COMMIT")));
        Assert.That(e!.IsReadOnly, Is.True);
        await RunAsync(_source, new Statement.SetReadOnly(On: false));
    }

    [Test]
    public async Task Threads_of_a_replica_are_stopped_one_by_one_and_started_again()
    {
        await CatchUpAsync();
        await RunAsync(_replica, new Statement.StopReplica(OnlyIoThread: true));
        var status = (await StatusAsync())!;
        Assert.That((status.IoThread, status.SqlThread), Is.EqualTo((ThreadState.Stopped, ThreadState.Running)));
        await RunAsync(_replica, new Statement.StopReplica(OnlyIoThread: false));
        Assert.That((await StatusAsync())!.SqlThread, Is.EqualTo(ThreadState.Stopped));
        await RunAsync(_replica, new Statement.StartReplica());
        Assert.That((await StatusAsync())!.SqlThread, Is.EqualTo(ThreadState.Running));
    }

    [Test]
    public async Task A_session_is_listed_killed_once_and_unknown_from_then_on()
    {
        var victim = await Db1.OpenAsync(Db1.Users.Application);
        var listed = await RunAsync(_source, new Statement.ListSessions());
        var row = Enumerable.Range(0, listed.Rows.Count).Single(i => string.Equals(listed.Text(i, "ID"), $"{victim.SessionId}", StringComparison.Ordinal));
        Assert.That(listed.Text(row, "USER"), Is.EqualTo(Db1.Users.Application.User));
        Assert.That(listed.Text(row, "COMMAND"), Is.AnyOf("Sleep", "Connect"), "MySQL shows a fresh session as connecting for a moment");

        await RunAsync(_source, new Statement.KillSession(victim.SessionId));
        await Assert.CatchAsync<MySqlException>(() => RunAsync(victim, SqlText.Of($"SELECT 1")));
        Assert.That(victim.IsOpen, Is.False);

        // A session that is dying may be killed again until it is gone.
        var unknown = await Assert.ThrowsAsync<MySqlServerException>(async () =>
        {
            for (var begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < ServerUnderTest.Patience;)
            {
                await RunAsync(_source, new Statement.KillSession(victim.SessionId));
            }
        });
        Assert.That((unknown!.Code, _source.IsOpen), Is.EqualTo((1094, true)));
    }

    [Test]
    public async Task A_session_killed_under_its_statement_ends_it()
    {
        var victim = await Db1.OpenAsync();
        var sleeping = RunAsync(victim, SqlText.Of($"SELECT SLEEP(50)"));
        await RunAsync(_source, new Statement.KillSession(victim.SessionId));
        await Assert.CatchAsync<MySqlException>(() => sleeping);
        await Assert.CatchAsync<Exception>(() => RunAsync(victim, SqlText.Of($"SELECT 1")));
        Assert.That(victim.IsOpen, Is.False);
    }

    private async Task<MySqlSession> OpenAsync(ServerUnderTest server) =>
        (await server.OpenRecordedAsync(server.Users.Topology, greeting => endsRowsByEof
            ? greeting with { Capabilities = greeting.Capabilities & ~Capabilities.DeprecateEof }
            : greeting)).Session;

    /// <summary>So that no transaction is half in the relay log when threads are stopped.</summary>
    private async Task CatchUpAsync()
    {
        var waited = await RunAsync(_replica, new Statement.WaitForGtids((await FactsAsync(_source)).Executed.ToString(), SecondsMax: 60));
        Assert.That(waited.Text(0, "waited"), Is.EqualTo("0"), "the replica does not catch up");
    }

    private async Task<ServerFacts> FactsAsync(MySqlSession session) => ServerFacts.Read(await RunAsync(session, new Statement.ReadFacts()), Flavor);

    private async Task<ReplicaStatus?> StatusAsync() => ReplicaStatus.Read(await RunAsync(_replica, new Statement.ReadReplicaStatus()), Flavor);

    private Task<ResultTable> RunAsync(MySqlSession session, Statement statement) => RunAsync(session, statement.Sql(Flavor));

    private static Task<ResultTable> RunAsync(MySqlSession session, SqlText statement) => session.QueryAsync(statement, ServerUnderTest.Patience).AsTask();
}
