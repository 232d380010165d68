using Verify.Node.Api;
using Verify.Node.Topology;

namespace Verify.NodeHost.Http;

/// <summary>Finds the cluster that somebody means: by its alias, or by the host:port of its primary or of any of its servers, as orchestrator's
/// :clusterHint does.</summary>
internal sealed class Hints(INodeApi node)
{
    public async ValueTask<IReadOnlyList<ClusterPicture>> ClustersAsync() =>
        await node.AskAsync(new ApiRequest.Clusters()) is ApiReply.ClusterList(var clusters) ? clusters : [];

    /// <summary>Null: nothing of that name is known.</summary>
    public async ValueTask<ClusterPicture?> FindAsync(string hint)
    {
        var clusters = await ClustersAsync();
        return clusters.FirstOrDefault(c => c.Alias == hint) ?? clusters.FirstOrDefault(c => c.Primary?.ToString() == hint)
            ?? clusters.FirstOrDefault(c => c.Instances.Any(i => i.Key.ToString() == hint));
    }

    public async ValueTask<string> UnknownAsync(string hint) =>
        $"No cluster found for '{hint}'; there are: {string.Join(", ", (await ClustersAsync()).Select(c => c.Alias))}";

    public static InstanceKey? Key(string host, string port) =>
        int.TryParse(port, out var number) && number is > 0 and < 65_536 && host.Length > 0 ? new(host, number) : null;
}
