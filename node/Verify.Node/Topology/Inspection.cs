using Verify.MySql;
using Verify.Node.Loop;

namespace Verify.Node.Topology;

/// <summary>One look at a server that is not known yet.</summary>
internal sealed record Inspection(InstanceKey Key)
{
    public ServerFacts? Facts { get; init; }
    public InstanceKey? Source { get; init; }
    public DetailedLook? Look { get; init; }
    public string Problem { get; init; } = "";
    public bool IsAnswered => Facts is not null;

    /// <summary>Connects, reads everything, hangs up. Decides nothing.</summary>
    public static async Task<Inspection> OfAsync(INodeServices services, IServerDoor door, LoopTurn turn, InstanceKey key)
    {
        var link = new ServerLink(services, door, turn, key);
        var limit = services.Config.Timing.StatementTimeout;
        try
        {
            var facts = await link.ReadFactsAsync(limit);
            var replica = await link.ReadReplicaStatusAsync(limit);
            var look = await new ServerReading(services).ReadAsync(link, services.Now + limit);
            return new(key) { Facts = facts, Look = look, Source = SourceOf(services, replica) };
        }
        catch (Exception e) when (e is MySqlException or IOException or FormatException)
        {
            return new(key) { Problem = e.Message };
        }
        finally
        {
            await link.HangUpAsync();
        }
    }

    private static InstanceKey? SourceOf(INodeServices services, ReplicaStatus? replica)
    {
        if (replica is null || replica.SourceHost.Length == 0) return null;
        var name = services.Config.Addresses.NameOf(services.Config.DataCenter, new(replica.SourceHost, replica.SourcePort));
        return services.Fleet.NameOf(new(name.Host, name.Port));
    }
}
