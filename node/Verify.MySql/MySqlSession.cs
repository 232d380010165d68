using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Verify.MySql.Wire;

namespace Verify.MySql;

/// <summary>Whether a session is encrypted.</summary>
public enum TlsMode
{
    /// <summary>Never; caching_sha2_password then uses the server's RSA key.</summary>
    Disabled,

    /// <summary>When the server offers it.</summary>
    Preferred,

    /// <summary>Always; a server without it is refused.</summary>
    Required,
}

/// <summary>Who logs in, and how.</summary>
public sealed record MySqlLogin(string User, string Password)
{
    public string Database { get; init; } = "";
    public TlsMode Tls { get; init; } = TlsMode.Preferred;

    /// <summary>Decides on the server's certificate; null accepts any (encryption without authentication, like MySQL's
    /// ssl-mode=PREFERRED and REQUIRED).</summary>
    public RemoteCertificateValidationCallback? CheckCertificate { get; init; }

    /// <summary>A longer answer ends the session.</summary>
    public long AnswerBytesMax { get; init; } = 64 * 1024 * 1024;

    public override string ToString() => $"{User}@ (password hidden)";
}

/// <summary>One connection, one statement at a time, over any stream. A deadline that passes or a cancellation closes the
/// connection: after it, nothing is known of the statement's fate.</summary>
public sealed class MySqlSession : IAsyncDisposable
{
    private const int HandshakePayloadMax = 64 * 1024;
    private static readonly TimeSpan QuitTimeMax = TimeSpan.FromMilliseconds(250);

    private readonly TimeProvider _time;
    private readonly PacketReader _reader;
    private readonly PacketWriter _writer = new();
    private readonly CancellationTokenSource _ended = new();
    private Stream _stream;
    private ResultReader? _results;
    private int _inUse;
    private int _closed;

    private MySqlSession(Stream stream, TimeProvider time)
    {
        _stream = stream;
        _time = time;
        _reader = new(stream) { PayloadLimit = HandshakePayloadMax };
        IsOpen = true;
    }

    /// <summary>Greets, encrypts where asked, logs in. Owns the stream from here on, also when it throws.</summary>
    /// <param name="stream">The connection, fresh.</param>
    /// <param name="login">Who, and how.</param>
    /// <param name="time">Measures the deadline.</param>
    /// <param name="deadline">For everything up to the server's OK.</param>
    /// <param name="cancel">Closes the connection.</param>
    /// <exception cref="MySqlServerException">The server refused.</exception>
    /// <exception cref="MySqlTimeoutException">The deadline passed.</exception>
    /// <exception cref="MySqlProtocolException">The other side does not speak MySQL, or the connection ended.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async ValueTask<MySqlSession> OpenAsync(Stream stream, MySqlLogin login, TimeProvider time, TimeSpan deadline,
        CancellationToken cancel = default)
    {
        var session = new MySqlSession(stream, time);
        try
        {
            await session.WithinAsync(session.LogInAsync(login), "the login", deadline, cancel);
            return session;
        }
        catch
        {
            session.Close();
            throw;
        }
    }

    public ServerVersion Version { get; private set; }

    /// <summary>The server's id of this session, as KILL takes it.</summary>
    public long SessionId { get; private set; }

    /// <summary>True when TLS hides what is said.</summary>
    public bool IsEncrypted => _stream is SslStream;

    /// <summary>False once a deadline, a cancellation or an error of the connection has ended it.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Sends one statement and reads its whole answer; a statement without rows gives a table without columns.</summary>
    /// <exception cref="InvalidOperationException">A statement is already running, or the session was closed before.</exception>
    /// <exception cref="MySqlServerException">The server answered with an error; the session stays open, unless the error says
    /// that the server has ended it (shutdown, killed, idle for too long).</exception>
    /// <exception cref="MySqlTimeoutException">The deadline passed; the session is closed, the outcome unknown.</exception>
    /// <exception cref="MySqlProtocolException">The connection ended or the answer is malformed; the session is closed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the session is closed, the outcome unknown.</exception>
    public async ValueTask<ResultTable> QueryAsync(SqlText statement, TimeSpan deadline, CancellationToken cancel = default)
    {
        if (statement.Text is null) throw new ArgumentException("a statement without text", nameof(statement));
        if (Interlocked.Exchange(ref _inUse, 1) == 1) throw new InvalidOperationException("a statement is running on this session; it takes one at a time");
        try
        {
            if (!IsOpen) throw new InvalidOperationException("the session is closed");
            var exchange = ExchangeAsync(statement);
            await WithinAsync(exchange, statement.Text, deadline, cancel);
            return await exchange;
        }
        catch (MySqlServerException e) when (!ErrorPacket.EndsSession(e.Code))
        {
            throw;
        }
        catch
        {
            Close();
            throw;
        }
        finally
        {
            Interlocked.Exchange(ref _inUse, 0);
        }
    }

    /// <summary>Says goodbye where that can be done at once, and closes.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!IsOpen) return;
        if (Interlocked.Exchange(ref _inUse, 1) == 0)
        {
            _writer.Reset();
            _writer.Begin(sequence: 0).Byte((byte)Command.Quit).End();
            var goodbye = _writer.SendAsync(_stream, _ended.Token).AsTask();
            await goodbye.WaitAsync(QuitTimeMax, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!goodbye.IsCompleted) _ = ObserveAsync(goodbye);
        }

        Close();
    }

    private async Task LogInAsync(MySqlLogin login)
    {
        var greeting = Greeting.Parse((await _reader.ReadAsync("the server's greeting", _ended.Token)).Span);
        Version = ServerVersion.Parse(greeting.VersionText);
        SessionId = greeting.SessionId;

        var agreed = Capabilities.MySqlProtocol | Capabilities.LongColumnFlags | Capabilities.Protocol41 | Capabilities.Transactions
            | Capabilities.SecureConnection | Capabilities.PluginAuth | Capabilities.PluginAuthLengthEncoded
            | (greeting.Capabilities & Capabilities.DeprecateEof);
        if (login.Database.Length > 0) agreed |= Capabilities.ConnectWithDatabase;

        var encrypts = login.Tls != TlsMode.Disabled && greeting.Capabilities.HasFlag(Capabilities.Tls);
        if (login.Tls == TlsMode.Required && !encrypts) throw new MySqlProtocolException("the server offers no TLS, and this login requires it");
        if (encrypts)
        {
            agreed |= Capabilities.Tls;
            await EncryptAsync(login, agreed);
        }

        await new Authentication(_reader, _writer, login, encrypts).RunAsync(greeting, agreed, _ended.Token);
        _reader.PayloadLimit = PacketReader.PayloadBytesMax;
        _results = new(_reader, agreed.HasFlag(Capabilities.DeprecateEof), login.AnswerBytesMax);
    }

    [SuppressMessage("Security", "CA5359", Justification = "Encryption without authentication is what MySQL calls PREFERRED and REQUIRED; MySqlLogin.CheckCertificate says so.")]
    private async Task EncryptAsync(MySqlLogin login, Capabilities agreed)
    {
        // Bytes behind the greeting would be read as if they had come through TLS.
        if (_reader.Buffered > 0) throw new MySqlProtocolException($"{_reader.Buffered} bytes behind the greeting, before TLS");
        LoginRequest.WriteTlsRequest(_writer, _reader.NextSequence++, agreed);
        await _writer.SendAsync(_stream, _ended.Token);
        var tls = new SslStream(_stream);
        _stream = tls;
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = login.CheckCertificate ?? AnyCertificate,
                CertificateChainPolicy = new X509ChainPolicy
                {
                    RevocationMode = X509RevocationMode.NoCheck,
                    DisableCertificateDownloads = true,
                },
            },
            _ended.Token);
        _reader.Stream = tls;
    }

    private static bool AnyCertificate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) => true;

    private async Task<ResultTable> ExchangeAsync(SqlText statement)
    {
        _writer.Reset();
        _writer.Begin(sequence: 0).Byte((byte)Command.Query).Text(statement.Text).End();
        _reader.NextSequence = 1;
        await _writer.SendAsync(_stream, _ended.Token);
        var head = await _reader.ReadAsync("the answer to a statement", _ended.Token);
        if (head.Length > 0 && head.Span[0] == Header.LocalInfile) await RefuseLocalFileAsync();
        return await _results!.ReadAsync(head, _ended.Token);
    }

    private async Task RefuseLocalFileAsync()
    {
        _writer.Begin(_reader.NextSequence).End();
        await _writer.SendAsync(_stream, _ended.Token);
        throw new MySqlProtocolException("the server asked for a file of this machine (LOCAL INFILE); nothing was sent, and the session is closed");
    }

    /// <summary>Waits for an exchange with the server, but not beyond the deadline. The stream need not obey anything: an exchange
    /// that does not end is left behind with a closed stream.</summary>
    private async ValueTask WithinAsync(Task exchange, string what, TimeSpan deadline, CancellationToken cancel)
    {
        try
        {
            await exchange.WaitAsync(deadline < TimeSpan.Zero ? TimeSpan.Zero : deadline, _time, cancel);
        }
        catch (TimeoutException)
        {
            // Also when the exchange ended in this very moment: the deadline was noticed first, and that is what the caller hears.
            Abandon(exchange);
            throw new MySqlTimeoutException($"{FirstWords(what)}: no answer within {deadline.TotalMilliseconds:0} ms");
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested && !exchange.IsCompleted)
        {
            Abandon(exchange);
            throw;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException or AuthenticationException or NotSupportedException)
        {
            throw new MySqlProtocolException($"{FirstWords(what)}: {(IsOpen ? "the connection failed" : "the session was closed")}: {e.Message}", e);
        }
    }

    private void Abandon(Task exchange)
    {
        _ = ObserveAsync(exchange);
        Close();
    }

    /// <summary>Nobody waits for this task any more; its failure is expected.</summary>
    private static async Task ObserveAsync(Task task) => await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void Close()
    {
        // A deadline and the end of the connection may come at the same moment, on two threads.
        if (Interlocked.Exchange(ref _closed, 1) == 1) return;
        IsOpen = false;
        _ended.Cancel();
        _stream.Dispose();
        _ended.Dispose();
    }

    /// <summary>What a message may say of a statement: no value of it, least of all a password.</summary>
    private static string FirstWords(string statement) => string.Join(' ', statement.Split(' ', 3).Take(2));
}
