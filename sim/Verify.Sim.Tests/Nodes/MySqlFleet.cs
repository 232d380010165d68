using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Sim.Fleet;
using Verify.Sim.Hosts;

namespace Verify.Sim.Tests.Nodes;

/// <summary>Simulated servers in a world of nodes: who replicates from whom is what the test says.</summary>
internal sealed class MySqlFleet(SimWorld world, Flavor flavor = Flavor.MySql)
{
    public const int Port = 3306;
    public static readonly MySqlLogin Topology = new("verify", "topology") { Tls = TlsMode.Disabled };
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

    public void Kill(string name)
    {
        _servers[name].Server.Kill();
        world.Kill(_servers[name].Host);
    }

    public async Task FollowAsync(string replica, string source)
    {
        await using var session = await OpenAsync(replica);
        await session.QueryAsync(new Statement.ChangeSource(source, Port, Replication.User, Replication.Password).Sql(flavor), Patience);
        await session.QueryAsync(new Statement.StartReplica().Sql(flavor), Patience);
    }

    public async Task AskAsync(string server, Statement statement)
    {
        await using var session = await OpenAsync(server);
        await session.QueryAsync(statement.Sql(flavor), Patience);
    }

    public static NodeConfig Configure(NodeConfig config, params ReadOnlySpan<string> seeds) => config with
    {
        TopologyLogin = Topology,
        ReplicationLogin = Replication,
        Discovery = new() { Seeds = [.. seeds.ToArray().Select(s => new Verify.Node.Topology.InstanceKey(s, Port))], DetailsInterval = TimeSpan.FromSeconds(1) },
    };

    private async Task<MySqlSession> OpenAsync(string server)
    {
        var stream = await _servers[server].Host.Seam.Network.ConnectAsync(new(server, Port), CancellationToken.None);
        return await MySqlSession.OpenAsync(stream, Topology, world.WorldTime, Patience);
    }
}
