using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Catalogue;

namespace Verify.NodeHost.Http.Catalogue;

/// <summary>Consul's /v1/catalog and /v1/health, as its clients and consul-template read them, with blocking queries. ?dc picks the instances
/// that were registered in that data centre; without it all are given, since the group is one.</summary>
internal sealed class ConsulCatalogueApi(CatalogueReads reads)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        // Consul's catalogue takes nodes that have no agent; here nodes are the group's members, and one of them owns each registration.
        foreach (var word in new[] { "register", "deregister" })
            routes.MapPut($"/v1/catalog/{word}", () => KonsulServiceApi.Bad($"/v1/catalog/{word} is not built here: the nodes are this group's members; use /v1/agent/service/{word}")).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/v1/catalog/services", ServicesAsync);
        routes.MapGet("/v1/catalog/service/{name}", (string name, HttpRequest request) => OfServiceAsync(name, request, ServiceShapes.CatalogService, canPass: false));
        routes.MapGet("/v1/catalog/nodes", NodesAsync);
        routes.MapGet("/v1/catalog/node/{name}", (string name, HttpRequest request) => NodeAsync(name, request));
        routes.MapGet("/v1/catalog/datacenters", async () => Results.Json((await reads.NodesAsync()).Select(static n => n.Datacenter).Where(static dc => dc.Length > 0).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)));
        routes.MapGet("/v1/health/service/{name}", (string name, HttpRequest request) => OfServiceAsync(name, request, ServiceShapes.HealthEntry, canPass: true));
        routes.MapGet("/v1/health/node/{name}", (string name, HttpRequest request) => ChecksAsync(new() { Node = name }, null, request));
        routes.MapGet("/v1/health/checks/{name}", (string name, HttpRequest request) => ChecksAsync(new() { Name = name }, null, request));
        routes.MapGet("/v1/health/state/{state}", (string state, HttpRequest request) => state == "any" ? ChecksAsync(new(), null, request)
            : state is "passing" or "warning" or "critical" && ServiceBody.StatusOf(state) is { } status ? ChecksAsync(new(), status, request)
            : Task.FromResult(KonsulServiceApi.Bad($"the state must be any, passing, warning or critical, not '{state}'")));
    }

    private async Task<IResult> ServicesAsync(HttpRequest request)
    {
        var (found, refusal) = await reads.AskAsync(new(), request);
        if (found is null) return refusal!;
        var names = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        foreach (var instance in found.Instances)
        {
            if (!names.TryGetValue(instance.Name, out var tags)) names.Add(instance.Name, tags = new(StringComparer.Ordinal));
            tags.UnionWith(instance.Spec.Tags);
        }

        return Results.Json(names);
    }

    private async Task<IResult> OfServiceAsync(string name, HttpRequest request, Func<ServiceInstance, NodePicture, object> shape, bool canPass)
    {
        var meta = request.Query["node-meta"].Count > 0;
        if (meta) return KonsulServiceApi.Bad("?node-meta is not built here: nodes have no meta");
        var query = new ServiceQuery { Name = name, Tags = [.. request.Query["tag"].OfType<string>().Where(static t => t.Length > 0)] };
        if (canPass && request.Query.TryGetValue("passing", out var passing) && (passing.ToString().Length == 0 || ClusterApi.IsTrue(passing))) query = query with { AtWorst = CheckStatus.Passing };
        var (found, refusal) = await reads.AskAsync(query, request);
        if (found is null) return refusal!;
        var nodes = await reads.NodesAsync();
        return Results.Json(found.Instances.Select(i => shape(i, reads.NodeOf(i.Spec.Node, nodes))));
    }

    private async Task<IResult> NodesAsync(HttpRequest request)
    {
        var (found, refusal) = await reads.AskAsync(new() { InstanceId = "" }, request);
        if (found is null) return refusal!;
        var dc = request.Query["dc"].ToString();
        return Results.Json((await reads.NodesAsync()).Where(n => dc.Length == 0 || n.Datacenter == dc));
    }

    private async Task<IResult> NodeAsync(string name, HttpRequest request)
    {
        var (found, refusal) = await reads.AskAsync(new() { Node = name }, request);
        if (found is null) return refusal!;
        var node = (await reads.NodesAsync()).FirstOrDefault(n => n.Node == name);
        return Results.Json(node is null ? null : new { Node = node, Services = new SortedDictionary<string, object>(found.Instances.ToDictionary(static i => i.Id, static i => (object)ServiceShapes.AgentService(i), StringComparer.Ordinal), StringComparer.Ordinal) });
    }

    private async Task<IResult> ChecksAsync(ServiceQuery query, CheckStatus? status, HttpRequest request)
    {
        var (found, refusal) = await reads.AskAsync(query, request);
        return found is null ? refusal! : Results.Json(found.Instances.SelectMany(i => i.Checks.Where(c => status is null || c.Status == status).Select(c => ServiceShapes.ConsulCheck(i, c))));
    }
}
