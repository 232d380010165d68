using System.Net.Sockets;
using Verify.Chaos.Live;
using Verify.Chaos.Running;
using Verify.Chaos.Worlds;
using Verify.Fleet;
using Verify.Fleet.Network;

namespace Verify.Chaos.Bench;

/// <summary>Verify-node processes on loopback, without servers and without proxies between them: the bare consensus, on real sockets
/// and a real disk.</summary>
internal sealed class LiveCluster : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private readonly FleetRun _run;
    private readonly List<LiveNode> _nodes = [];

    private LiveCluster(FleetRun run) => _run = run;

    public IReadOnlyList<LiveNode> Nodes => _nodes;

    /// <summary>Where the nodes keep their logs.</summary>
    public string Directory => _run.Directory;

    public static async Task<LiveCluster> StartAsync(int nodes, Action<string> say)
    {
        var program = LiveWorld.HostProgram();
        var cluster = new LiveCluster(FleetRun.Begin(FleetCache.Default(), say));
        try
        {
            var places = Enumerable.Range(0, nodes).Select(i => new Place($"n{i + 1}", $"dc{i + 1}", cluster.Free(i), cluster.Free(i))).ToList();
            foreach (var place in places)
            {
                var node = new LiveNode(cluster._run, place.Name, place.DataCenter, program, new Uri($"http://{place.Http}"));
                cluster._nodes.Add(node);
                await node.PrepareAsync(Settings(place, places), diskBytesMax: null);
                await Start(node);
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public static Task Start(LiveNode node) => node.StartAsync(fencingOff: false, skewable: false);

    /// <summary>Waits until one node leads and every node says that it is part of the quorum.</summary>
    /// <exception cref="HarnessException">That did not happen in time.</exception>
    public async Task<LiveNode> WholeAsync(CancellationToken cancel)
    {
        for (var start = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(start) < Patience;)
        {
            foreach (var node in _nodes.Where(n => !n.IsRunning))
                throw new HarnessException($"{node.Name} ended by itself with exit code {await node.Exited}:{Environment.NewLine}{node.LogTail()}");
            var leader = _nodes.FirstOrDefault(n => Status(n, "/api/leader-check") == 200);
            if (leader is not null && _nodes.TrueForAll(n => Status(n, "/api/raft-health") == 200)) return leader;
            await Task.Delay(Look, cancel);
        }

        throw new HarnessException($"three nodes did not come together in {Patience.TotalSeconds:0} s: {_nodes[0].LogTail()}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        await _run.DisposeAsync();
    }

    private static int Status(LiveNode node, string path)
    {
        try
        {
            using var wire = new HttpWire(node.Http);
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
