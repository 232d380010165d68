using System.Globalization;
using Verify.MySql;
using Verify.Node.Seam;
using Verify.Sim.Fleet;
using Verify.Sim.Hosts;

namespace Verify.Sim.Tests.Fleet;

/// <summary>Three simulated servers, one per data centre, and a place for clients.</summary>
internal sealed class SimStage : ITranscriptStage, IDisposable
{
    public const int Port = 3306;
    public static readonly SimAccount TopologyAccount = new("topology", "t-secret", AccountRights.Topology);
    public static readonly SimAccount ApplicationAccount = new("application", "a-secret", AccountRights.Application);
    public static readonly SimAccount ReplicationAccount = new("replication", "r-secret", AccountRights.Replication);

    private static readonly string[] Names = ["s1", "s2", "s3"];
    private readonly SortedDictionary<string, SimMySqlServer> _servers = new(StringComparer.Ordinal);
    private readonly SimHost _client;

    public SimStage(Flavor flavor, ulong seed = 1, SimOptions? options = null)
        : this(flavor, SimWorld.FromSeed(seed, options))
    {
    }

    public SimStage(Flavor flavor, SimWorld world)
    {
        Flavor = flavor;
        World = world;
        foreach (var name in Names)
        {
            var number = name[1] - '0';
            var mysql = new SimMySqlServer(new()
            {
                Name = name,
                Endpoint = new(name, Port + number),
                Flavor = flavor,
                ServerId = (uint)number,
                Accounts = [TopologyAccount, ApplicationAccount, ReplicationAccount],
            });
            _servers.Add(name, mysql);
            World.AddHost(name, $"dc{number.ToString(CultureInfo.InvariantCulture)}", host => new(mysql.Start(host.Seam.Network, host.Seam.Time)));
        }

        _client = World.AddHost("client", "dc1");
        World.Start(_client);
    }

    public SimWorld World { get; }
    public Flavor Flavor { get; }
    public TimeProvider Time => World.WorldTime;
    public MySqlLogin Topology => Login(TopologyAccount);
    public MySqlLogin Application => Login(ApplicationAccount);
    public MySqlLogin Replication => Login(ReplicationAccount);

    public SimMySqlServer this[string name] => _servers[name];

    public async Task StartAsync(string server)
    {
        World.Start(World.Host(server));
        await Task.Delay(TimeSpan.FromMilliseconds(1), Time);
    }

    public Task KillAsync(string server)
    {
        _servers[server].Kill();
        World.Kill(World.Host(server));
        return Task.CompletedTask;
    }

    public Task PauseAsync(string server)
    {
        _servers[server].Pause();
        return Task.CompletedTask;
    }

    public Task ResumeAsync(string server)
    {
        _servers[server].Resume();
        return Task.CompletedTask;
    }

    public async Task<MySqlSession> OpenAsync(string server, MySqlLogin login)
    {
        var stream = await _client.Seam.Network.ConnectAsync(_servers[server].Options.Endpoint, CancellationToken.None);
        return await MySqlSession.OpenAsync(stream, login, Time, TimeSpan.FromSeconds(5));
    }

    public (string Host, int Port) AddressOf(string server) => (server, _servers[server].Options.Endpoint.Port);

    public void Dispose() => World.Dispose();

    private static MySqlLogin Login(SimAccount account) => new(account.User, account.Password) { Tls = TlsMode.Disabled };
}
