using Verify.MySql.Tests.Support;
using Verify.MySql.Wire;

namespace Verify.MySql.Tests;

/// <summary>Whatever the other side sends, the session names what is wrong, closes, and keeps no more than it must.</summary>
public class HostileServerTests
{
    private const string OneColumn = "01000001 01  17000002 03646566000000 0161 00 0c 2d00 00040000 fd 0000 00 0000";

    [SetUp]
    public void Leave_the_runner_s_context() => SynchronizationContext.SetSynchronizationContext(null);

    [TestCase("485454502f312e3120343030", "a packet of 5526600 bytes; the limit is 65536", TestName = "A_web_server_on_the_port")]
    [TestCase("5353482d322e302d4f70656e", "a packet of 4739923 bytes", TestName = "An_ssh_server_on_the_port")]
    [TestCase("01000000 09", "protocol version 9", TestName = "A_greeting_of_the_last_century")]
    [TestCase("01000003 0a", "packet number 3 where 0 should be", TestName = "A_greeting_out_of_sequence")]
    [TestCase("00000000", "greeting: found 0 bytes where a byte", TestName = "An_empty_greeting")]
    [TestCase("05000000 0a39 2e37 2e", "a text without its closing zero byte", TestName = "A_greeting_cut_inside_the_version")]
    [TestCase("ffffff00 0a", "a packet of 16777215 bytes", TestName = "A_greeting_that_claims_16_MiB")]
    public async Task Garbled_greeting(string hex, string message)
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.SendHexAsync(hex);
        await AssertProtocolError(opening, message);
        Assert.That(server.Client.IsClosed, Is.True);
    }

    [Test]
    public async Task A_server_that_refuses_instead_of_greeting_is_quoted()
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.SendHexAsync("17000000 ff 1004 546f6f206d616e7920636f6e6e656374696f6e73");
        var e = await Assert.ThrowsAsync<MySqlServerException>(() => opening);
        Assert.That((e!.Code, e.ServerMessage), Is.EqualTo((1040, "Too many connections")));
    }

    [Test]
    public async Task A_connection_that_ends_before_the_greeting_is_no_timeout()
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.Stream.DisposeAsync();
        await AssertProtocolError(opening, "the connection ended where the server's greeting should be");
    }

    [Test]
    public async Task A_connection_that_ends_inside_the_greeting_says_where()
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.SendHexAsync("4a000000 0a39");
        await server.Stream.DisposeAsync();
        await AssertProtocolError(opening, "the connection ended inside the server's greeting, 6 bytes after its beginning");
    }

    [Test]
    public async Task A_server_too_old_for_the_protocol_is_told_apart()
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.GreetAsync(Capabilities.Protocol41, version: "4.1.22");
        await AssertProtocolError(opening, "the server (4.1.22) lacks SecureConnection, PluginAuth");
    }

    [Test]
    public async Task A_login_that_requires_TLS_sends_nothing_to_a_server_without_it()
    {
        var server = new ScriptedServer();
        var opening = server.Open(ScriptedServer.Login with { Tls = TlsMode.Required });
        await server.GreetAsync();
        await AssertProtocolError(opening, "the server offers no TLS, and this login requires it");
        Assert.That(await server.Stream.ReadAsync(new byte[1]), Is.Zero, "the client must not have sent anything");
    }

    [Test]
    public async Task Bytes_smuggled_in_before_TLS_are_refused()
    {
        var server = new ScriptedServer();
        var opening = server.Open(ScriptedServer.Login with { Tls = TlsMode.Required });
        new Greeting("9.7.4", 7, ScriptedServer.Seed, ScriptedServer.Offered | Capabilities.Tls, PasswordProof.CachingSha2).Write(server.Writer);
        new OkPacket(0, ServerStatus.None).Write(server.Writer, sequence: 2);
        await server.SendAsync();
        await AssertProtocolError(opening, "11 bytes behind the greeting, before TLS");
    }

    [TestCase("mysql_clear_password")]
    [TestCase("dialog")]
    [TestCase("client_ed25519")]
    public async Task A_method_that_is_not_ours_is_refused_by_name_and_the_password_stays_here(string plugin)
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.GreetAsync();
        await server.ReadAsync();
        server.Writer.Begin(2).Byte(Header.AuthSwitch).ZeroEnded(plugin).Bytes(ScriptedServer.Seed).Byte(0).End();
        await server.SendAsync();
        await AssertProtocolError(opening, $"the server wants 'someone' to log in by {plugin}; give the account caching_sha2_password (MySQL)");
        Assert.That(await server.Stream.ReadAsync(new byte[1]), Is.Zero, "the client must not have answered");
    }

    [TestCase("01000002 fe", "the password hash of MySQL before 4.1")]
    [TestCase("19000002 fe 63616368696e675f736861325f70617373776f7264 00 0102", "a seed of 2 bytes")]
    [TestCase("02000002 01 05", "while logging in by caching_sha2_password: a packet of 2 bytes that begins 0x0105")]
    [TestCase("00000002", "a packet of 0 bytes")]
    [TestCase("01000002 aa", "begins 0xaa")]
    [TestCase("07000005 00 00 00 0200 0000", "packet number 5 where 2 should be")]
    public async Task Garbled_answer_to_the_login(string hex, string message)
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.GreetAsync();
        await server.ReadAsync();
        await server.SendHexAsync(hex);
        await AssertProtocolError(opening, message);
    }

    [Test]
    public async Task A_server_that_switches_methods_for_ever_is_left()
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.GreetAsync();
        byte sequence = 1;
        for (var i = 0; i < 10 && !opening.IsCompleted; i++)
        {
            server.Expect(sequence);
            await server.ReadAsync();
            server.Writer.Begin(++sequence).Byte(Header.AuthSwitch).ZeroEnded(PasswordProof.Native).Bytes(ScriptedServer.Seed).Byte(0).End();
            await server.Writer.SendAsync(server.Stream, default);
            sequence++;
        }

        await AssertProtocolError(opening, "while logging in by mysql_native_password");
    }

    [Test]
    public async Task A_key_that_is_no_key_is_refused()
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.GreetAsync();
        await server.ReadAsync();
        await server.SendHexAsync("02000002 01 04");
        await server.SendHexAsync("06000004 01 6162636465");
        await AssertProtocolError(opening, "what the server sent as its RSA public key cannot be used as one");
    }

    [Test]
    public async Task A_key_too_short_to_protect_a_password_is_refused()
    {
#pragma warning disable CA5385 // that it is too short is the point
        using var rsa = System.Security.Cryptography.RSA.Create(1024);
#pragma warning restore CA5385
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.GreetAsync();
        await server.ReadAsync();
        await server.SendHexAsync("02000002 01 04");
        server.Writer.Begin(4).Byte(Header.MoreAuthData).Text(rsa.ExportSubjectPublicKeyInfoPem()).End();
        await server.SendAsync();
        await AssertProtocolError(opening, "the server's RSA key has 1024 bits");
    }

    [Test]
    public async Task A_server_that_asks_for_a_local_file_gets_an_empty_packet_and_loses_the_session()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var query = server.Query(session);
        await server.ReadCommandAsync();
        await server.SendHexAsync("0c000001 fb 2f6574632f706173737764");
        await AssertProtocolError(query, "the server asked for a file of this machine");
        server.Expect(sequence: 2);
        Assert.That(await server.ReadAsync(), Is.Empty);
        Assert.That(await server.Stream.ReadAsync(new byte[1]), Is.Zero, "nothing may follow the empty packet");
        Assert.That(session.IsOpen, Is.False);
    }

    [TestCase("00000001", "an empty packet where an answer should be")]
    [TestCase("01000000 00", "packet number 0 where 1 should be")]
    [TestCase("01000001 00", "OK packet: found 0 bytes where a byte")]
    [TestCase("02000001 ff 10", "error packet: found 1 bytes where a 2-byte integer")]
    [TestCase("03000001 fc ffff", "65535 columns")]
    [TestCase("02000001 01 01", "1 columns in a packet of 2 bytes")]
    [TestCase("ffffff01 01", "a packet of 16777215 bytes; the limit is 16777214")]
    [TestCase("07000001 00 00 00 0a00 0000", "a second answer to one statement")]
    [TestCase("01000001 01  05000002 03646566 05", "column definition: found a text of 5 bytes at offset 4 of 5")]
    [TestCase("01000001 01  03000002 fe0000", "column definition: found")]
    [TestCase(OneColumn + "00000003", "an empty packet where a row should be")]
    [TestCase(OneColumn + "02000003 05 61", "row: found a text of 5 bytes at offset 0 of 2")]
    [TestCase(OneColumn + "03000003 01 61 62", "1 bytes behind the last of 1 columns")]
    [TestCase(OneColumn + "09000003 fe ffffffffffffffff", "packet")]
    [TestCase(OneColumn + "0a000003 fd ffffff 00 00 00 00 00 00", "a text of 16777215 bytes")]
    [TestCase(OneColumn + "02000003 01 61 02000009 01 61", "packet number 9 where 4 should be")]
    public async Task Garbled_answer(string hex, string message)
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var query = server.Query(session);
        await server.SendHexAsync(hex);
        await AssertProtocolError(query, message);
        Assert.That(session.IsOpen, Is.False);
        Assert.That(server.Client.IsClosed, Is.True);
    }

    [Test]
    public async Task Rows_without_end_stop_at_the_limit_of_the_login()
    {
        var server = new ScriptedServer();
        var opening = server.Open(ScriptedServer.Login with { AnswerBytesMax = 100_000 });
        await server.LetInAsync();
        var query = server.Query(await opening);
        await server.SendHexAsync(OneColumn);
        byte sequence = 3;
        var sent = 0;
        for (; sent < 1_000_000 && !query.IsCompleted; sent += 1000)
        {
            ResultSet.WriteRow(server.Writer, sequence++, [new string('x', 996)]);
            await server.Writer.SendAsync(server.Stream, default);
        }

        await AssertProtocolError(query, "an answer of more than 100000 bytes");
        Assert.That(sent, Is.LessThan(110_000));
    }

    [Test]
    public async Task A_long_packet_that_is_only_announced_costs_no_memory()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var before = GC.GetAllocatedBytesForCurrentThread();
        var query = server.Query(session);
        await server.SendHexAsync("feffff01 01");
        server.Time.Advance(ScriptedServer.Deadline);
        await Assert.ThrowsAsync<MySqlTimeoutException>(() => query);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1_000_000));
    }

    [Test]
    public async Task A_statement_too_long_for_one_packet_is_not_sent()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var query = server.Query(session, new string(' ', PacketReader.PayloadBytesMax));
        await AssertProtocolError(query, "a packet of 16777215 bytes was not sent");
        Assert.That(await server.Stream.ReadAsync(new byte[1]), Is.Zero);
    }

    [Test]
    public async Task A_server_that_ended_an_idle_session_is_quoted_at_the_next_statement()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        ErrorPacket.Write(server.Writer, 0, 4031, "HY000", "The client was disconnected by the server because of inactivity.");
        await server.SendAsync();
        await AssertProtocolError(server.Query(session), "the server ended the session: 4031 (HY000): The client was disconnected");
    }

    [Test]
    public async Task An_error_that_ends_the_session_leaves_it_closed()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var query = server.Query(session);
        ErrorPacket.Write(server.Writer, 1, 1927, "70100", "Connection was killed");
        await server.SendAsync();
        Assert.That((await Assert.ThrowsAsync<MySqlServerException>(() => query))!.Code, Is.EqualTo(1927));
        Assert.That(session.IsOpen, Is.False);
    }

    [Test]
    public async Task A_refused_statement_leaves_the_session_open_also_in_the_middle_of_rows([Values] bool inRows)
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var query = server.Query(session);
        if (inRows) await server.SendHexAsync(OneColumn);
        ErrorPacket.Write(server.Writer, (byte)(inRows ? 3 : 1), 1290, "HY000", "running with the --super-read-only option");
        await server.SendAsync();
        var e = await Assert.ThrowsAsync<MySqlServerException>(() => query);
        Assert.That(e!.IsReadOnly, Is.True);
        Assert.That(e.Message, Is.EqualTo("1290 (HY000): running with the --super-read-only option"));

        var next = server.Query(session);
        await server.SendHexAsync("07000001 00 00 00 0200 0000");
        Assert.That((await next).Columns, Is.Empty);
    }

    [Test]
    public async Task A_second_statement_before_the_first_is_answered_is_a_mistake_of_the_caller_and_harms_nothing()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var first = server.Query(session);
        await Assert.ThrowsAsync<InvalidOperationException>(() => server.Query(session));
        await server.SendHexAsync("07000001 00 01 00 0200 0000");
        Assert.That((await first).AffectedRows, Is.EqualTo(1));
        Assert.That(session.IsOpen, Is.True);
    }

    [Test]
    public async Task No_message_and_no_text_of_a_login_shows_a_password()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        var change = new Statement.ChangeSource("h", 3306, "repl", "hush-hush");
        var query = session.QueryAsync(change.Sql(Flavor.MySql), ScriptedServer.Deadline).AsTask();
        server.Time.Advance(ScriptedServer.Deadline);
        var e = await Assert.ThrowsAsync<MySqlTimeoutException>(() => query);
        Assert.That(e!.Message, Is.EqualTo("CHANGE REPLICATION: no answer within 2000 ms"));
        Assert.That($"{change} {ScriptedServer.Login}", Does.Not.Contain("hush").And.Not.Contain("secret"));
    }

    private static async Task AssertProtocolError(Task task, string message)
    {
        Assert.That(task.IsCompleted, Is.True, "no answer and no error");
        var e = await Assert.ThrowsAsync<MySqlProtocolException>(() => task);
        Assert.That(e!.Message, Does.Contain(message));
    }
}
