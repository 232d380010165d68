using Microsoft.AspNetCore.Http;
using Verify.Node.Api;
using Verify.Node.State.Access;
using Verify.Node.State.Catalogue;

namespace Verify.NodeHost.Http.Access;

/// <summary>The node as one asker may see and change its services: answers hold only what he may read, and a change of a service that he may
/// not write is refused, whichever endpoint it came through.</summary>
internal sealed class GuardedServices(INodeApi node, IHttpContextAccessor asker) : INodeApi
{
    public async ValueTask<ApiReply> AskAsync(ApiRequest request)
    {
        var judgement = asker.HttpContext is { } context ? AclGate.Of(context) : AccessJudgement.Everything;
        if (judgement.IsManagement) return await node.AskAsync(request);
        foreach (var name in await WrittenAsync(request))
        {
            if (!judgement.May(AccessArea.Service, name, AccessLevel.Write)) return new ApiReply.Refused($"Permission denied: this token lacks service:write on \"{name}\"");
        }

        if (request is ApiRequest.PickService pick) return await PickAsync(pick, judgement);
        var reply = await node.AskAsync(request);
        return reply is ApiReply.Services services
            ? services with { Instances = [.. services.Instances.Where(instance => judgement.May(AccessArea.Service, instance.Name, AccessLevel.Read))] } : reply;
    }

    /// <summary>One is picked among all that the query takes; where the asker may not read that one, he is told of none.</summary>
    private async ValueTask<ApiReply> PickAsync(ApiRequest.PickService pick, AccessJudgement judgement)
    {
        if (pick.Query.Name is { } name && !judgement.May(AccessArea.Service, name, AccessLevel.Read)) return new ApiReply.Refused($"Permission denied: this token lacks service:read on \"{name}\"");
        return await node.AskAsync(pick) is ApiReply.Services picked ? picked with { Instances = [.. picked.Instances.Where(i => judgement.May(AccessArea.Service, i.Name, AccessLevel.Read))] } : new ApiReply.Refused("nothing could be picked");
    }

    /// <summary>The services that the request would change.</summary>
    private async ValueTask<IReadOnlyList<string>> WrittenAsync(ApiRequest request)
    {
        switch (request)
        {
            case ApiRequest.RegisterService(var spec, _, _):
                return [spec.Name, .. await NamesAsync(new() { InstanceId = spec.Id })];
            case ApiRequest.ImportServices import:
                var all = await NamesAsync(new());
                return [.. import.Instances.Select(static spec => spec.Name), .. import.Replaces || all.Count > 0 ? await HeldAsync(import) : []];
            case ApiRequest.DeregisterService { InstanceId: { } id }:
                return await NamesAsync(new() { InstanceId = id });
            case ApiRequest.DeregisterService { Name: { } name }:
                return [name];
            case ApiRequest.ServiceHeartbeat beat:
                return beat.InstanceId is { } alive ? await NamesAsync(new() { InstanceId = alive }) : [beat.Name!];
            case ApiRequest.SetCheck(var instance, _):
                return await NamesAsync(new() { InstanceId = instance });
            case ApiRequest.RemoveCheck(var instance, var check):
                return await CheckedAsync(instance, check);
            case ApiRequest.ReportCheck report:
                return await CheckedAsync(report.InstanceId, report.CheckId);
            default:
                return [];
        }
    }

    private async ValueTask<IReadOnlyList<string>> NamesAsync(ServiceQuery query) => [.. (await FoundAsync(query)).Select(static i => i.Name).Distinct(StringComparer.Ordinal)];

    private async ValueTask<IReadOnlyList<string>> HeldAsync(ApiRequest.ImportServices import)
    {
        var ids = import.Instances.Select(static spec => spec.Id).ToHashSet(StringComparer.Ordinal);
        return [.. (await FoundAsync(new())).Where(i => import.Replaces || ids.Contains(i.Id)).Select(static i => i.Name).Distinct(StringComparer.Ordinal)];
    }

    private async ValueTask<IReadOnlyList<string>> CheckedAsync(string? instance, string check) =>
        [.. (await FoundAsync(new() { InstanceId = instance })).Where(i => i.Checks.Any(c => c.Spec.Id == check)).Select(static i => i.Name).Distinct(StringComparer.Ordinal)];

    private async ValueTask<IReadOnlyList<ServiceInstance>> FoundAsync(ServiceQuery query) =>
        await node.AskAsync(new ApiRequest.QueryServices(query, ReadConsistency.Consistent)) is ApiReply.Services found ? found.Instances : throw new BadHttpRequestException("no leader is known; try again", 503);
}
