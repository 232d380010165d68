using Verify.MySql.Wire;

namespace Verify.MySql.Tests.Support;

/// <summary>The other end of a session, played by the test line by line.</summary>
internal sealed class ScriptedServer
{
    public const Capabilities Offered = Capabilities.MySqlProtocol | Capabilities.LongColumnFlags | Capabilities.ConnectWithDatabase
        | Capabilities.Protocol41 | Capabilities.Transactions | Capabilities.SecureConnection | Capabilities.PluginAuth
        | Capabilities.PluginAuthLengthEncoded | Capabilities.DeprecateEof;

    public static readonly byte[] Seed = [.. Enumerable.Range(1, Greeting.SeedBytes).Select(i => (byte)i)];
    public static readonly MySqlLogin Login = new("someone", "secret") { Tls = TlsMode.Disabled };
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    private readonly PacketReader _reader;

    public ScriptedServer(bool clientIsStubborn = false)
    {
        (Client, Stream) = DuplexStream.Pair(clientIsStubborn);
        _reader = new(Stream);
    }

    public ManualTime Time { get; } = new();

    public DuplexStream Client { get; }

    public DuplexStream Stream { get; }

    public PacketWriter Writer { get; } = new();

    public LoginRequest? LoggedIn { get; private set; }

    /// <summary>A session that is logged in, with the given capabilities.</summary>
    public static async Task<(ScriptedServer Server, MySqlSession Session)> WithSessionAsync(Capabilities offered = Offered)
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.LetInAsync(offered);
        return (server, await opening);
    }

    public Task<MySqlSession> Open(MySqlLogin? login = null, CancellationToken cancel = default) =>
        MySqlSession.OpenAsync(Client, login ?? Login, Time, Deadline, cancel).AsTask();

    public Task<ResultTable> Query(MySqlSession session, string sql = "SELECT 1", CancellationToken cancel = default) =>
        session.QueryAsync(RawSql.Of(sql), Deadline, cancel).AsTask();

    public async Task LetInAsync(Capabilities offered = Offered)
    {
        await GreetAsync(offered, PasswordProof.Native);
        LoggedIn = LoginRequest.Parse(await ReadAsync());
        new OkPacket(0, ServerStatus.AutoCommit).Write(Writer, sequence: 2);
        await SendAsync();
    }

    public async Task GreetAsync(Capabilities offered = Offered, string plugin = PasswordProof.CachingSha2, string version = "9.7.4")
    {
        new Greeting(version, SessionId: 7, Seed, offered, plugin).Write(Writer);
        await SendAsync();
    }

    /// <summary>The next packet's payload, whatever its number.</summary>
    public async Task<byte[]> ReadAsync()
    {
        while (_reader.Buffered < PacketReader.HeaderBytes) await _reader.FillAsync("a packet of the client", default);
        var packet = await _reader.ReadAsync("a packet of the client", default);
        return packet.ToArray();
    }

    /// <summary>Reads a command; its numbers begin at zero again.</summary>
    public async Task<byte[]> ReadCommandAsync()
    {
        _reader.NextSequence = 0;
        return await ReadAsync();
    }

    public void Expect(byte sequence) => _reader.NextSequence = sequence;

    public async Task SendAsync()
    {
        _reader.NextSequence = 1;
        await Writer.SendAsync(Stream, default);
    }

    public ValueTask SendHexAsync(string hex) => Stream.WriteAsync(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
}

/// <summary>Statements that only tests may write freely.</summary>
internal static class RawSql
{
    public static SqlText Of(string sql)
    {
        var handler = new SqlTextHandler(sql.Length, 0);
        handler.AppendLiteral(sql);
        return SqlText.Of(handler);
    }
}
