using Verify.MySql;
using Verify.Node.Loop;

namespace Verify.Node.Topology;

/// <summary>Owns the session with one server for one purpose: opens it when it is needed, opens it anew when it broke, and asks one
/// statement at a time. Every wait ends on the loop.</summary>
internal sealed class ServerLink(INodeServices services, IServerDoor door, LoopTurn turn, InstanceKey instance)
{
    private IServerConversation? _session;

    public InstanceKey Instance => instance;

    /// <summary>Of the session that was used last.</summary>
    public ServerVersion Version { get; private set; }

    /// <summary>The server's id of the open session; 0 without one.</summary>
    public long SessionId => _session?.SessionId ?? 0;

    /// <summary>How many sessions it has opened: tells the present one from all before. Its number at the server does not: after a restart the
    /// server counts from the beginning again.</summary>
    public long SessionsOpened { get; private set; }

    /// <summary>Asks within the deadline, connecting included.</summary>
    /// <param name="mayGoOn">Looked at right before the statement is sent; false throws <see cref="StoodDownException"/>.</param>
    /// <param name="isAskedTwice">When the session of an earlier question turns out to have ended meanwhile (the server was restarted,
    /// or tired of waiting), the statement is sent again over a new one.</param>
    /// <exception cref="MySqlException"/>
    /// <exception cref="IOException"/>
    /// <exception cref="StoodDownException"/>
    public async ValueTask<ResultTable> AskAsync(
        Statement statement, TimeSpan deadline, Func<bool>? mayGoOn = null, bool isAskedTwice = true)
    {
        var end = services.Now + deadline;
        if (_session is not { IsOpen: true } || !isAskedTwice) return await AskOnceAsync(statement, end, mayGoOn);
        try
        {
            return await AskOnceAsync(statement, end, mayGoOn);
        }
        catch (MySqlException e) when (e is not MySqlTimeoutException && _session is not { IsOpen: true })
        {
            return await AskOnceAsync(statement, end, mayGoOn);
        }
    }

    public async ValueTask<ServerFacts> ReadFactsAsync(TimeSpan deadline)
    {
        var table = await AskAsync(new Statement.ReadFacts(), deadline);
        return ServerFacts.Read(table, Version.Flavor);
    }

    public async ValueTask<ReplicaStatus?> ReadReplicaStatusAsync(TimeSpan deadline)
    {
        var table = await AskAsync(new Statement.ReadReplicaStatus(), deadline);
        return ReplicaStatus.Read(table, Version.Flavor);
    }

    /// <summary>Ends the session; the next question opens another.</summary>
    public async ValueTask HangUpAsync()
    {
        if (_session is not { } session) return;
        _session = null;
        await turn.Await(session.DisposeAsync());
    }

    private async ValueTask<ResultTable> AskOnceAsync(Statement statement, TimeSpan end, Func<bool>? mayGoOn)
    {
        var session = await SessionAsync(LeftUntil(end, statement));
        if (mayGoOn is not null && !mayGoOn()) throw new StoodDownException(instance, statement);
        return await turn.Await(session.AskAsync(statement, LeftUntil(end, statement)));
    }

    private TimeSpan LeftUntil(TimeSpan end, Statement statement) => end > services.Now
        ? end - services.Now
        : throw new MySqlTimeoutException($"{instance}: no time left for {statement.GetType().Name}");

    private async ValueTask<IServerConversation> SessionAsync(TimeSpan deadline)
    {
        if (_session is { IsOpen: true } open) return open;
        await HangUpAsync();
        var session = await turn.Await(door.OpenAsync(instance, deadline));
        _session = session;
        SessionsOpened++;
        Version = session.Version;
        return session;
    }
}

/// <summary>The right to act was gone right before a statement would have been sent; nothing was sent.</summary>
internal sealed class StoodDownException(InstanceKey instance, Statement statement)
    : Exception($"{statement.GetType().Name} was not sent to {instance}: the right to act is gone");
