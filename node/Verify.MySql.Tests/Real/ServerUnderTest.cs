using System.Net.Sockets;
using Verify.Fleet.Servers;
using Verify.MySql.Tests.Support;
using Verify.MySql.Wire;

namespace Verify.MySql.Tests.Real;

/// <summary>A real server of the fleet, and the ways in that tests need.</summary>
internal sealed record ServerUnderTest(RealServer Server, FleetUsers Users)
{
    /// <summary>Long enough for a busy machine, and for a replica of MySQL that stops inside a transaction
    /// (<see cref="Statement.StopReplica"/>); no test waits for it unless something is broken.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    public Flavor Flavor => Server.Flavor;

    public async Task<Stream> ConnectAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Server.Endpoint);
        return new NetworkStream(socket, ownsSocket: true);
    }

    public async Task<MySqlSession> OpenAsync(MySqlLogin? login = null) => (await OpenRecordedAsync(login ?? Users.Topology, greeting => greeting)).Session;

    /// <summary>Opens a session whose bytes are kept, and whose client sees the greeting as the test wants it.</summary>
    public async Task<(MySqlSession Session, RecordingStream Recording)> OpenRecordedAsync(MySqlLogin login, Func<Greeting, Greeting> seen)
    {
        var recording = new RecordingStream(await ConnectAsync(), seen);
        return (await MySqlSession.OpenAsync(recording, login, TimeProvider.System, Patience), recording);
    }

    /// <summary>Runs statements as the topology user; nothing of them reaches the binary log.</summary>
    public async Task PrepareAsync(params SqlText[] statements)
    {
        await using var session = await OpenAsync();
        await session.QueryAsync(SqlText.Of($"SET SESSION sql_log_bin = 0"), Patience);
        foreach (var statement in statements) await session.QueryAsync(statement, Patience);
    }

    /// <summary>An account of MySQL's or MariaDB's default kind.</summary>
    public Task CreateAccountAsync(string user, string password) => PrepareAsync(
        SqlText.Of($"DROP USER IF EXISTS {new SqlName(user)}@'%'"),
        Flavor == Flavor.MySql
            ? SqlText.Of($"CREATE USER {new SqlName(user)}@'%' IDENTIFIED WITH caching_sha2_password BY {new SqlQuotedLiteral(password, "password")}")
            : SqlText.Of($"CREATE USER {new SqlName(user)}@'%' IDENTIFIED BY {new SqlQuotedLiteral(password, "password")}"));
}

internal static class SessionWords
{
    public static ValueTask<ResultTable> Run(this MySqlSession session, Statement statement) =>
        session.QueryAsync(statement.Sql(session.Version.Flavor), ServerUnderTest.Patience);

    public static ValueTask<ResultTable> Run(this MySqlSession session, SqlText statement) => session.QueryAsync(statement, ServerUnderTest.Patience);
}
