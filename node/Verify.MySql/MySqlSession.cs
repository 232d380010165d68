using System.Net.Security;

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
    public override string ToString() => $"{User}@ (password hidden)";
}

/// <summary>One connection, one statement at a time, over any stream. A deadline that passes or a cancellation closes the
/// connection: after it, nothing is known of the statement's fate.</summary>
public sealed class MySqlSession : IAsyncDisposable
{
    private MySqlSession() { }

    /// <summary>Greets, encrypts where asked, logs in. Owns the stream from here on, also when it throws.</summary>
    /// <param name="time">Measures the deadline.</param>
    /// <param name="deadline">For everything up to the server's OK.</param>
    /// <exception cref="MySqlServerException">The server refused.</exception>
    /// <exception cref="MySqlTimeoutException">The deadline passed.</exception>
    /// <exception cref="MySqlProtocolException">The other side does not speak MySQL, or the connection ended.</exception>
    public static ValueTask<MySqlSession> OpenAsync(Stream stream, MySqlLogin login, TimeProvider time, TimeSpan deadline,
        CancellationToken cancel = default) => throw new NotImplementedException();

    public ServerVersion Version { get; private init; }

    /// <summary>The server's id of this session, as KILL takes it.</summary>
    public long SessionId { get; private init; }

    /// <summary>False once a deadline, a cancellation or an error of the connection has ended it.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Sends one statement and reads its whole answer; a statement without rows gives a table without columns.</summary>
    /// <exception cref="MySqlServerException">The server answered with an error; the session stays open.</exception>
    /// <exception cref="MySqlTimeoutException">The deadline passed; the session is closed, the outcome unknown.</exception>
    /// <exception cref="MySqlProtocolException">The connection ended or the answer is malformed; the session is closed.</exception>
    public ValueTask<ResultTable> QueryAsync(SqlText statement, TimeSpan deadline, CancellationToken cancel = default) =>
        throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
