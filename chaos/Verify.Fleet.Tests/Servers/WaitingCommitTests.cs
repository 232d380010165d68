using System.Net;
using Verify.Fleet.Servers;
using Verify.Fleet.Toxiproxy;
using Verify.MySql;

namespace Verify.Fleet.Tests.Servers;

/// <summary>What real servers do with a commit that waits for a replica which is cut off, while somebody tries to fence them. The
/// nodes' fencing is built on these facts; a server that behaves otherwise must fail here first.</summary>
[TestFixture(Flavor.MySql)]
[TestFixture(Flavor.MariaDb)]
[Category("Live")]
public sealed class WaitingCommitTests(Flavor flavor)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private FleetRun _run = null!;
    private ServerHost _host = null!;
    private RealServer _primary = null!;
    private MySqlSession _admin = null!;
    private Task<ResultTable> _commit = null!;
    private ToxiproxyServer _toxiproxy = null!;

    [SetUp]
    public async Task ACommitWaitsOnAPrimaryWithoutReplicas()
    {
        var program = await LiveMachine.ServerAsync(flavor);
        _run = LiveMachine.Begin();
        _host = new(_run, program);
        _primary = _host.Add("db1");
        var replica = _host.Add("db2", 1);
        await _host.StartAllAsync(LiveMachine.StartDeadline);
        _toxiproxy = ToxiproxyServer.Start();
        using var links = new ToxiproxyClient(_toxiproxy.Url);
        var link = await links.AddAsync("link", $"{_run.Addresses.Next(1)}:0", _primary.Endpoint.ToString());
        await _host.SetUpReplicationAsync(_primary, [replica], _ => IPEndPoint.Parse(link.Listen), TimeSpan.FromSeconds(30));
        foreach (var direction in new[] { Direction.Upstream, Direction.Downstream }) await links.CutAsync("link", direction);
        _admin = await _primary.OpenSessionAsync(_host.Users.Topology, Soon);
        var writer = await _primary.OpenSessionAsync(_host.Users.Application, Soon);
        _commit = writer.QueryAsync(WorkloadStatements.Insert("waiting", 1), TimeSpan.FromMinutes(2)).AsTask();
        await UntilAsync(async () => (await SessionsAsync()).Any(s => s.State.StartsWith("Waiting for semi-sync ACK", StringComparison.Ordinal)), "the commit waits");
    }

    [TearDown]
    public async Task End()
    {
        if (_host is null) return;
        await _host.DisposeAsync();
        if (_toxiproxy is not null) await _toxiproxy.DisposeAsync();
        await _run.DisposeAsync();
    }

    [Test]
    public async Task The_waiting_row_is_seen_by_nobody_and_the_transaction_is_not_in_the_executed_set_of_MySQL()
    {
        await using var reader = await _primary.OpenSessionAsync(_host.Users.Application, Soon);
        Assert.That((await reader.QueryAsync(WorkloadStatements.ReadIds, Soon)).Rows, Is.Empty);
        if (flavor == Flavor.MySql) Assert.That((await FactsAsync()).Executed.Count, Is.EqualTo(2), "schema and table only");
    }

    [Test]
    public async Task Read_only_cannot_be_set_while_a_commit_waits_and_nothing_new_is_acknowledged_either()
    {
        Assert.That((await FactsAsync()).IsReadOnly, Is.False);
        await using var fencing = await _primary.OpenSessionAsync(_host.Users.Topology, Soon);
        await Assert.ThrowsAsync<MySqlTimeoutException>(async () => await fencing.QueryAsync(new Statement.SetReadOnly(On: true).Sql(flavor), Patience));
        var facts = await FactsAsync();
        Assert.That((facts.IsReadOnly, facts.IsClosing), Is.EqualTo((false, flavor == Flavor.MySql)), "MySQL shows one flag before it holds: seeing that one is no proof");
        await using var late = await _primary.OpenSessionAsync(_host.Users.Application, Soon);
        await Assert.ThrowsAsync<MySqlTimeoutException>(async () => await late.QueryAsync(WorkloadStatements.Insert("late", 1), Patience));
        Assert.That(_commit.IsCompleted, Is.False);
    }

    [Test]
    public async Task Killing_the_waiting_session_tells_its_client_nothing_and_lets_MariaDB_but_not_MySQL_be_fenced()
    {
        await KillClientsAsync();
        Assert.That(await EndedWithoutOkAsync(), "the client never hears an acknowledgement");
        await using var fencing = await _primary.OpenSessionAsync(_host.Users.Topology, Soon);
        if (flavor == Flavor.MariaDb)
        {
            await fencing.QueryAsync(new Statement.SetReadOnly(On: true).Sql(flavor), Soon);
            Assert.That((await FactsAsync()).IsReadOnly);
        }
        else
        {
            await Assert.ThrowsAsync<MySqlTimeoutException>(async () => await fencing.QueryAsync(new Statement.SetReadOnly(On: true).Sql(flavor), Patience));
            Assert.That((await SessionsAsync()).Any(s => s.Command is "Killed"), "the killed session goes on waiting");
        }
    }

    [Test]
    public async Task Killing_and_then_switching_semi_sync_off_releases_the_commit_unheard_and_the_fence_goes_up()
    {
        await KillClientsAsync();
        Assert.That(await EndedWithoutOkAsync());
        await _admin.QueryAsync(new Statement.SetSemiSync(On: false).Sql(flavor), Soon);
        await _admin.QueryAsync(new Statement.SetReadOnly(On: true).Sql(flavor), Soon);
        Assert.That((await FactsAsync()).IsReadOnly);
        await using var reader = await _primary.OpenSessionAsync(_host.Users.Application, Soon);
        Assert.That((await reader.QueryAsync(WorkloadStatements.ReadIds, Soon)).Rows, Has.Count.EqualTo(1), "committed here and nowhere else: an errant transaction");
        var refusal = await Assert.ThrowsAsync<MySqlServerException>(async () => await reader.QueryAsync(WorkloadStatements.Insert("late", 1), Soon));
        Assert.That(refusal!.IsReadOnly);
    }

    [Test]
    public async Task Offline_mode_of_MySQL_ends_every_client_and_keeps_new_ones_out_so_that_nothing_is_acknowledged_while_the_fence_goes_up()
    {
        if (flavor != Flavor.MySql) Assert.Ignore("MariaDB has no offline_mode, and needs none: killing the session frees it");
        await _admin.QueryAsync(SqlText.Of($"SET GLOBAL offline_mode = ON"), Soon);
        Assert.That(await EndedWithoutOkAsync());
        var refusal = await Assert.ThrowsAsync<MySqlServerException>(async () => await _primary.OpenSessionAsync(_host.Users.Application, Soon));
        Assert.That(refusal!.Code, Is.EqualTo(3032));
        await _admin.QueryAsync(new Statement.SetSemiSync(On: false).Sql(flavor), Soon);
        await _admin.QueryAsync(new Statement.SetReadOnly(On: true).Sql(flavor), Soon);
        await _admin.QueryAsync(SqlText.Of($"SET GLOBAL offline_mode = OFF"), Soon);
        await using var reader = await _primary.OpenSessionAsync(_host.Users.Application, Soon);
        await Assert.ThrowsAsync<MySqlServerException>(async () => await reader.QueryAsync(WorkloadStatements.Insert("late", 1), Soon));
    }

    [Test]
    public async Task Switching_semi_sync_off_alone_acknowledges_the_waiting_commit_without_any_replica()
    {
        await _admin.QueryAsync(new Statement.SetSemiSync(On: false).Sql(flavor), Soon);
        await _commit.WaitAsync(Soon);
    }

    [Test]
    public async Task After_a_kill_9_and_restart_the_unacknowledged_row_is_there_and_the_server_is_closed()
    {
        await _primary.RestartAsync(LiveMachine.StartDeadline);
        await using var reader = await _primary.OpenSessionAsync(_host.Users.Application, Soon);
        Assert.That((await reader.QueryAsync(WorkloadStatements.ReadIds, Soon)).Rows, Has.Count.EqualTo(1));
        var refusal = await Assert.ThrowsAsync<MySqlServerException>(async () => await reader.QueryAsync(WorkloadStatements.Insert("late", 1), Soon));
        Assert.That(refusal!.IsReadOnly);
    }

    private async Task KillClientsAsync()
    {
        foreach (var session in (await SessionsAsync()).Where(s => s.User.Equals(_host.Users.Application.User, StringComparison.Ordinal)))
        {
            await _admin.QueryAsync(new Statement.KillSession(session.Id).Sql(flavor), Soon);
        }
    }

    private async Task<bool> EndedWithoutOkAsync()
    {
        try
        {
            await _commit.WaitAsync(Soon);
            return false;
        }
        catch (MySqlException)
        {
            return true;
        }
    }

    private async Task<ServerFacts> FactsAsync() => ServerFacts.Read(await _admin.QueryAsync(new Statement.ReadFacts().Sql(flavor), Soon), flavor);

    private async Task<IReadOnlyList<(long Id, string User, string Command, string State)>> SessionsAsync()
    {
        var table = await _admin.QueryAsync(SqlText.Of($"SELECT ID, USER, COMMAND, STATE FROM information_schema.PROCESSLIST"), Soon);
        return [.. table.Rows.Select(r => (long.Parse(r[0]!), r[1] ?? "", r[2] ?? "", r[3] ?? ""))];
    }

    private static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        var begin = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            if (TimeProvider.System.GetElapsedTime(begin) > Soon) Assert.Fail($"waited in vain until {what}");
            await Task.Delay(20);
        }
    }
}
