using System.Diagnostics;
using Verify.MySql.Tests.Support;

namespace Verify.MySql.Tests.Real;

/// <summary>Servers that freeze, statements that last, answers that are too long: on real servers.</summary>
[TestFixture(Flavor.MySql)]
[TestFixture(Flavor.MariaDb)]
public class RealSessionTests(Flavor flavor) : RealServerFixture(flavor)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(700);
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(5);

    [Test]
    public async Task A_frozen_server_is_given_up_at_the_deadline_on_an_open_session([Values(TlsMode.Disabled, TlsMode.Required)] TlsMode tls)
    {
        await using var session = await Db1.OpenAsync(Db1.Users.Topology with { Tls = tls });
        await FreezeAsync();
        try
        {
            var begin = Stopwatch.GetTimestamp();
            await Assert.ThrowsAsync<MySqlTimeoutException>(() => session.QueryAsync(new Statement.ReadFacts().Sql(Flavor), Deadline).AsTask());
            Assert.That(Stopwatch.GetElapsedTime(begin), Is.GreaterThan(Deadline * 0.9).And.LessThan(Late));
            Assert.That(session.IsOpen, Is.False);
        }
        finally
        {
            Db1.Server.Resume();
        }
    }

    [Test]
    public async Task A_frozen_server_accepts_the_connection_and_is_given_up_at_the_deadline_of_the_login([Values(TlsMode.Disabled, TlsMode.Required)] TlsMode tls)
    {
        await FreezeAsync();
        try
        {
            var stream = await Db1.ConnectAsync();
            var begin = Stopwatch.GetTimestamp();
            await Assert.ThrowsAsync<MySqlTimeoutException>(() =>
                MySqlSession.OpenAsync(stream, Db1.Users.Topology with { Tls = tls }, TimeProvider.System, Deadline).AsTask());
            Assert.That(Stopwatch.GetElapsedTime(begin), Is.GreaterThan(Deadline * 0.9).And.LessThan(Late));
            Assert.Throws<ObjectDisposedException>(() => stream.ReadByte());
        }
        finally
        {
            Db1.Server.Resume();
        }
    }

    [Test]
    public async Task A_statement_that_lasts_is_given_up_at_its_deadline_or_when_it_is_cancelled([Values] bool cancels, [Values(TlsMode.Disabled, TlsMode.Required)] TlsMode tls)
    {
        var session = await Db1.OpenAsync(Db1.Users.Topology with { Tls = tls });
        using var cancel = new CancellationTokenSource();
        var begin = Stopwatch.GetTimestamp();
        var sleeping = session.QueryAsync(SqlText.Of($"SELECT SLEEP(20)"), cancels ? ServerUnderTest.Patience : Deadline, cancel.Token).AsTask();
        if (cancels)
        {
            await cancel.CancelAsync();
            await Assert.CatchAsync<OperationCanceledException>(() => sleeping);
        }
        else
        {
            await Assert.ThrowsAsync<MySqlTimeoutException>(() => sleeping);
        }

        Assert.That(Stopwatch.GetElapsedTime(begin), Is.LessThan(Late));
        Assert.That(session.IsOpen, Is.False);
        await session.DisposeAsync();
    }

    [Test]
    public async Task An_answer_of_many_rows_and_of_long_values_is_read_whole()
    {
        await using var session = await Db1.OpenAsync();
        var table = await session.Run(RawSql.Of(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, REPEAT('é', i * 10) AS t, NULL AS nothing FROM n"));
        Assert.That(table.Rows, Has.Count.EqualTo(900));
        for (var i = 0; i < 900; i++)
        {
            Assert.That(table.Rows[i], Is.EqualTo(new[] { $"{i + 1}", new string('é', (i + 1) * 10), null }));
        }
    }

    [Test]
    public async Task A_value_of_nearly_16_MiB_is_read_and_a_longer_one_ends_the_session()
    {
        await using var session = await Db1.OpenAsync(Db1.Users.Topology);
        var limit = long.Parse((await session.Run(SqlText.Of($"SELECT @@global.max_allowed_packet AS m"))).Text(0, "m")!);
        var table = await session.Run(SqlText.Of($"SELECT REPEAT('x', 16000000) AS x"));
        Assert.That(table.Text(0, "x"), Has.Length.EqualTo(16_000_000));
        if (limit <= 1L << 24) Assert.Ignore($"max_allowed_packet is {limit} here: this server sends nothing longer");

        await Assert.ThrowsAsync<MySqlProtocolException>(() => session.Run(SqlText.Of($"SELECT REPEAT('x', 17000000) AS x")).AsTask());
        Assert.That(session.IsOpen, Is.False);
    }

    [Test]
    public async Task Local_files_second_statements_and_second_answers_are_refused_by_the_server_because_the_client_offers_none()
    {
        await using var session = await Db1.OpenAsync();
        await session.Run(SqlText.Of($"CREATE TEMPORARY TABLE mysql.t (a INT)"));
        foreach (var sql in new[] { "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE mysql.t", "SELECT 1; SELECT 2" })
        {
            var e = await Assert.ThrowsAsync<MySqlServerException>(() => session.Run(RawSql.Of(sql)).AsTask());
            Assert.That(e!.Code, Is.AnyOf(1064, 1148, 3948, 4166), e.Message);
        }

        Assert.That(session.IsOpen, Is.True);
    }

    [Test]
    public async Task Two_statements_at_once_are_a_mistake_of_the_caller()
    {
        await using var session = await Db1.OpenAsync();
        var first = session.Run(SqlText.Of($"SELECT SLEEP(0.3) AS s")).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(() => session.Run(SqlText.Of($"SELECT 1")).AsTask());
        Assert.That((await first).Text(0, "s"), Is.EqualTo("0"));
        Assert.That(session.IsOpen, Is.True);
    }

    [Test]
    public async Task A_closed_session_is_gone_from_the_server()
    {
        await using var watcher = await Db1.OpenAsync();
        var session = await Db1.OpenAsync();
        Assert.That(await IsListedAsync(watcher, session.SessionId), Is.True);
        await session.DisposeAsync();
        var begin = Stopwatch.GetTimestamp();
        while (await IsListedAsync(watcher, session.SessionId))
        {
            Assert.That(Stopwatch.GetElapsedTime(begin), Is.LessThan(Late), "COM_QUIT was not heard");
        }
    }

    /// <summary>A stop signal reaches the threads of a process one after the other: waits until all of them stand still.</summary>
    private async Task FreezeAsync()
    {
        Db1.Server.Pause();
        var begin = Stopwatch.GetTimestamp();
        while (Directory.GetDirectories($"/proc/{Db1.Server.Pid}/task").Any(task => !File.ReadAllText(Path.Combine(task, "stat")).Contains(") T ", StringComparison.Ordinal)))
        {
            Assert.That(Stopwatch.GetElapsedTime(begin), Is.LessThan(Late), "the server does not stand still");
            await Task.Delay(1);
        }
    }

    private async Task<bool> IsListedAsync(MySqlSession watcher, long id)
    {
        var table = await watcher.Run(new Statement.ListSessions());
        return Enumerable.Range(0, table.Rows.Count).Any(i => string.Equals(table.Text(i, "ID"), $"{id}", StringComparison.Ordinal));
    }
}
