using System.Net.Sockets;
using Verify.Fleet.Servers;
using Verify.MySql;

namespace Verify.Fleet.Tests.Servers;

/// <summary>Real servers of both flavours: how they start, replicate, end, freeze and come back.</summary>
[TestFixture(Flavor.MySql)]
[TestFixture(Flavor.MariaDb)]
[Category("Live")]
public sealed class RealServerTests(Flavor flavor)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);
    private FleetRun _run = null!;
    private ServerHost _host = null!;

    [SetUp]
    public async Task Begin()
    {
        var program = await LiveMachine.ServerAsync(flavor);
        _run = LiveMachine.Begin();
        _host = new(_run, program);
    }

    [TearDown]
    public async Task End()
    {
        if (_host is null) return;
        await _host.DisposeAsync();
        await _run.DisposeAsync();
        Assert.That(Directory.Exists(_run.Directory), Is.False, "the run's directory is removed with it");
    }

    [Test]
    public async Task Three_servers_start_in_seconds_and_none_accepts_a_write_not_even_from_the_topology_user_of_MySQL()
    {
        await StartThreeAsync();
        foreach (var server in _host.Servers)
        {
            await using var session = await server.OpenSessionAsync(_host.Users.Topology, Soon);
            var facts = ServerFacts.Read(await session.QueryAsync(new Statement.ReadFacts().Sql(flavor), Soon), flavor);
            Assert.That(facts.IsReadOnly, server.Name);
            Assert.That(facts.Executed.IsEmpty, $"{server.Name} begins without transactions of its own: {facts.Executed}");
            Assert.That(facts.ServerId, Is.EqualTo(server.Options.ServerId));
            if (flavor != Flavor.MySql) continue;
            var refusal = await Assert.ThrowsAsync<MySqlServerException>(async () => await session.QueryAsync(WorkloadStatements.CreateSchema, Soon));
            Assert.That(refusal!.IsReadOnly);
        }

        Assert.That(_host.Servers.Select(s => s.Endpoint.Address.ToString()).Distinct(StringComparer.Ordinal).Count(), Is.EqualTo(3));
    }

    [Test]
    public async Task Replicas_follow_with_semi_sync_and_the_application_can_write_on_the_primary_only()
    {
        await StartThreeAsync();
        var primary = await ReplicateAsync();
        await using var writer = await primary.OpenSessionAsync(_host.Users.Application, Soon);
        await writer.QueryAsync(WorkloadStatements.Insert("a", 1), Soon);
        await using (var topology = await primary.OpenSessionAsync(_host.Users.Topology, Soon))
        {
            Assert.That(await StatusAsync(topology, "semi_sync_%_status"), Does.Contain("ON"));
            Assert.That(await StatusAsync(topology, "semi_sync_%_yes_tx"), Is.Not.EqualTo("0"), "the commit was acknowledged by a replica");
            Assert.That(await StatusAsync(topology, "semi_sync_%_clients"), Is.EqualTo("2"));
        }

        foreach (var replica in _host.Servers.Skip(1))
        {
            await using var session = await replica.OpenSessionAsync(_host.Users.Application, Soon);
            var refusal = await Assert.ThrowsAsync<MySqlServerException>(async () => await session.QueryAsync(WorkloadStatements.Insert("b", 1), Soon));
            Assert.That(refusal!.IsReadOnly, $"{replica.Name}: {refusal!.Message}");
            await EventuallyAsync($"{replica.Name} has the row", async () => (await session.QueryAsync(WorkloadStatements.ReadIds, Soon)).Rows.Count == 1);
        }
    }

    [Test]
    public async Task A_commit_waits_for_ever_when_no_replica_is_left_to_acknowledge_it()
    {
        await StartThreeAsync();
        var primary = await ReplicateAsync();
        foreach (var replica in _host.Servers.Skip(1)) await replica.KillAsync();
        await using var writer = await primary.OpenSessionAsync(_host.Users.Application, Soon);
        await Assert.ThrowsAsync<MySqlTimeoutException>(async () => await writer.QueryAsync(WorkloadStatements.Insert("a", 1), TimeSpan.FromSeconds(3)));

        // A replica comes back and fetches: the commit ends.
        await _host.Servers[1].StartAsync(LiveMachine.StartDeadline);
        await using var back = await _host.Servers[1].OpenSessionAsync(_host.Users.Topology, Soon);
        await back.QueryAsync(new Statement.StartReplica().Sql(flavor), Soon);
        await EventuallyAsync("the row is on the replica", async () => (await back.QueryAsync(WorkloadStatements.ReadIds, Soon)).Rows.Count == 1);
    }

    [Test]
    public async Task A_killed_primary_comes_back_with_its_data_and_closed_for_writes()
    {
        await StartThreeAsync();
        var primary = await ReplicateAsync();
        await using (var writer = await primary.OpenSessionAsync(_host.Users.Application, Soon))
        {
            await writer.QueryAsync(WorkloadStatements.Insert("a", 1), Soon);
        }

        await primary.KillAsync();
        Assert.That(primary.IsRunning, Is.False);
        Assert.That(await primary.Exited, Is.EqualTo(128 + 9));
        await Assert.ThrowsAsync<SocketException>(async () => await primary.OpenSessionAsync(_host.Users.Application, Soon));

        await primary.StartAsync(LiveMachine.StartDeadline);
        TestContext.Out.WriteLine($"{primary.Version} after kill -9: {primary.LastStart.TotalMilliseconds:0} ms");
        await using var session = await primary.OpenSessionAsync(_host.Users.Application, Soon);
        Assert.That((await session.QueryAsync(WorkloadStatements.ReadIds, Soon)).Rows, Has.Count.EqualTo(1));
        var refusal = await Assert.ThrowsAsync<MySqlServerException>(async () => await session.QueryAsync(WorkloadStatements.Insert("b", 1), Soon));
        Assert.That(refusal!.IsReadOnly);
        Assert.That(await primary.StopAsync(TimeSpan.FromSeconds(30)), "an orderly shutdown on SIGTERM");
    }

    [Test]
    public async Task A_paused_server_accepts_connections_but_greets_nobody_until_it_is_resumed()
    {
        var server = _host.Add("db1");
        await server.StartAsync(LiveMachine.StartDeadline);
        server.Pause();
        using (var socket = new Socket(SocketType.Stream, ProtocolType.Tcp)) await socket.ConnectAsync(server.Endpoint);
        await Assert.ThrowsAsync<MySqlTimeoutException>(async () => await server.OpenSessionAsync(_host.Users.Topology, TimeSpan.FromSeconds(1)));
        server.Resume();
        await using var session = await server.OpenSessionAsync(_host.Users.Topology, Soon);
        Assert.That(session.IsOpen);

        server.Pause();
        await server.KillAsync();
        Assert.That(server.IsRunning, Is.False, "SIGKILL ends a stopped process too");
    }

    [Test]
    public async Task A_server_on_a_full_disk_cannot_commit_and_can_again_when_there_is_space()
    {
        var server = _host.Add("db1", with: o => o with { SemiSync = false, DiskBytesMax = 300L << 20 });
        await server.StartAsync(LiveMachine.StartDeadline);
        await using var session = await server.OpenSessionAsync(_host.Users.Topology, Soon);
        foreach (var statement in new[] { new Statement.SetReadOnly(On: false).Sql(flavor), WorkloadStatements.CreateSchema, WorkloadStatements.CreateTable })
        {
            await session.QueryAsync(statement, Soon);
        }

        server.Disk!.Fill();
        Assert.That(server.Disk.FreeBytes, Is.Zero);
        Assert.That(await CommitsAsync(server, 2000), Is.False, "some commit among many must hit the full disk");
        server.Disk.Free();

        // MySQL looks again only once a minute; a restart does not wait for that.
        await server.RestartAsync(LiveMachine.StartDeadline);
        await using var again = await server.OpenSessionAsync(_host.Users.Topology, Soon);
        await again.QueryAsync(new Statement.SetReadOnly(On: false).Sql(flavor), Soon);
        await again.QueryAsync(WorkloadStatements.Insert("after", 1), Soon);
    }

    private async Task<bool> CommitsAsync(RealServer server, int count)
    {
        await using var session = await server.OpenSessionAsync(_host.Users.Application, Soon);
        try
        {
            for (var i = 0; i < count; i++) await session.QueryAsync(WorkloadStatements.Insert($"w{i}", 1), TimeSpan.FromSeconds(3));
            return true;
        }
        catch (MySqlException full)
        {
            TestContext.Out.WriteLine($"{server.Version} on a full disk: {full.GetType().Name}: {full.Message}");
            return false;
        }
    }

    private async Task StartThreeAsync()
    {
        for (var dc = 0; dc < 3; dc++) _host.Add($"db{dc + 1}", dc);
        var begin = TimeProvider.System.GetTimestamp();
        await _host.StartAllAsync(LiveMachine.StartDeadline);
        TestContext.Out.WriteLine($"{_host.Program.Version}: three together {TimeProvider.System.GetElapsedTime(begin).TotalMilliseconds:0} ms"
            + $" ({string.Join(", ", _host.Servers.Select(s => $"{s.Name} {s.LastStart.TotalMilliseconds:0} ms"))})");
    }

    private async Task<RealServer> ReplicateAsync()
    {
        var primary = _host.Servers[0];
        var begin = TimeProvider.System.GetTimestamp();
        await _host.SetUpReplicationAsync(primary, _host.Servers.Skip(1), _ => primary.Endpoint, TimeSpan.FromSeconds(30));
        TestContext.Out.WriteLine($"replication set up in {TimeProvider.System.GetElapsedTime(begin).TotalMilliseconds:0} ms");
        return primary;
    }

    private static async Task<string?> StatusAsync(MySqlSession session, string pattern)
    {
        var table = await session.QueryAsync(SqlText.Of($"SHOW GLOBAL STATUS LIKE {new SqlLiteral("Rpl_" + pattern)}"), Soon);
        return table.Rows.Select(r => r[1]).FirstOrDefault(v => v is not ("OFF" or "0")) ?? table.Rows[0][1];
    }

    private static async Task EventuallyAsync(string what, Func<Task<bool>> holds)
    {
        var begin = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            if (TimeProvider.System.GetElapsedTime(begin) > Soon) Assert.Fail($"waited {Soon.TotalSeconds:0} s in vain until {what}");
            await Task.Delay(20);
        }
    }
}
