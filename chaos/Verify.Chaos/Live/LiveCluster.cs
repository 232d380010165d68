using System.Net.Sockets;
using Verify.Chaos.Running;
using Verify.Chaos.Worlds;
using Verify.Fleet;
using Verify.Fleet.Network;

namespace Verify.Chaos.Live;

/// <summary>Verify-node processes on loopback, without servers and without proxies between them: the bare consensus, on real sockets
/// and a real disk.</summary>
internal sealed class LiveCluster : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private readonly FleetRun _run;
    private readonly List<LiveNode> _nodes = [];
    private readonly List<string> _raftNames = [];
    private readonly (string Name, string Value)[] _environment;

    private LiveCluster(FleetRun run, (string Name, string Value)[] environment) => (_run, _environment) = (run, environment);

    public IReadOnlyList<LiveNode> Nodes => _nodes;

    /// <summary>Where the nodes keep their logs.</summary>
    public string Directory => _run.Directory;

    /// <param name="environment">Of every node; for test-only switches.</param>
    /// <param name="diskBytesMax">The size of each node's own disk; null: a plain directory.</param>
    public static async Task<LiveCluster> StartAsync(
        int nodes, Action<string> say, (string Name, string Value)[]? environment = null, long? diskBytesMax = null)
    {
        var program = LiveWorld.HostProgram();
        var cluster = new LiveCluster(FleetRun.Begin(FleetCache.Default(), say), environment ?? []);
        try
        {
            var places = Enumerable.Range(0, nodes).Select(i => new Place($"n{i + 1}", $"dc{i + 1}", cluster.Free(i), cluster.Free(i))).ToList();
            foreach (var place in places)
            {
                var node = new LiveNode(cluster._run, place.Name, place.DataCenter, program, new Uri($"http://{place.Http}")) { WritesEvents = false };
                cluster._nodes.Add(node);
                cluster._raftNames.Add(place.Raft);
                await node.PrepareAsync(Settings(place, places), diskBytesMax);
                await cluster.StartAsync(node);
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the members call a node.</summary>
    public string RaftName(LiveNode node) => _raftNames[_nodes.IndexOf(node)];

    public Task StartAsync(LiveNode node) => node.StartAsync(_environment);

    /// <summary>Waits until one node leads and every node says that it is part of the quorum.</summary>
    /// <exception cref="HarnessException">That did not happen in time.</exception>
    public async Task<LiveNode> WholeAsync(CancellationToken cancel)
    {
        for (var start = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(start) < Patience;)
        {
            foreach (var node in _nodes.Where(n => !n.IsRunning))
                throw new HarnessException($"{node.Name} ended by itself with exit code {await node.Exited}:{Environment.NewLine}{node.LogTail()}");
            var leader = _nodes.FirstOrDefault(n => n.IsRunning && !n.IsPaused && Status(n, "/api/leader-check") == 200);
            if (leader is not null && _nodes.TrueForAll(n => Status(n, "/api/raft-health") == 200)) return leader;
            await Task.Delay(Look, cancel);
        }

        throw new HarnessException($"{_nodes.Count} nodes did not come together in {Patience.TotalSeconds:0} s: {_nodes[0].LogTail()}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        await _run.DisposeAsync();
    }

    public static int Status(LiveNode node, string path)
    {
        try
        {
            using var wire = new HttpWire(node.Http, AnswerTimeout);
            return wire.Ask(HttpWire.Get(node.Http, path));
        }
        catch (SocketException)
        {
            return 0; // Not there yet.
        }
    }

    private static SortedDictionary<string, object> Settings(Place self, List<Place> all) => new(StringComparer.Ordinal)
    {
        ["RaftBind"] = self.Raft,
        ["RaftAdvertise"] = self.Raft,
        ["RaftNodes"] = all.Select(p => p.Raft).ToArray(),
        ["DataCenter"] = self.DataCenter,
        ["DataCenters"] = new SortedDictionary<string, string>(all.ToDictionary(p => p.Raft, p => p.DataCenter, StringComparer.Ordinal), StringComparer.Ordinal),
        ["ListenAddress"] = self.Http,
    };

    private string Free(int dataCenter)
    {
        var address = _run.Addresses.Next(dataCenter);
        return $"{address}:{FreePorts.Next(address)}";
    }

    private sealed record Place(string Name, string DataCenter, string Raft, string Http);
}
