using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Carries small repairs of single servers out for a watch of the leader, one at a time per server, and none before the server was
/// looked at again: what a watch sees is some seconds old.</summary>
internal sealed class ServerRepairs(INodeServices services, Leadership leadership, TopologyModel model, LoopTurn turn, IServerDoor door, string cluster)
{
    private readonly SortedDictionary<InstanceKey, TimeSpan> _actedAt = [];
    private readonly SortedSet<InstanceKey> _underWay = [];

    /// <summary>The server, if it was seen lately, and looked at closely since it was last acted upon.</summary>
    public InstanceView? Fresh(InstanceKey instance)
    {
        var view = model.View(instance);
        return view is { IsAnswering: true, Look: not null } && view.HasFactsSince(services.Now - services.Config.Timing.ObservationAgeMax)
            && (!_actedAt.TryGetValue(instance, out var actedAt) || view.LookAt > actedAt) ? view : null;
    }

    /// <summary>Sends the statements while this node leads, no recovery is open and the primary is the same.</summary>
    /// <param name="ended">Gets what went wrong, or null.</param>
    public void Begin(InstanceKey server, FencingToken token, ImmutableArray<Statement> statements, Action<Exception?> ended)
    {
        if (services.Policy.MaintenanceOf(server) is not null || !_underWay.Add(server)) return;
        var term = leadership.Term;
        bool MayGoOn() => leadership.IsHeldIn(term)
            && services.Ha.Cluster(cluster) is { OpenRecovery: null } now && now.Token == token;
        Drivers.Start(services, $"a repair of {server}", async () =>
        {
            var problem = await SendAsync(server, statements, MayGoOn);
            _actedAt[server] = services.Now;
            _underWay.Remove(server);
            ended(problem);
        });
    }

    private async ValueTask<Exception?> SendAsync(InstanceKey server, ImmutableArray<Statement> statements, Func<bool> mayGoOn)
    {
        var link = new ServerLink(services, door, turn, server);
        try
        {
            foreach (var statement in statements) await link.AskAsync(statement, services.Config.Timing.StatementTimeout, mayGoOn);
            return null;
        }
        catch (Exception e) when (e is MySqlException or IOException or StoodDownException)
        {
            return e;
        }
        finally
        {
            await link.HangUpAsync();
        }
    }
}
