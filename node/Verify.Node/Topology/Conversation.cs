using Verify.MySql;
using Verify.Node.Loop;

namespace Verify.Node.Topology;

/// <summary>One open session with a server, as the drivers see it; a script in the tests.</summary>
internal interface IServerConversation : IAsyncDisposable
{
    ServerVersion Version { get; }

    /// <summary>The server's id of the session, as KILL takes it.</summary>
    long SessionId { get; }
    bool IsOpen { get; }

    /// <exception cref="MySqlException"/>
    ValueTask<ResultTable> AskAsync(Statement statement, TimeSpan deadline);
}

/// <summary>Opens sessions with servers.</summary>
internal interface IServerDoor
{
    /// <exception cref="MySqlException">What went wrong over a connection, or <see cref="MySqlTimeoutException.IsUnconnected"/>.</exception>
    /// <exception cref="IOException">There is no connection. One that breaks later is a <see cref="MySqlProtocolException"/>.</exception>
    ValueTask<IServerConversation> OpenAsync(InstanceKey instance, TimeSpan deadline);
}

/// <summary>The real one: MySQL's protocol over the node's network, at the address that counts in the node's data centre.</summary>
/// <param name="login">Who asks; null: the node's own login.</param>
internal sealed class MySqlDoor(INodeServices services, MySqlLogin? login = null) : IServerDoor
{
    public async ValueTask<IServerConversation> OpenAsync(InstanceKey instance, TimeSpan deadline)
    {
        var config = services.Config;
        var time = services.Seam.Time;
        var address = config.Addresses.From(config.DataCenter, instance.Endpoint);
        var began = time.GetTimestamp();
        Stream stream;
        using (var limit = new CancellationTokenSource(deadline, time))
        using (var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, services.Stopping))
        {
            try
            {
                stream = await services.Seam.Network.ConnectAsync(address, either.Token);
            }
            catch (OperationCanceledException) when (!services.Stopping.IsCancellationRequested)
            {
                throw new MySqlTimeoutException($"{address}: no connection within {deadline.TotalMilliseconds:0} ms") { IsUnconnected = true };
            }
        }

        // A server that is stopped by a signal still accepts (the kernel does): the greeting needs a deadline of its own.
        var left = deadline - time.GetElapsedTime(began);
        if (left <= TimeSpan.Zero)
        {
            await stream.DisposeAsync();
            throw new MySqlTimeoutException($"{address}: nothing left of {deadline.TotalMilliseconds:0} ms for the greeting");
        }

        try
        {
            return new Conversation(await MySqlSession.OpenAsync(stream, login ?? config.TopologyLogin, time, left, services.Stopping), services);
        }
        catch (MySqlTimeoutException e)
        {
            throw new MySqlTimeoutException(e.Message) { HasConnected = true };
        }
    }

    private sealed class Conversation(MySqlSession session, INodeServices services) : IServerConversation
    {
        public ServerVersion Version => session.Version;
        public long SessionId => session.SessionId;
        public bool IsOpen => session.IsOpen;

        public ValueTask<ResultTable> AskAsync(Statement statement, TimeSpan deadline) =>
            session.QueryAsync(statement.Sql(session.Version.Flavor), deadline, services.Stopping);

        public ValueTask DisposeAsync() => session.DisposeAsync();
    }
}
