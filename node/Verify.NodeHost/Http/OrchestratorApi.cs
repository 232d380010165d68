using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Raft;

namespace Verify.NodeHost.Http;

/// <summary>orchestrator's HTTP interface: everything is GET; lists and strings come bare, the rest in
/// { Code, Message, Details }, where ERROR means status 500. One method per endpoint; each maps to one ApiRequest.</summary>
internal sealed class OrchestratorApi(INodeApi node, NodeConfig config, string leaderUri)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/leader-check", () => LeaderCheckAsync(404));
        routes.MapGet("/api/leader-check/{code}", (string code) => LeaderCheckAsync(int.TryParse(code, out var status) && status is >= 100 and < 600 ? status : 404));
        routes.MapGet("/api/raft-health", RaftHealthAsync);
        routes.MapGet("/api/raft-state", async () => Results.Json((await ViewAsync()).Status.Role switch { RaftRole.PreCandidate => "Candidate", var r => r.ToString() }));
        routes.MapGet("/api/raft-leader", async () => Results.Json((await ViewAsync()).Status.Leader?.Name ?? ""));
        routes.MapGet("/api/raft-peers", async () => Results.Json((await ViewAsync()).Members.Select(m => m.Name)));
        routes.MapGet("/api/raft-status", RaftStatusAsync);
        routes.MapGet("/api/raft-yield/{to}", YieldAsync).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/health", HealthAsync);
        routes.MapGet("/api/lb-check", () => Results.Json("OK"));
        routes.MapGet("/api/_ping", () => Results.Json("OK"));
    }

    private async ValueTask<RaftStatusView> ViewAsync() =>
        await node.AskAsync(new ApiRequest.RaftStatus()) is ApiReply.Raft(var view) ? view : throw new BadHttpRequestException("the node is stopping", 503);

    private async Task<IResult> LeaderCheckAsync(int otherwise) =>
        (await ViewAsync()).Status.HasLease ? Results.Json("OK") : Results.Json("Not leader", statusCode: otherwise);

    private async Task<IResult> RaftHealthAsync() =>
        (await ViewAsync()).Status.IsInQuorum ? Results.Json("healthy") : Answer.Error("unhealthy: this node is not part of a quorum");

    private async Task<IResult> RaftStatusAsync()
    {
        var view = await ViewAsync();
        var status = view.Status;
        return Results.Json(new SortedDictionary<string, object?>(StringComparer.Ordinal)
        {
            ["RaftBind"] = config.PeerBind.ToString(),
            ["RaftAdvertise"] = config.Self.Name,
            ["State"] = status.Role.ToString(),
            ["Healthy"] = status.IsInQuorum,
            ["IsPartOfQuorum"] = status.IsInQuorum,
            ["HasLease"] = status.HasLease,
            ["Leader"] = status.Leader?.Name ?? "",
            ["LeaderURI"] = status.Leader == config.Self ? leaderUri : "",
            ["Peers"] = view.Members.Select(m => m.Name),
            ["Term"] = status.Term.Value,
            ["LastIndex"] = status.Last.Index.Value,
            ["CommitIndex"] = status.Commit.Value,
            ["AppliedIndex"] = status.Applied.Value,
            ["DiskFull"] = view.DiskFull,
        });
    }

    private async Task<IResult> YieldAsync(string to) => await node.AskAsync(new ApiRequest.TransferLeadership(new(to))) switch
    {
        ApiReply.Done => Answer.Ok($"leadership is handed to {to}", null),
        var other => Answer.Of(other),
    };

    private async Task<IResult> HealthAsync()
    {
        var view = await ViewAsync();
        var healthy = view.Status.IsInQuorum && !view.DiskFull;
        var details = new SortedDictionary<string, object?>(StringComparer.Ordinal)
        {
            ["Healthy"] = healthy,
            ["Hostname"] = Environment.MachineName,
            ["IsActiveNode"] = view.Status.HasLease,
            ["RaftLeader"] = view.Status.Leader?.Name ?? "",
            ["IsRaftLeader"] = view.Status.HasLease,
            ["RaftAdvertise"] = config.Self.Name,
            ["AvailableNodes"] = view.Members.Select(m => m.Name),
            ["DataCenter"] = config.DataCenter,
            ["FencingEnabled"] = config.FencingEnabled,
        };
        return healthy ? Answer.Ok("Application node is healthy", details)
            : Answer.Error(view.DiskFull ? "the data directory is full: free space, the node recovers by itself" : "this node is not part of a quorum", details);
    }
}
