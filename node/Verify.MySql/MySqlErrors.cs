namespace Verify.MySql;

/// <summary>Everything that can go wrong in a session.</summary>
public abstract class MySqlException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The server answered with an error packet.</summary>
public sealed class MySqlServerException(int code, string sqlState, string message) : MySqlException($"{code} ({sqlState}): {message}")
{
    /// <summary>The server's error number, for example 1290 (--super-read-only).</summary>
    public int Code { get; } = code;
    public string SqlState { get; } = sqlState;
    public string ServerMessage { get; } = message;

    /// <summary>The statement was refused because the server is read-only (1290, 1836; MariaDB 1290).</summary>
    public bool IsReadOnly => Code is 1290 or 1836 or 1792;
}

/// <summary>The deadline passed. The connection is closed and the outcome of the statement is unknown.</summary>
public sealed class MySqlTimeoutException(string message) : MySqlException(message)
{
    /// <summary>The connection had been made within this attempt and the greeting did not come: somebody listens and does not answer.</summary>
    public bool HasConnected { get; init; }

    /// <summary>The connection itself was not made within the time: the host is off, or nothing leads there.</summary>
    public bool IsUnconnected { get; init; }
}

/// <summary>The connection ended, or the bytes are not MySQL's protocol.</summary>
public sealed class MySqlProtocolException(string message, Exception? cause = null) : MySqlException(message, cause);
