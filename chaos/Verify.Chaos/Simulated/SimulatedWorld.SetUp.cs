using Verify.Checks;
using Verify.Chaos.Worlds;
using Verify.MySql;
using Verify.Sim.Fleet;

namespace Verify.Chaos.Simulated;

/// <summary>The servers, and who replicates from whom before a node is there.</summary>
internal sealed partial class SimulatedWorld
{
    private Flavor Flavor => _scenario.Fleet.Flavor == "mariadb" ? Flavor.MariaDb : Flavor.MySql;

    private void AddServer(string name, string dataCenter, uint id)
    {
        var server = new SimMySqlServer(new()
        {
            Name = name,
            Endpoint = new(name, NodeNames.ServerPort),
            ServerId = id,
            Flavor = Flavor,
            SemiSyncReplica = _scenario.Fleet.Acknowledges(name),
            Accounts =
            [
                new(Topology.User, Topology.Password, AccountRights.Topology), new(Application.User, Application.Password, AccountRights.Application),
                new(Replication.User, Replication.Password, AccountRights.Replication),
            ],
        })
        {
            WritableChanged = writable => Events.Add(EventKinds.Writable, name, dataCenter, step: _world.Step, fields: [("writable", writable ? "true" : "false")]),
        };
        _servers[name] = server;
        _serverHosts[name] = _world.AddHost(name, dataCenter, host => new(server.Start(host.Seam.Network, host.Seam.Time)));
    }

    private async Task SetUpReplicationAsync()
    {
        if (_scenario.Fleet.Primary is not { } primary) return;
        foreach (var replica in Servers.Keys.Where(s => s != primary)) await FollowAsync(replica);
        await Task.Delay(TimeSpan.FromMilliseconds(500), Time, CancellationToken.None);
        if (_scenario.Fleet.IsSemiSync) await DoAsync(primary, new Statement.SetSemiSync(On: true).Sql(Flavor));
        await DoAsync(
            primary, new Statement.SetReadOnly(On: false).Sql(Flavor), WorkloadStatements.CreateSchema, WorkloadStatements.CreateTable);
        if (_scenario.Fleet.SourceOf(primary) is null) await DoAsync(primary, new Statement.SetReadOnly(On: true).Sql(Flavor));
        else await FollowAsync(primary); // Of co-primaries the one that takes writes is adopted.
    }

    private Task FollowAsync(string replica) => DoAsync(
        replica, new Statement.ChangeSource(_scenario.Fleet.SourceOf(replica)!, NodeNames.ServerPort, Replication.User, Replication.Password).Sql(Flavor),
        new Statement.StartReplica().Sql(Flavor));

    /// <summary>One after the other. A connection may be lost while everything is being set up, too; each of these can be said twice.</summary>
    private async Task DoAsync(string server, params SqlText[] statements)
    {
        MySqlSession? session = null;
        for (var next = 0; next < statements.Length;)
        {
            try
            {
                session ??= await OpenAsync(server);
                await session.QueryAsync(statements[next], Patience);
                next++;
            }
            catch (Exception e) when (e is MySqlException and not MySqlServerException or IOException)
            {
                if (session is not null) await session.DisposeAsync();
                session = null;
            }
        }

        if (session is not null) await session.DisposeAsync();
    }

    private async Task<MySqlSession> OpenAsync(string server)
    {
        var from = _clientHosts[Servers[server]];
        var stream = await from.Seam.Network.ConnectAsync(new(server, NodeNames.ServerPort), CancellationToken.None);
        return await MySqlSession.OpenAsync(stream, Topology, Time, Patience);
    }
}
