using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Verify.Chaos.Worlds;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Raft;
using Verify.Sim;
using Verify.Sim.Hosts;

namespace Verify.Chaos.Swarms;

/// <summary>The nodes of one schedule, in a simulated world, and what can be asked of them.</summary>
internal sealed class ClusterWorld
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);
    private readonly ClusterSwarmOptions _options;
    private readonly ImmutableArray<Member> _voters;
    private readonly SortedDictionary<string, string> _tokens = new(StringComparer.Ordinal);

    public ClusterWorld(SimWorld sim, ClusterSwarmOptions options)
    {
        (Sim, _options) = (sim, options);
        Names = [.. Enumerable.Range(1, options.Voters + options.Spares).Select(i => $"n{i}")];
        _voters = [.. Names[..options.Voters].Select((name, i) => new Member(new NodeId(name), new(name, NodeNames.PeerPort), DataCenter(i)))];
        for (var i = 0; i < Names.Length; i++)
        {
            var name = Names[i];
            sim.AddHost(name, DataCenter(i), host => NodeProgram.Of(ConfigOf(name, DataCenter(HostNumber(name))))(host));
        }
    }

    public SimWorld Sim { get; }
    public ImmutableArray<string> Names { get; }
    public TimeProvider Time => Sim.WorldTime;
    public IEnumerable<SimHost> Hosts => Sim.Hosts;

    /// <summary>Nodes that were never started.</summary>
    public Queue<string> Spares { get; } = new();

    public void Start()
    {
        foreach (var voter in _voters) Sim.Start(Sim.Host(voter.Id.Name));
        foreach (var spare in Names[_options.Voters..]) Spares.Enqueue(spare);
    }

    public Contact ContactOf(string name) => new($"{name}:{NodeNames.PeerPort}", DataCenter(HostNumber(name)), "", ZoneOf(name));

    /// <summary>What the host's node answers; null when it is down or silent.</summary>
    public async Task<ApiReply?> AskAsync(SimHost host, ApiRequest request)
    {
        try
        {
            return await host.AskAsync(request).WaitAsync(Patience, Time, CancellationToken.None);
        }
        catch (Exception e) when (e is HostDownException or TimeoutException)
        {
            return null;
        }
    }

    public async Task<RaftStatus?> StatusAsync(SimHost host) =>
        host.IsPaused ? null : await AskAsync(host, new ApiRequest.RaftStatus()) is ApiReply.Raft(var view) ? view.Status : null;

    /// <summary>The node that leads with a lease, and what it says of itself; null when none does.</summary>
    public async Task<(SimHost Host, RaftStatus Status)?> LeaderAsync()
    {
        foreach (var host in Sim.Hosts)
            if (await StatusAsync(host) is { Role: RaftRole.Leader, HasLease: true } status) return (host, status);
        return null;
    }

    /// <summary>A token for one node to come in with, made known to the group; kept for its starts.</summary>
    public async Task MakeTokenAsync(string node, SimHost via)
    {
        var (id, secret) = ($"t-{node}", $"secret-of-{node}");
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(secret));
        if (await AskAsync(via, new ApiRequest.CreateJoinToken(id, hash, TimeSpan.FromMinutes(10))) is ApiReply.Done) _tokens[node] = $"{id}.{secret}";
    }

    private NodeConfig ConfigOf(string name, string dataCenter)
    {
        var isVoter = _voters.Any(v => v.Id.Name == name);
        return new NodeConfig
        {
            Self = new(name), DataCenter = dataCenter, Zone = ZoneOf(name), Autopilot = _options.AutopilotSettings(), PeerBind = new(name, NodeNames.PeerPort), Members = isVoter ? _voters : [],
            Join = new JoinSettings
            {
                Via = isVoter ? [] : [.. Names.Where(n => n != name).Select(n => new Endpoint(n, NodeNames.PeerPort))],
                Token = _tokens.GetValueOrDefault(name), GiveUpAfter = TimeSpan.Zero,
            },
            Snapshots = _options.SnapshotSettings(), Limits = LimitsOf(_options),
        };
    }

    private static Limits LimitsOf(ClusterSwarmOptions options)
    {
        var limits = new Limits { SegmentBytesMax = options.SegmentBytes };
        return options.SessionsMax > 0 ? limits with { SessionsMax = options.SessionsMax } : limits;
    }

    /// <summary>Empty: the data centre, which each node has for itself.</summary>
    private string ZoneOf(string name) => _options.Zones == 0 ? "" : $"z{(HostNumber(name) % _options.Zones) + 1}";

    private int HostNumber(string name) => Names.IndexOf(name);

    private static string DataCenter(int number) => $"dc{number + 1}";
}
