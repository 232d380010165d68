using Verify.MySql;
using Verify.MySql.Wire;
using Verify.Node.Seam;

namespace Verify.Sim.Fleet;

/// <summary>The server's end of one connection: greeting, login, one statement after the other; or a replica that fetches. It
/// carries bytes and decides nothing.</summary>
internal sealed class ClientConnection
{
    private const Capabilities Offered = Capabilities.LongColumnFlags | Capabilities.ConnectWithDatabase | Capabilities.Protocol41
        | Capabilities.Transactions | Capabilities.SecureConnection | Capabilities.PluginAuth | Capabilities.PluginAuthLengthEncoded
        | Capabilities.DeprecateEof;
    private const byte ProofAccepted = 3;

    private readonly SimMySqlServer _server;
    private readonly Stream _stream;
    private readonly int _life;
    private readonly PacketReader _reader;
    private readonly PacketWriter _writer = new();
    private TaskCompletionSource<ServerAnswer>? _waits;
    private ServerAnswer? _answer;
    private Capabilities _agreed;
    private bool _isBroken;
    private bool _closesAfterAnswer;

    public ClientConnection(SimMySqlServer server, Stream stream, int life)
    {
        (_server, _stream, _life) = (server, stream, life);
        _reader = new(stream);
        SessionId = server.Model.NextSessionId();
    }

    public long SessionId { get; }

    /// <summary>The replica that fetches over this connection; 0 for none.</summary>
    public uint DumpsTo { get; private set; }

    private bool IsOver => _isBroken || _life != _server.Life;

    public async Task RunAsync()
    {
        try
        {
            await _server.WhenRunning();
            if (!IsOver && await LogInAsync()) await ServeAsync();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or MySqlProtocolException)
        {
            // The client is gone or speaks nonsense: a real server drops the connection as well, without a word.
            _isBroken = true;
        }

        await _stream.DisposeAsync();
        if (_life == _server.Life) _server.Leave(this);
    }

    /// <summary>The answer to the statement that is under way.</summary>
    public void Answer(ServerAnswer answer)
    {
        if (_waits is { } waits) waits.TrySetResult(answer);
        else _answer = answer;
    }

    /// <summary>KILL: the connection ends now, or behind the answer that is on its way (a session that kills itself is told so).</summary>
    public void End()
    {
        if (_answer is not null) _closesAfterAnswer = true;
        else Break();
    }

    /// <summary>Ends the connection from the server's side.</summary>
    public void Break()
    {
        if (_isBroken) return;
        _isBroken = true;
        _stream.Dispose();
        _waits?.TrySetException(new IOException("the session was ended"));
    }

    private async Task<bool> LogInAsync()
    {
        var isMySql = _server.Options.Flavor == Flavor.MySql;
        var seed = Seed();

        // A MariaDB server does not claim the first bit: so it says that it has extended flags.
        var offered = isMySql ? Offered | Capabilities.MySqlProtocol : Offered;
        new Greeting(_server.Options.GreetingVersion, (uint)SessionId, seed, offered, isMySql ? PasswordProof.CachingSha2 : PasswordProof.Native).Write(_writer);
        await _writer.SendAsync(_stream, default);
        _reader.NextSequence = 1;
        var request = LoginRequest.Parse((await _reader.ReadAsync("a login", default)).Span);
        await _server.WhenRunning();
        if (IsOver) return false;
        _agreed = request.Capabilities & offered;
        var account = _server.Model.FindAccount(request.User);
        if (account is null || !request.AuthResponse.AsSpan().SequenceEqual(isMySql
            ? PasswordProof.OfCachingSha2(account.Password, seed) : PasswordProof.OfNative(account.Password, seed)))
        {
            return await RefuseAsync(ServerErrors.BadLogin(request.User, "sim"));
        }

        byte sequence = 2;
        if (isMySql) _writer.Begin(sequence++).Byte(Header.MoreAuthData).Byte(ProofAccepted).End();
        new OkPacket(0, ServerStatus.AutoCommit).Write(_writer, sequence);
        _server.Model.Open(SessionId, account);
        _server.Enter(this);
        await _writer.SendAsync(_stream, default);
        return true;
    }

    private async Task<bool> RefuseAsync(ServerAnswer.Error refusal)
    {
        ErrorPacket.Write(_writer, sequence: 2, refusal.Code, refusal.SqlState, refusal.Message);
        await _writer.SendAsync(_stream, default);
        return false;
    }

    private async Task ServeAsync()
    {
        while (!IsOver)
        {
            _reader.NextSequence = 0;
            var packet = await _reader.ReadAsync("a command", default);
            await _server.WhenRunning();
            if (IsOver || packet.Length == 0) return;
            switch (packet.Span[0])
            {
                case (byte)Command.Quit:
                    return;
                case (byte)Command.Ping:
                    ServerAnswer.Done.Write(_writer, _agreed);
                    await _writer.SendAsync(_stream, default);
                    break;
                case (byte)Command.Query:
                    await AnswerQueryAsync(packet);
                    break;
                case DumpRequest.Command:
                    var request = DumpRequest.Parse(packet.Span);
                    DumpsTo = request.ServerId;
                    _server.CloseOtherDumps(this, request.ServerId);
                    await new BinlogDump(_server, _stream, _reader, _writer, () => IsOver).RunAsync(SessionId, request);
                    return;
                default:
                    ErrorPacket.Write(_writer, sequence: 1, code: 1047, "08S01", "Unknown command");
                    await _writer.SendAsync(_stream, default);
                    break;
            }
        }
    }

    private async Task AnswerQueryAsync(ReadOnlyMemory<byte> packet)
    {
        _answer = null;
        var text = System.Text.Encoding.UTF8.GetString(packet.Span[1..]);
        await _server.WhenDiskTakes(SessionId, text);
        await _server.WhenRunning();
        if (IsOver) return;
        _server.Model.Execute(SessionId, text, _server.NowSeconds);
        _server.CarryOut();
        if (_answer is null)
        {
            _waits = new TaskCompletionSource<ServerAnswer>();
            _answer = await _waits.Task;
            _waits = null;
        }

        await _server.WhenRunning();
        if (_life != _server.Life) return;
        _answer.Write(_writer, _agreed);
        _answer = null;
        await _writer.SendAsync(_stream, default);
        if (_closesAfterAnswer) Break();
    }

    /// <summary>Not secret here, but it must be the same in every run of a seed.</summary>
    private byte[] Seed()
    {
        var dice = new Dice(((ulong)_server.Options.ServerId << 40) ^ ((ulong)_life << 24) ^ (ulong)SessionId);
        var seed = new byte[Greeting.SeedBytes];
        for (var i = 0; i < seed.Length; i++) seed[i] = (byte)(33 + dice.Next(90));
        return seed;
    }
}
