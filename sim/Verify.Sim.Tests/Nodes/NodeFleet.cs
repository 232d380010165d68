using System.Collections.Immutable;
using System.Text;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Raft;
using Verify.Sim.Hosts;

namespace Verify.Sim.Tests.Nodes;

/// <summary>Some production nodes in a world, one per data centre: n1 in dc1, n2 in dc2, …</summary>
internal sealed class NodeFleet
{
    private const int PeerPort = 10008;

    public NodeFleet(SimWorld world, int count, Func<NodeConfig, NodeConfig>? configure = null)
    {
        World = world;
        string[] names = [.. Enumerable.Range(1, count).Select(i => $"n{i}")];
        var members = names.Select((name, i) => new Member(new NodeId(name), new(name, PeerPort), $"dc{i + 1}")).ToImmutableArray();
        foreach (var member in members)
        {
            var config = new NodeConfig { Self = member.Id, DataCenter = member.DataCenter, PeerBind = member.Endpoint, Members = members };
            world.AddHost(member.Id.Name, member.DataCenter, NodeProgram.Of(configure?.Invoke(config) ?? config));
        }

        world.Start();
    }

    public SimWorld World { get; }

    /// <summary>The host whose node leads and holds its lease; null when there is none.</summary>
    public SimHost? Leader => World.Hosts.FirstOrDefault(host => host.RunningNode()?.Core.Status is { Role: RaftRole.Leader, HasLease: true });

    public async Task<SimHost> LeaderAsync(SimHost? other = null)
    {
        while (true)
        {
            if (Leader is { } leader && leader != other) return leader;
            await Task.Delay(TimeSpan.FromMilliseconds(5), World.WorldTime);
        }
    }

    /// <summary>A write that is sent again, with the same request id, until somebody says that it is done.</summary>
    public async Task PutAsync(Func<SimHost> through, string key, string value)
    {
        var request = new ApiRequest.KvPut(key, Encoding.UTF8.GetBytes(value), 0, null, new RequestId($"test-{key}", 1));
        while (await ReplyAsync(through(), request) is not ApiReply.Done) await Task.Delay(TimeSpan.FromMilliseconds(50), World.WorldTime);
    }

    public async Task<string?> GetAsync(SimHost through, string key)
    {
        while (true)
        {
            switch (await ReplyAsync(through, new ApiRequest.KvGet(key, ReadConsistency.Consistent)))
            {
                case ApiReply.Value value: return Encoding.UTF8.GetString(value.Pair.Value.Span);
                case ApiReply.NotFound: return null;
                default: await Task.Delay(TimeSpan.FromMilliseconds(50), World.WorldTime); break;
            }
        }
    }

    private static async Task<ApiReply> ReplyAsync(SimHost host, ApiRequest request)
    {
        try
        {
            return await host.AskAsync(request);
        }
        catch (HostDownException e)
        {
            return new ApiReply.Unknown(e.Message);
        }
    }
}
