using System.Text.Json;
using Verify.Chaos.Worlds;

namespace Verify.Chaos.Live;

/// <summary>Asks verify-node processes over HTTP what they think.</summary>
internal sealed class LiveNodes(HttpClient http)
{
    public async Task<FleetState> ObserveAsync(IReadOnlyList<LiveNode> running, IReadOnlyCollection<string> runningServers)
    {
        var views = await Task.WhenAll(running.Select(n => ViewAsync(n)));
        var nodes = running.Select((n, i) => (n.Name, views[i])).ToList();
        var leader = running.Where((_, i) => views[i]?.HasLease == true).FirstOrDefault();
        return FleetJudge.Judge(nodes, leader is null ? null : await ClusterAsync(leader), runningServers);
    }

    /// <summary>The primary as this node names it; null when it names none or does not answer.</summary>
    public async Task<string?> PrimaryAsync(LiveNode node) =>
        await GetAsync(node, "/api/clusters-info") is { ValueKind: JsonValueKind.Array } clusters
            ? clusters.EnumerateArray().Select(c => c.GetProperty("Primary").GetString()).FirstOrDefault(p => p is { Length: > 0 }) is { } primary
                ? NodeNames.Short(primary) : null
            : null;

    /// <summary>What each of these nodes that answers tells whoever asks.</summary>
    public async Task<IReadOnlyList<NodeWord>> WordsAsync(IEnumerable<LiveNode> running) => [.. (await Task.WhenAll(running.Select(WordAsync))).OfType<NodeWord>()];

    private async Task<NodeWord?> WordAsync(LiveNode node)
    {
        if (await ViewAsync(node) is not { } view) return null;
        var cluster = await GetAsync(node, "/api/clusters-info") is { ValueKind: JsonValueKind.Array } clusters ? clusters.EnumerateArray().FirstOrDefault() : default;
        if (cluster.ValueKind != JsonValueKind.Object) return new(node.Name, view.InQuorum, null, IsLeased: false);
        var primary = cluster.GetProperty("Primary").GetString();
        return new(node.Name, view.InQuorum, primary is { Length: > 0 } ? NodeNames.Short(primary) : null, cluster.GetProperty("LeaseHolder").GetString() is { Length: > 0 });
    }

    private async Task<NodeView?> ViewAsync(LiveNode node) =>
        await GetAsync(node, "/api/raft-status") is { ValueKind: JsonValueKind.Object } status
            ? new(node.Name, status.GetProperty("HasLease").GetBoolean(), status.GetProperty("IsPartOfQuorum").GetBoolean()) : null;

    private async Task<ClusterView?> ClusterAsync(LiveNode leader)
    {
        if (await GetAsync(leader, "/api/clusters-info") is not { ValueKind: JsonValueKind.Array } clusters) return null;
        foreach (var cluster in clusters.EnumerateArray())
        {
            var alias = cluster.GetProperty("ClusterAlias").GetString()!;
            if (await GetAsync(leader, $"/api/cluster/{alias}") is not { ValueKind: JsonValueKind.Array } instances) return null;
            var primary = cluster.GetProperty("Primary").GetString();
            return new(primary is { Length: > 0 } ? NodeNames.Short(primary) : null, cluster.GetProperty("RecoveryOpen").GetBoolean(),
                cluster.GetProperty("SetAside").GetString() ?? "", [.. instances.EnumerateArray().Select(Server)]);
        }

        return null;
    }

    private static ServerView Server(JsonElement instance) => new(
        instance.GetProperty("Key").GetProperty("Hostname").GetString()!,
        instance.GetProperty("IsLastCheckValid").GetBoolean(),
        instance.GetProperty("ReadOnly").GetBoolean(),
        instance.GetProperty("MasterKey").GetProperty("Hostname").GetString()!,
        instance.GetProperty("ReplicationIOThreadRuning").GetBoolean() && instance.GetProperty("ReplicationSQLThreadRuning").GetBoolean());

    private async Task<JsonElement?> GetAsync(LiveNode node, string path)
    {
        try
        {
            using var response = await http.GetAsync(new Uri(node.Http, path));
            if (!response.IsSuccessStatusCode) return null;
            using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            return body.RootElement.Clone();
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException)
        {
            return null;
        }
    }
}
