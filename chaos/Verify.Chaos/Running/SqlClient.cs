using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.MySql;

namespace Verify.Chaos.Running;

/// <summary>How an application's client gets at the servers from where it stands.</summary>
public interface ISqlPlace
{
    TimeProvider Time { get; }

    /// <summary>The primary that the nodes of this data centre name; null when they name none or do not answer.</summary>
    ValueTask<string?> PrimaryAsync();

    /// <exception cref="IOException"/>
    ValueTask<Stream> ConnectAsync(string server, CancellationToken cancel);
    MySqlLogin Login { get; }
}

/// <summary>An application's client: it keeps its session as long as that works, and asks the nodes of its own data centre for
/// the primary when it does not. When they cannot say, it goes on trying the server it knew: the worst customer of an
/// isolated data centre.</summary>
public sealed class SqlClient(ISqlPlace place, int client) : ISqlClient
{
    private static readonly TimeSpan OpenTimeout = TimeSpan.FromMilliseconds(800);
    private static readonly TimeSpan InsertTimeout = TimeSpan.FromMilliseconds(1500);
    private MySqlSession? _session;
    private string? _server;

    public async ValueTask<SqlAnswer> InsertAsync(string id)
    {
        if (_session is null && await OpenAsync() is { } refusal) return refusal;
        var server = _server!;
        try
        {
            await _session!.QueryAsync(WorkloadStatements.Insert(id, client), InsertTimeout);
            return new(OpOutcome.Ok, server, "");
        }
        catch (MySqlServerException e) when (e.IsReadOnly)
        {
            await DropAsync();
            return new(OpOutcome.Failed, server, e.Message);
        }
        catch (MySqlException e)
        {
            // Killed, timed out, broken off, or an error after which the transaction's fate is not ours to guess.
            await DropAsync();
            return new(OpOutcome.Unknown, server, e.Message);
        }
    }

    public ValueTask DisposeAsync() => DropAsync();

    private async ValueTask<SqlAnswer?> OpenAsync()
    {
        _server = await place.PrimaryAsync() ?? _server;
        if (_server is null) return new(OpOutcome.Failed, "", "no primary is named");
        try
        {
            using var timeout = new CancellationTokenSource(OpenTimeout, place.Time);
            var stream = await place.ConnectAsync(_server, timeout.Token);
            _session = await MySqlSession.OpenAsync(stream, place.Login, place.Time, OpenTimeout);
            return null;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or MySqlException)
        {
            return new(OpOutcome.Failed, _server, $"cannot connect: {e.Message}");
        }
    }

    private async ValueTask DropAsync()
    {
        if (_session is { } old)
        {
            _session = null;
            await old.DisposeAsync();
        }
    }
}
