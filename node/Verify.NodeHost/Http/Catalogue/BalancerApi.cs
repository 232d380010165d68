using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Catalogue;

namespace Verify.NodeHost.Http.Catalogue;

/// <summary>Konsul's /lb: one passing instance, chosen by the strategy that is set for the group, or that the request names. What this node has
/// applied decides, so that a pick costs no round and works without a leader; only the strategy itself goes through the log.</summary>
internal sealed class BalancerApi(INodeApi node)
{
    private const string Strategies = "round-robin, random, least-connections";

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/lb/service/{name}", (string name, HttpRequest request) => PickAsync(new() { Name = name }, request, echo: null));
        routes.MapGet("/lb/tags", (HttpRequest request) => PickAsync(request, takesTags: true, metaPrefix: null));
        routes.MapGet("/lb/metadata", (HttpRequest request) => PickAsync(request, takesTags: false, metaPrefix: ""));
        routes.MapGet("/lb/query", (HttpRequest request) => PickAsync(request, takesTags: true, metaPrefix: "meta."));
        routes.MapGet("/lb/strategy", StrategyAsync);
        routes.MapPut("/lb/strategy", SetStrategyAsync).WithMetadata(NeedsWrite.Mark);
    }

    private Task<IResult> PickAsync(HttpRequest request, bool takesTags, string? metaPrefix)
    {
        var (query, problem) = KonsulServiceApi.QueryOf(request, takesTags, metaPrefix);
        return query is null ? Task.FromResult(KonsulServiceApi.Bad(problem!)) : PickAsync(query, request, KonsulServiceApi.EchoOf(query, takesTags, metaPrefix));
    }

    private async Task<IResult> PickAsync(ServiceQuery query, HttpRequest request, object? echo)
    {
        var word = request.Query["strategy"].ToString();
        var strategy = ServiceShapes.StrategyOf(word);
        if (word.Length > 0 && strategy is null) return KonsulServiceApi.Bad($"Invalid strategy. Must be one of: {Strategies}");
        if (request.Query["dc"].ToString() is { Length: > 0 } dc) query = query with { DataCenter = dc };
        var reply = await node.AskAsync(new ApiRequest.PickService(query, strategy, ReadOptions.ConsistencyOf(request, ReadConsistency.Stale)));
        if (reply is not ApiReply.Services found) return KonsulServiceApi.Refusal(reply, "No service instances available");
        ReadOptions.Stamp(request.HttpContext.Response, found.Index, found.Age);
        if (found.Instances.Count == 0) return KonsulServiceApi.NotFound(echo is null ? $"No service instances available: {query.Name} has none that passes its checks" : "No service instances matching query");
        var (service, used) = (ServiceShapes.Konsul(found.Instances[0]), ServiceShapes.Word(found.Strategy));
        return echo is null ? Results.Json(new { service, strategy = used }) : Results.Json(new { service, strategy = used, query = echo });
    }

    private async Task<IResult> StrategyAsync(HttpRequest request)
    {
        var reply = await node.AskAsync(new ApiRequest.QueryServices(new() { InstanceId = "" }, ReadOptions.ConsistencyOf(request, ReadConsistency.Lease)));
        return reply is ApiReply.Services found ? Results.Json(new { strategy = ServiceShapes.Word(found.Strategy) }) : KonsulKvApi.Refusal(reply);
    }

    private async Task<IResult> SetStrategyAsync(HttpRequest request)
    {
        var (body, problem) = await JsonFields.ReadObjectAsync(request);
        if (body is null) return KonsulServiceApi.Bad(problem!);
        var word = body.Text("strategy");
        if (body.End() is { } wrong) return KonsulServiceApi.Bad(wrong);
        if (ServiceShapes.StrategyOf(word) is not { } strategy) return KonsulServiceApi.Bad($"Invalid strategy. Must be one of: {Strategies}");
        return await node.AskAsync(new ApiRequest.SetPickStrategy(strategy)) switch
        {
            ApiReply.Done => Results.Json(new { message = "strategy updated", strategy = word }),
            var other => KonsulKvApi.Refusal(other),
        };
    }
}
