using System.Globalization;
using Verify.MySql;
using Verify.Sim.Fleet;
using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests.Fleet;

[TestFixture(Flavor.MySql)]
[TestFixture(Flavor.MariaDb)]
public sealed class SimMySqlServerTests(Flavor flavor)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    [Test]
    public void A_server_is_writable_from_the_word_that_opens_it_until_the_word_that_closes_it_and_not_while_it_is_stopped_or_dead()
    {
        using var stage = new SimStage(flavor, options: Exact);
        var told = new List<string>();
        stage["s1"].WritableChanged = writable => told.Add($"{stage.World.Now.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)} {writable}");
        stage.World.Run(
            async () =>
            {
                await stage.StartAsync("s1");
                var session = await stage.OpenAsync("s1", stage.Topology);
                var begin = stage.World.Now.TotalMilliseconds;
                await session.QueryAsync(Sql(new Statement.SetReadOnly(On: false)), Soon);
                Assert.That(told, Is.EqualTo(new[] { $"{begin + 1} True" }), "when the statement arrived, not when the answer did");
                await stage.PauseAsync("s1");
                await stage.ResumeAsync("s1");
                await session.QueryAsync(Sql(new Statement.SetReadOnly(On: true)), Soon);
                await session.QueryAsync(Sql(new Statement.SetReadOnly(On: false)), Soon);
                await stage.KillAsync("s1");
                await stage.StartAsync("s1");
            },
            Minute);
        Assert.That(told.Select(t => t.Split(' ')[1]), Is.EqualTo(new[] { "True", "False", "True", "False", "True", "False" }));
        Assert.That(stage["s1"].IsWritable, Is.False, "it comes back closed");
    }

    [Test]
    public void A_closing_that_waits_for_a_commit_takes_no_new_write()
    {
        using var stage = new SimStage(flavor);
        stage.World.Run(
            async () =>
            {
                var topology = await OpenPrimaryAsync(stage, "s1");
                await topology.QueryAsync(Sql(new Statement.SetSemiSync(On: true)), Soon);
                var writer = await stage.OpenAsync("s1", stage.Application);
                var write = writer.QueryAsync(WorkloadStatements.Insert("a", 1), TimeSpan.FromSeconds(1)).AsTask();
                await Task.Delay(Ms(50), stage.Time);
                Assert.That(stage["s1"].IsWritable, "a commit that waits leaves the server open");
                var closing = topology.QueryAsync(Sql(new Statement.SetReadOnly(On: true)), TimeSpan.FromSeconds(2)).AsTask();
                await Task.Delay(Ms(50), stage.Time);
                Assert.That(stage["s1"].IsWritable, "nor does a closing that is not done");
                var watcher = await stage.OpenAsync("s1", stage.Topology);
                var facts = ServerFacts.Read(await watcher.QueryAsync(Sql(new Statement.ReadFacts()), Soon), flavor);
                Assert.That(facts.IsReadOnly, Is.False, "closing is not done: whoever looks must not take it for done");
                Assert.That(await ThrowsAsync(write), Is.TypeOf<MySqlTimeoutException>());
                Assert.That(await ThrowsAsync(closing), Is.TypeOf<MySqlTimeoutException>());
                Assert.That(stage["s1"].IsWritable, "the statements go on without their clients, and wait");
                Assert.That(stage["s1"].Rows, Is.Empty);
            },
            Minute);
    }

    [Test]
    public void A_stopped_server_lets_clients_connect_and_says_nothing_until_it_goes_on()
    {
        using var stage = new SimStage(flavor);
        stage.World.Run(
            async () =>
            {
                await stage.StartAsync("s1");
                var before = await stage.OpenAsync("s1", stage.Topology);
                await stage.PauseAsync("s1");
                Assert.That(await ThrowsAsync(stage.OpenAsync("s1", stage.Topology)), Is.TypeOf<MySqlTimeoutException>());
                var asked = before.QueryAsync(Sql(new Statement.ReadFacts()), Soon).AsTask();
                await Task.Delay(Ms(500), stage.Time);
                Assert.That(asked.IsCompleted, Is.False);
                await stage.ResumeAsync("s1");
                Assert.That((await asked).Rows, Has.Count.EqualTo(1));
            },
            Minute);
    }

    [Test]
    public void A_replica_behind_a_cut_link_notices_the_silence_and_fetches_the_rest_when_the_link_is_back()
    {
        using var stage = new SimStage(flavor);
        stage.World.Run(
            async () =>
            {
                var topology = await OpenPrimaryAsync(stage, "s1");
                var replica = await AttachAsync(stage, "s2", "s1");
                await EventuallyAsync(stage, async () => await StatusAsync(replica) is { IoThread: Verify.MySql.ThreadState.Running });
                stage.World.CutBothWays("s1", "s2");
                await Task.Delay(TimeSpan.FromSeconds(3), stage.Time);
                Assert.That((await StatusAsync(replica))!.IoThread, Is.EqualTo(Verify.MySql.ThreadState.Connecting));
                for (var i = 0; i < 20; i++) await topology.QueryAsync(WorkloadStatements.Insert($"row{i}", i), Soon);
                stage.World.HealAll();
                await EventuallyAsync(stage, () => Task.FromResult(stage["s2"].Rows.Count == 20));
                Assert.That(stage["s2"].Gtids, Is.EqualTo(stage["s1"].Gtids));
                Assert.That((await StatusAsync(replica))!.SecondsBehind, Is.EqualTo(0));
            },
            Minute);
    }

    [Test]
    public void No_acknowledged_write_is_lost_when_the_primary_dies_under_semi_sync()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            using var stage = new SimStage(flavor, seed);
            var acknowledged = new List<string>();
            stage.World.Run(() => KillUnderLoadAsync(stage, acknowledged, killAfter: Ms(300 + (seed * 7))), Minute);
            var kept = stage["s2"].Rows.Keys.Concat(stage["s3"].Rows.Keys).Distinct(StringComparer.Ordinal).ToArray();
            Assert.That(acknowledged, Is.Not.Empty);
            Assert.That(acknowledged.Except(kept, StringComparer.Ordinal), Is.Empty, $"seed {seed}");
        }
    }

    [Test]
    public void The_same_seed_gives_the_same_run_to_the_last_byte_and_nothing_leaves_the_world()
    {
        var hashes = new SortedSet<ulong>();
        for (ulong seed = 1; seed <= 5; seed++)
        {
            var result = new RunTwice(seed, new SimOptions(), Minute, world => KillUnderLoadAsync(new SimStage(flavor, world), [], killAfter: Ms(400))).Check();
            Assert.That(result.Failure, Is.Null);
            hashes.Add(result.Hash);
        }

        Assert.That(hashes, Has.Count.EqualTo(5), "different seeds give different runs");
    }

    [Test]
    public void A_host_that_dies_without_a_word_to_the_server_loses_the_same()
    {
        using var stage = new SimStage(flavor);
        stage.World.Run(
            async () =>
            {
                var topology = await OpenPrimaryAsync(stage, "s1");
                await topology.QueryAsync(WorkloadStatements.Insert("a", 1), Soon);
                stage.World.Kill(stage.World.Host("s1"));
                await stage.StartAsync("s1");
                Assert.That(stage["s1"].IsWritable, Is.False, "it comes back closed");
                Assert.That(stage["s1"].Rows.Keys, Is.EqualTo(new[] { "a" }));
                var again = await stage.OpenAsync("s1", stage.Topology);
                var sessions = await again.QueryAsync(Sql(new Statement.ListSessions()), Soon);
                Assert.That(sessions.Rows.Count(r => r[1] is "topology"), Is.EqualTo(1), "the old sessions are gone");
            },
            Minute);
    }

    private static async Task KillUnderLoadAsync(SimStage stage, List<string> acknowledged, TimeSpan killAfter)
    {
        var topology = await OpenPrimaryAsync(stage, "s1");
        await AttachAsync(stage, "s2", "s1");
        await AttachAsync(stage, "s3", "s1");
        await topology.QueryAsync(new Statement.SetSemiSync(On: true).Sql(stage.Flavor), Soon);
        var writers = new List<Task>();
        for (var client = 0; client < 4; client++) writers.Add(WriteAsync(stage, acknowledged, client));
        await Task.Delay(killAfter, stage.Time);
        await stage.KillAsync("s1");
        await Task.WhenAll(writers);
        await Task.Delay(TimeSpan.FromSeconds(1), stage.Time);
    }

    private static async Task WriteAsync(SimStage stage, List<string> acknowledged, int client)
    {
        var session = await stage.OpenAsync("s1", stage.Application);
        for (var i = 0; session.IsOpen; i++)
        {
            var id = $"c{client}-{i}";
            try
            {
                await session.QueryAsync(WorkloadStatements.Insert(id, client), Soon);
                acknowledged.Add(id);
            }
            catch (MySqlException e) when (e is MySqlProtocolException or MySqlTimeoutException)
            {
                return; // the primary is dead: the fate of this one is unknown
            }
        }
    }

    private static async Task<MySqlSession> OpenPrimaryAsync(SimStage stage, string server)
    {
        foreach (var name in new[] { "s1", "s2", "s3" }) await stage.StartAsync(name);
        var session = await stage.OpenAsync(server, stage.Topology);
        await session.QueryAsync(new Statement.SetReadOnly(On: false).Sql(stage.Flavor), Soon);
        await session.QueryAsync(WorkloadStatements.CreateSchema, Soon);
        await session.QueryAsync(WorkloadStatements.CreateTable, Soon);
        return session;
    }

    private static async Task<MySqlSession> AttachAsync(SimStage stage, string replica, string source)
    {
        var session = await stage.OpenAsync(replica, stage.Topology);
        var (host, port) = stage.AddressOf(source);
        await session.QueryAsync(new Statement.ChangeSource(host, port, stage.Replication.User, stage.Replication.Password).Sql(stage.Flavor), Soon);
        await session.QueryAsync(new Statement.StartReplica().Sql(stage.Flavor), Soon);
        return session;
    }

    private async Task<ReplicaStatus?> StatusAsync(MySqlSession session) =>
        ReplicaStatus.Read(await session.QueryAsync(Sql(new Statement.ReadReplicaStatus()), Soon), flavor);

    private SqlText Sql(Statement statement) => statement.Sql(flavor);

    private static async Task EventuallyAsync(SimStage stage, Func<Task<bool>> holds)
    {
        for (var i = 0; i < 500; i++)
        {
            if (await holds()) return;
            await Task.Delay(Ms(20), stage.Time);
        }

        Assert.Fail("it did not come true within 10 s of virtual time");
    }

    private static async Task<Exception?> ThrowsAsync(Task task)
    {
        try
        {
            await task;
            return null;
        }
        catch (MySqlException thrown)
        {
            return thrown;
        }
    }
}
