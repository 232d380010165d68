using System.Globalization;
using Verify.MySql;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Stops both replication threads of a server whose relay log is not needed any more, without the minute that MySQL takes when
/// that ends inside a transaction (<see cref="Statement.StopReplica"/>): the coordinator of the applier is ended first. What
/// it held was never received whole, so nobody has been told that it is safe.</summary>
internal static class ReplicaStop
{
    /// <summary>MySQL: a session that was already gone.</summary>
    private const int NoSuchThread = 1094;

    public static async ValueTask StopAsync(ServerLink server, TimeSpan limit, Func<bool> mayGoOn)
    {
        await server.AskAsync(new Statement.StopReplica(OnlyIoThread: true), limit, mayGoOn);
        var coordinators = await server.AskAsync(new Statement.ListIdleCoordinators(), limit, mayGoOn);
        for (var row = 0; row < coordinators.Rows.Count; row++)
        {
            await EndAsync(server, long.Parse(coordinators.Text(row, "ID") ?? "", CultureInfo.InvariantCulture), limit, mayGoOn);
        }

        await server.AskAsync(new Statement.StopReplica(OnlyIoThread: false), limit, mayGoOn);
    }

    private static async ValueTask EndAsync(ServerLink server, long session, TimeSpan limit, Func<bool> mayGoOn)
    {
        try
        {
            await server.AskAsync(new Statement.KillSession(session), limit, mayGoOn);
        }
        catch (MySqlServerException e) when (e.Code == NoSuchThread)
        {
            // It has ended by itself, which is what was wanted.
            return;
        }
    }
}
