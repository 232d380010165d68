using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Catalogue;

namespace Verify.NodeHost.Http.Catalogue;

/// <summary>Konsul's /health: of this process, and of the services' checks. Ready means that this node is part of a quorum: Konsul says
/// "ready" without looking.</summary>
internal sealed class KonsulHealthApi(INodeApi node, CatalogueReads reads)
{
    private static readonly string Version = typeof(KonsulHealthApi).Assembly.GetName().Version?.ToString() ?? "";
    private readonly long _began = TimeProvider.System.GetTimestamp();

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health", HealthAsync);
        routes.MapGet("/health/live", () => Results.Json(new { status = "alive", timestamp = TimeProvider.System.GetUtcNow() }));
        routes.MapGet("/health/ready", ReadyAsync);
        routes.MapGet("/health/checks", (HttpRequest request) => ChecksAsync(new(), request, mustExist: false));
        routes.MapGet("/health/service/{name}", (string name, HttpRequest request) => ChecksAsync(new() { Name = name }, request, mustExist: true));
        routes.MapPut("/health/check/{id}", (string id, HttpRequest request) => UpdateAsync(id, request)).WithMetadata(NeedsWrite.Mark);
    }

    private async Task<IResult> HealthAsync()
    {
        var (cluster, services) = (await node.AskAsync(new ApiRequest.ClusterStatus()), await node.AskAsync(new ApiRequest.QueryServices(new(), ReadConsistency.Stale)));
        if (cluster is not ApiReply.Cluster(var view) || services is not ApiReply.Services found) return KonsulKvApi.Refusal(cluster);
        var (isWell, active) = (view.Raft.IsInQuorum && !view.DiskFull, found.Instances.Count(static i => i.Status != CheckStatus.Critical));
        return Results.Json(new
        {
            status = isWell ? "healthy" : "unhealthy",
            version = Version,
            uptime = $"{TimeProvider.System.GetElapsedTime(_began).TotalSeconds:0}s",
            timestamp = TimeProvider.System.GetUtcNow(),
            services = new { total = found.Instances.Count, active, expired = 0, critical = found.Instances.Count - active },
            kv_store = new { total_keys = view.KvPairs },
            system = new { memory_alloc_bytes = GC.GetTotalMemory(forceFullCollection: false), memory_sys_bytes = Environment.WorkingSet, num_gc = GC.CollectionCount(0) },
        }, statusCode: isWell ? 200 : 503);
    }

    private async Task<IResult> ReadyAsync() => await node.AskAsync(new ApiRequest.ClusterStatus()) is ApiReply.Cluster(var view) && view.Raft.IsInQuorum && !view.DiskFull
        ? Results.Json(new { status = "ready", timestamp = TimeProvider.System.GetUtcNow() })
        : Results.Json(new { status = "not ready", message = "this node is not part of a quorum, or its disk is full", timestamp = TimeProvider.System.GetUtcNow() }, statusCode: 503);

    private async Task<IResult> ChecksAsync(ServiceQuery query, HttpRequest request, bool mustExist)
    {
        var (found, refusal) = await reads.AskAsync(query, request);
        if (found is null) return refusal!;
        if (mustExist && found.Instances.Count == 0) return KonsulServiceApi.NotFound($"no service {query.Name}");
        return Results.Json(found.Instances.SelectMany(i => i.Checks.Select(check => ServiceShapes.KonsulCheck(i, check, found))));
    }

    /// <summary>A TTL check says how it is, in the query or in the body; passing where the request says nothing. Konsul reads no body: who says
    /// "critical" there is told 200 and goes on passing. What else its clients put there means nothing here either.</summary>
    private async Task<IResult> UpdateAsync(string id, HttpRequest request)
    {
        var (word, note) = (request.Query["status"].ToString(), request.Query["note"].ToString());
        if (request.ContentLength is > 0 || request.Headers.TransferEncoding.Count > 0)
        {
            var (body, problem) = await JsonFields.ReadObjectAsync(request);
            if (body is null) return KonsulServiceApi.Bad(problem!);
            (word, note) = (body.Text("status", word), body.Text("output", body.Text("note", note)));
        }

        if (ServiceBody.StatusOf(word.Length > 0 ? word : "pass") is not { } status) return KonsulServiceApi.Bad($"status must be passing, warning or critical, not '{word}'");
        return await node.AskAsync(new ApiRequest.ReportCheck(request.Query["service_id"].ToString() is { Length: > 0 } service ? service : null, id, status, note.Length > 1000 ? note[..1000] : note, By: null, DefinedIndex: 0)) switch
        {
            ApiReply.Done => Results.Json(new { message = "TTL check updated", check_id = id }),
            var other => KonsulServiceApi.Refusal(other, $"no check {id}"),
        };
    }
}
