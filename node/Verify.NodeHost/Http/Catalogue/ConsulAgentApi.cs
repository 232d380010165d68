using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.State.Catalogue;

namespace Verify.NodeHost.Http.Catalogue;

/// <summary>Consul's /v1/agent, as its clients register services and report TTL checks. All nodes together are one agent here: an id is
/// unique in the group, and a service that was registered through one node may be updated through any other.</summary>
internal sealed class ConsulAgentApi(INodeApi node, NodeConfig config, ServiceBody bodies, CatalogueReads reads)
{
    private const string MaintenancePrefix = "_service_maintenance:";

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPut("/v1/agent/service/register", RegisterAsync).WithMetadata(NeedsWrite.Mark);
        routes.MapPut("/v1/agent/service/deregister/{**id}", (string id) => DeregisterAsync(id)).WithMetadata(NeedsWrite.Mark);
        routes.MapPut("/v1/agent/service/maintenance/{**id}", (string id, HttpRequest request) => MaintenanceAsync(id, request)).WithMetadata(NeedsWrite.Mark);
        routes.MapPut("/v1/agent/check/register", RegisterCheckAsync).WithMetadata(NeedsWrite.Mark);
        routes.MapPut("/v1/agent/check/deregister/{**id}", (string id) => DeregisterCheckAsync(id)).WithMetadata(NeedsWrite.Mark);
        foreach (var (word, status) in new[] { ("pass", CheckStatus.Passing), ("warn", CheckStatus.Warning), ("fail", CheckStatus.Critical) })
            routes.MapPut($"/v1/agent/check/{word}/{{**id}}", (string id, HttpRequest request) => ReportAsync(id, status, request.Query["note"].ToString())).WithMetadata(NeedsWrite.Mark);
        routes.MapPut("/v1/agent/check/update/{**id}", (string id, HttpRequest request) => UpdateAsync(id, request)).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/v1/agent/services", ServicesAsync);
        routes.MapGet("/v1/agent/service/{**id}", (string id, HttpRequest request) => ServiceAsync(id, request));
        routes.MapGet("/v1/agent/checks", ChecksAsync);
        routes.MapGet("/v1/agent/self", () => Results.Json(new
        {
            Config = new { Datacenter = config.DataCenter, NodeName = config.Self.Name, Server = true, Version = "1.0.0" },
            Member = new { Name = config.Self.Name, Addr = (config.PeerAdvertise ?? config.PeerBind).Host, Port = (config.PeerAdvertise ?? config.PeerBind).Port, Status = 1 },
            Meta = new { },
        }));
        routes.MapGet("/v1/status/leader", async () => (await LeaderAndPeersAsync()) is var (leader, _) ? Results.Json(leader) : Results.StatusCode(503));
        routes.MapGet("/v1/status/peers", async () => (await LeaderAndPeersAsync()) is var (_, peers) ? Results.Json(peers) : Results.StatusCode(503));
    }

    private async Task<IResult> RegisterAsync(HttpRequest request)
    {
        var (body, problem) = await JsonFields.ReadObjectAsync(request);
        if (body is null) return KonsulServiceApi.Bad(problem!);
        var (spec, _, wrong) = bodies.Read(body, isConsul: true, request);
        if (spec is null) return KonsulServiceApi.Bad(wrong!);
        // The checks of an earlier registration that it does not name stay, unless it says otherwise (Consul's replace-existing-checks).
        if (!request.Query.ContainsKey("replace-existing-checks") && await KnownAsync(spec.Id) is { } known && known.Name == spec.Name)
            spec = spec with { Checks = spec.Checks.AddRange(known.Spec.Checks.Where(old => spec.Checks.All(check => check.Id != old.Id))) };
        return Bare(await node.AskAsync(new ApiRequest.RegisterService(spec, null, null)), spec.Id);
    }

    private async Task<ServiceInstance?> KnownAsync(string id) =>
        await node.AskAsync(new ApiRequest.QueryServices(new() { InstanceId = id }, ReadConsistency.Lease)) is ApiReply.Services { Instances: [var known] } ? known : null;

    private async Task<IResult> DeregisterAsync(string id) => Bare(await node.AskAsync(new ApiRequest.DeregisterService(null, id, null, null)), id);

    private async Task<IResult> MaintenanceAsync(string id, HttpRequest request)
    {
        if (!bool.TryParse(request.Query["enable"].ToString(), out var isOn)) return KonsulServiceApi.Bad("enable must be true or false");
        var check = MaintenancePrefix + id;
        if (!isOn)
        {
            var reply = await node.AskAsync(new ApiRequest.RemoveCheck(id, check));
            return reply is ApiReply.NotFound && await KnownAsync(id) is not null ? Results.Ok() : Bare(reply, id);
        }

        var reason = request.Query["reason"].ToString() is { Length: > 0 } given ? given : "Maintenance mode is enabled for this service, but no reason was provided. This is a default message.";
        return Bare(await node.AskAsync(new ApiRequest.SetCheck(id, new() { Id = check, Name = "Service Maintenance Mode", Kind = CheckKind.Maintenance, Notes = reason })), id);
    }

    private async Task<IResult> RegisterCheckAsync(HttpRequest request)
    {
        var (body, problem) = await JsonFields.ReadObjectAsync(request);
        if (body is null) return KonsulServiceApi.Bad(problem!);
        var service = body.Text("serviceid");
        if (service.Length == 0) return KonsulServiceApi.Bad("ServiceID is missing: checks of a node are not built, only those of a service");
        var name = body.Text("name");
        if (name.Length == 0) return KonsulServiceApi.Bad("Name is missing: the name of the check");
        var check = ServiceBody.ReadCheck(body, service, name, isConsul: true);
        return body.End() is { } wrong ? KonsulServiceApi.Bad(wrong) : Bare(await node.AskAsync(new ApiRequest.SetCheck(service, check)), service);
    }

    private async Task<IResult> DeregisterCheckAsync(string id) => OfCheck(await node.AskAsync(new ApiRequest.RemoveCheck(null, id)), id);

    private async Task<IResult> ReportAsync(string id, CheckStatus status, string note) =>
        OfCheck(await node.AskAsync(new ApiRequest.ReportCheck(null, id, status, note, By: null, DefinedIndex: 0)), id);

    private async Task<IResult> UpdateAsync(string id, HttpRequest request)
    {
        var (body, problem) = await JsonFields.ReadObjectAsync(request);
        if (body is null) return KonsulServiceApi.Bad(problem!);
        var (word, output) = (body.Text("status", "passing"), body.Text("output"));
        if (body.End() is { } wrong) return KonsulServiceApi.Bad(wrong);
        return word is "passing" or "warning" or "critical" && ServiceBody.StatusOf(word) is { } status
            ? await ReportAsync(id, status, output.Length > 1000 ? output[..1000] : output) : KonsulServiceApi.Bad($"Status must be passing, warning or critical, not '{word}'");
    }

    private async Task<IResult> ServicesAsync(HttpRequest request)
    {
        var (found, refusal) = await reads.AskAsync(new(), request);
        return found is null ? refusal! : Results.Json(found.Instances.ToImmutableSortedDictionary(static i => i.Id, ServiceShapes.AgentService, StringComparer.Ordinal));
    }

    private async Task<IResult> ServiceAsync(string id, HttpRequest request)
    {
        var (found, refusal) = await reads.AskAsync(new() { InstanceId = id }, request);
        if (found is null) return refusal!;
        return found.Instances is [var instance] ? Results.Json(ServiceShapes.AgentService(instance)) : Results.Text($"unknown service ID: {id}", statusCode: 404);
    }

    private async Task<IResult> ChecksAsync(HttpRequest request)
    {
        var (found, refusal) = await reads.AskAsync(new(), request);
        if (found is null) return refusal!;
        var checks = new SortedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var instance in found.Instances)
            foreach (var check in instance.Checks) checks[check.Spec.Id] = ServiceShapes.ConsulCheck(instance, check);
        return Results.Json(checks);
    }

    private async Task<(string Leader, IEnumerable<string> Peers)?> LeaderAndPeersAsync()
    {
        if (await node.AskAsync(new ApiRequest.ClusterStatus()) is not ApiReply.Cluster(var view)) return null;
        string AddressOf(Verify.Raft.NodeId member) => ClusterShapes.AddressOf(view.Raft.Membership.ContactOf(member), member);
        return (view.Raft.Leader is { } leader ? AddressOf(leader) : "", view.Raft.Membership.Voters.Select(AddressOf));
    }

    /// <summary>Consul says 200 without a body, and 404 in plain words.</summary>
    private static IResult Bare(ApiReply reply, string id) => reply switch
    {
        ApiReply.Done => Results.Ok(),
        ApiReply.NotFound => Results.Text($"Unknown service ID \"{id}\". Ensure that the service ID is passed, not the service name.", statusCode: 404),
        _ => KonsulKvApi.Refusal(reply),
    };

    private static IResult OfCheck(ApiReply reply, string id) => reply switch
    {
        ApiReply.Done => Results.Ok(),
        ApiReply.NotFound => Results.Text($"Unknown check ID \"{id}\". Ensure that the check ID is passed, not the check name.", statusCode: 404),
        _ => KonsulKvApi.Refusal(reply),
    };
}
