using Verify.MySql.Tests.Support;
using Verify.MySql.Wire;

namespace Verify.MySql.Tests;

/// <summary>A server that stops answering, wherever it stops, costs its caller the deadline and not a moment more.</summary>
public class SessionDeadlineTests
{
    private static readonly TimeSpan OneTick = TimeSpan.FromTicks(1);

    /// <summary>Inline completion needs a thread without a context, as in the simulator; the test runner installs one.</summary>
    [SetUp]
    public void Leave_the_runner_s_context() => SynchronizationContext.SetSynchronizationContext(null);

    [Test]
    public async Task A_server_that_never_greets_is_given_up_at_the_deadline_and_not_before([Values] bool isStubborn)
    {
        var server = new ScriptedServer(isStubborn);
        var opening = server.Open();
        server.Time.Advance(ScriptedServer.Deadline - OneTick);
        Assert.That(opening.IsCompleted, Is.False);
        server.Time.Advance(OneTick);
        Assert.That(opening.IsCompleted, Is.True);
        await AssertGivenUp(opening, server);
    }

    [Test]
    public async Task A_deadline_in_the_same_moment_as_the_end_of_the_exchange_is_a_timeout_all_the_same() =>
        await Assert.ThrowsAsync<MySqlTimeoutException>(async () =>
            await MySqlSession.OpenAsync(new StreamAtItsDeadline(), ScriptedServer.Login, TimeProvider.System, ScriptedServer.Deadline));

    /// <summary>What that moment looks like from outside: the exchange is over, and the wait says that the time is, too. (It halted a
    /// node under load: nobody expected anything but an error of this client.)</summary>
    private sealed class StreamAtItsDeadline : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new TimeoutException();
    }

    [Test]
    public async Task A_server_that_freezes_after_its_greeting_is_given_up_at_the_deadline([Values] bool isStubborn)
    {
        var server = new ScriptedServer(isStubborn);
        var opening = server.Open();
        await server.GreetAsync();
        server.Time.Advance(ScriptedServer.Deadline);
        await AssertGivenUp(opening, server);
    }

    [Test]
    public async Task A_server_that_freezes_inside_TLS_is_given_up_at_the_deadline([Values] bool isStubborn)
    {
        var server = new ScriptedServer(isStubborn);
        var opening = server.Open(ScriptedServer.Login with { Tls = TlsMode.Required });
        await server.GreetAsync(ScriptedServer.Offered | Capabilities.Tls);
        Assert.That(LoginRequest.Parse(await server.ReadAsync()).IsTlsRequest, Is.True);
        server.Time.Advance(ScriptedServer.Deadline);
        await AssertGivenUp(opening, server);
    }

    [Test]
    public async Task A_server_that_freezes_between_proof_and_verdict_is_given_up_at_the_deadline()
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.GreetAsync();
        await server.ReadAsync();
        await server.SendHexAsync("02000002 01 04"); // wants the password; then says nothing to the request for its key
        server.Time.Advance(ScriptedServer.Deadline);
        await AssertGivenUp(opening, server);
    }

    [TestCase("", TestName = "A_statement_without_any_answer_is_given_up_at_the_deadline")]
    [TestCase("01000001 02  17000002 03646566000000 0161 00 0c 2d00 00040000 fd 0000 00 0000", TestName = "A_statement_whose_answer_freezes_between_columns_is_given_up_at_the_deadline")]
    [TestCase("01000001 01  17000002 03646566000000 0161 00 0c 2d00 00040000 fd 0000 00 0000 02000003 0131 0500", TestName = "A_statement_whose_answer_freezes_inside_a_row_is_given_up_at_the_deadline")]
    public async Task Frozen_in_an_answer(string answer)
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var query = server.Query(session);
        await server.SendHexAsync(answer);
        server.Time.Advance(ScriptedServer.Deadline - OneTick);
        Assert.That(query.IsCompleted, Is.False);
        server.Time.Advance(OneTick);
        Assert.That(query.IsCompleted, Is.True);
        var e = await Assert.ThrowsAsync<MySqlTimeoutException>(() => query);
        Assert.That(e!.Message, Is.EqualTo("SELECT 1: no answer within 2000 ms"));
        await AssertClosed(server, session);
    }

    [Test]
    public async Task A_connection_that_takes_no_bytes_is_given_up_at_the_deadline()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        server.Client.IsWriteStuck = true;
        var query = server.Query(session);
        server.Time.Advance(ScriptedServer.Deadline);
        await Assert.ThrowsAsync<MySqlTimeoutException>(() => query);
        await AssertClosed(server, session);
    }

    [Test]
    public async Task Single_bytes_that_drip_in_do_not_prolong_the_deadline()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var query = server.Query(session);
        await server.SendHexAsync("ff000001");
        for (var i = 0; i < 20 && !query.IsCompleted; i++)
        {
            await server.SendHexAsync("00");
            server.Time.Advance(ScriptedServer.Deadline / 10);
        }

        await Assert.ThrowsAsync<MySqlTimeoutException>(() => query);
        Assert.That(server.Time.GetUtcNow(), Is.EqualTo(DateTimeOffset.UnixEpoch + ScriptedServer.Deadline));
    }

    [Test]
    public async Task A_cancelled_statement_ends_at_once_and_closes_the_connection()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        using var cancel = new CancellationTokenSource();
        var query = server.Query(session, cancel: cancel.Token);
        await cancel.CancelAsync();
        Assert.That(query.IsCompleted, Is.True);
        await Assert.CatchAsync<OperationCanceledException>(() => query);
        await AssertClosed(server, session);
    }

    [Test]
    public async Task A_cancelled_login_ends_at_once_and_closes_the_connection()
    {
        var server = new ScriptedServer();
        using var cancel = new CancellationTokenSource();
        var opening = server.Open(cancel: cancel.Token);
        await cancel.CancelAsync();
        Assert.That(opening.IsCompleted, Is.True);
        await Assert.CatchAsync<OperationCanceledException>(() => opening);
        Assert.That(server.Client.IsClosed, Is.True);
    }

    [Test]
    public async Task An_answer_in_time_leaves_no_timer_behind()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var query = server.Query(session);
        await server.SendHexAsync("07000001 00 05 00 0200 0000");
        Assert.That((await query).AffectedRows, Is.EqualTo(5));
        Assert.That(server.Time.ArmedTimers, Is.Zero);
        Assert.That(session.IsOpen, Is.True);
    }

    [Test]
    public async Task Closing_says_goodbye_to_a_server_that_listens()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        await session.DisposeAsync();
        Assert.That(await server.ReadCommandAsync(), Is.EqualTo(new[] { (byte)Command.Quit }));
        await AssertClosed(server, session);
    }

    [Test]
    public async Task Closing_waits_a_quarter_second_at_most_for_a_server_that_does_not_listen()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        server.Client.IsWriteStuck = true;
        var closing = session.DisposeAsync().AsTask();
        Assert.That(closing.IsCompleted, Is.False);
        server.Time.Advance(TimeSpan.FromMilliseconds(250));
        Assert.That(closing.Status, Is.EqualTo(TaskStatus.RanToCompletion), closing.Exception?.ToString());
        await AssertClosed(server, session);
    }

    [Test]
    public async Task Closing_under_a_running_statement_ends_the_statement()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var query = server.Query(session);
        await session.DisposeAsync();
        Assert.That(query.IsCompleted, Is.True);
        await Assert.ThrowsAsync<MySqlProtocolException>(() => query);
    }

    private static async Task AssertGivenUp(Task<MySqlSession> opening, ScriptedServer server)
    {
        Assert.That(opening.IsCompleted, Is.True, "the deadline must end it, not a later event");
        var e = await Assert.ThrowsAsync<MySqlTimeoutException>(() => opening);
        Assert.That(e!.Message, Is.EqualTo("the login: no answer within 2000 ms"));
        Assert.That(server.Client.IsClosed, Is.True);
        Assert.That(server.Time.ArmedTimers, Is.Zero);
    }

    private static async Task AssertClosed(ScriptedServer server, MySqlSession session)
    {
        Assert.That(session.IsOpen, Is.False);
        Assert.That(server.Client.IsClosed, Is.True);
        await Assert.ThrowsAsync<InvalidOperationException>(() => server.Query(session));
    }
}
