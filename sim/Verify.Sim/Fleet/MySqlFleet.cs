using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Topology;
using Verify.Sim.Hosts;

namespace Verify.Sim.Fleet;

/// <summary>Simulated servers in a world of nodes, each on a host of its own, without a scenario: who replicates from whom is said by statements, as on a real server.</summary>
public sealed class MySqlFleet(SimWorld world, Flavor flavor = Flavor.MySql)
{
    public const int Port = 3306;

    /// <summary>What nodes log in with.</summary>
    public static readonly MySqlLogin Topology = new("verify", "topology") { Tls = TlsMode.Disabled };

    /// <summary>What replicas log in with.</summary>
    public static readonly MySqlLogin Replication = new("repl", "replication") { Tls = TlsMode.Disabled };
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly SortedDictionary<string, (SimMySqlServer Server, SimHost Host)> _servers = new(StringComparer.Ordinal);
    private uint _lastId;

    public SimMySqlServer Server(string name) => _servers[name].Server;

    /// <summary>A server on a host of its own, started.</summary>
    public SimMySqlServer Add(string name, string dataCenter)
    {
        var server = new SimMySqlServer(new()
        {
            Name = name, Endpoint = new(name, Port), ServerId = ++_lastId, Flavor = flavor, SemiSyncReplica = false,
            Accounts = [new(Topology.User, Topology.Password, AccountRights.Topology), new(Replication.User, Replication.Password, AccountRights.Replication)],
        });
        var host = world.AddHost(name, dataCenter, h => new(server.Start(h.Seam.Network, h.Seam.Time)));
        _servers[name] = (server, host);
        world.Start(host);
        return server;
    }

    /// <summary>The server dies, and its host with it.</summary>
    public void Kill(string name)
    {
        _servers[name].Server.Kill();
        world.Kill(_servers[name].Host);
    }

    /// <summary>Both have had the time to start.</summary>
    public async Task FollowAsync(string replica, string source)
    {
        await using var session = await OpenAsync(replica);
        await session.QueryAsync(new Statement.ChangeSource(source, Port, Replication.User, Replication.Password).Sql(flavor), Patience);
        await session.QueryAsync(new Statement.StartReplica().Sql(flavor), Patience);
    }

    public async Task TellAsync(string server, Statement statement)
    {
        await using var session = await OpenAsync(server);
        await session.QueryAsync(statement.Sql(flavor), Patience);
    }

    /// <summary>The settings of a node that may log in to these servers, and finds them from these.</summary>
    public static NodeConfig Configure(NodeConfig config, params ReadOnlySpan<string> seeds) => config with
    {
        TopologyLogin = Topology,
        ReplicationLogin = Replication,
        Discovery = new() { Seeds = [.. seeds.ToArray().Select(s => new InstanceKey(s, Port))], DetailsInterval = TimeSpan.FromSeconds(1) },
    };

    private async Task<MySqlSession> OpenAsync(string server)
    {
        var stream = await _servers[server].Host.Seam.Network.ConnectAsync(new(server, Port), CancellationToken.None);
        return await MySqlSession.OpenAsync(stream, Topology, world.WorldTime, Patience);
    }
}
