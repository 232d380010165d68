using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;

namespace Verify.NodeHost.Http;

/// <summary>The question of a proxy: may writes of this cluster go to this server? 200 only for the one server that is the published primary,
/// whose write lease has certainly not run out by this node's clock, and that this node has just seen open; 503 in all other cases, also on a
/// node that is cut off from its group (there the lease runs out). See docs/haproxy.cfg.</summary>
internal sealed class PrimaryCheckApi(INodeApi node)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/primary-check/{alias}/{instance}", CheckAsync);
        routes.MapGet("/api/primary-check/{alias}", PrimaryAsync);
    }

    private async Task<IResult> CheckAsync(string alias, string instance)
    {
        if (!Verify.Node.Seam.Endpoint.TryParse(instance, 3306, out var asked)) return Results.Text($"'{instance}' is no host:port", statusCode: 400);
        if (await ClusterAsync(alias) is not { } cluster) return Results.Text($"no cluster is called '{alias}'; /api/clusters-info lists them", statusCode: 404);
        var why = WhyNot(cluster, cluster.Instances.FirstOrDefault(i => i.Key.Endpoint == asked));
        return why is null ? Results.Text("primary") : Results.Text(why, statusCode: 503);
    }

    /// <summary>200 and "host:port" of the server that would be answered 200 above; 503 and "none" while there is none.</summary>
    private async Task<IResult> PrimaryAsync(string alias)
    {
        if (await ClusterAsync(alias) is not { } cluster) return Results.Text($"no cluster is called '{alias}'; /api/clusters-info lists them", statusCode: 404);
        var primary = cluster.Instances.FirstOrDefault(i => WhyNot(cluster, i) is null);
        return primary is null ? Results.Text("none", statusCode: 503) : Results.Text(primary.Key.ToString());
    }

    private async Task<ClusterPicture?> ClusterAsync(string alias) =>
        await node.AskAsync(new ApiRequest.Cluster(alias)) is ApiReply.ClusterList({ Count: > 0 } found) ? found[0] : null;

    private static string? WhyNot(ClusterPicture cluster, InstancePicture? instance)
    {
        if (instance is null) return "this cluster has no such server";
        if (cluster.Primary is not { } primary) return "no primary is agreed on yet";
        if (!cluster.IsNamed) return "none: a failover is under way";
        if (primary != instance.Key) return $"not the primary: {primary} is";
        if (cluster.LeaseHolder.Length == 0) return "nobody holds its write lease, as far as this node knows";
        if (!instance.LastProbeOk) return $"it does not answer this node: {instance.Problem}";
        return instance.IsReadOnly ? "it is read-only" : null;
    }
}
