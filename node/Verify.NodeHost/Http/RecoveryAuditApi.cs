using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;

namespace Verify.NodeHost.Http;

/// <summary>What was recovered, what is being recovered and what was not, and why: orchestrator's audit-recovery*, blocked-recoveries,
/// active- and recently-active-*.</summary>
internal sealed class RecoveryAuditApi(INodeApi node, NodeConfig config)
{
    /// <summary>Of audit-recovery, as in orchestrator.</summary>
    private const int PageRows = 20;
    private readonly Hints _hints = new(node);

    public void Map(IEndpointRouteBuilder routes)
    {
        void Read(string route, Delegate handler) => routes.MapGet($"/api/{route}", handler);
        Read("audit-recovery", () => ListAsync(_ => true));
        Read("audit-recovery/{page:int}", (int page) => ListAsync(_ => true, page));
        Read("audit-recovery/id/{id:long}", (long id) => ListAsync(r => r.Id == id));
        Read("audit-recovery/uid/{uid}", (string uid) => ListAsync(r => RecoveryShapes.UidOf(r.Cluster, r.Id) == uid));
        Read("audit-recovery/cluster/{hint}", (string hint) => OfClusterAsync(hint, _ => true));
        Read("audit-recovery/cluster/{hint}/{page:int}", (string hint, int page) => OfClusterAsync(hint, _ => true, page));
        Read("audit-recovery/alias/{hint}", (string hint) => OfClusterAsync(hint, _ => true));
        Read("audit-recovery/alias/{hint}/{page:int}", (string hint, int page) => OfClusterAsync(hint, _ => true, page));
        Read("audit-recovery-steps/{uid}", StepsAsync);
        Read("active-cluster-recovery/{hint}", (string hint) => OfClusterAsync(hint, r => r.IsOpen));
        Read("recently-active-cluster-recovery/{hint}", (string hint) => RecentAsync(hint, null));
        Read("recently-active-instance-recovery/{host}/{port}", (string host, string port) => RecentAsync($"{host}:{port}", $"{host}:{port}"));
        Read("blocked-recoveries", () => BlockedAsync(null));
        Read("blocked-recoveries/cluster/{hint}", (string hint) => BlockedAsync(hint));
    }

    private async ValueTask<IReadOnlyList<RecoveryPicture>> AllAsync() =>
        await node.AskAsync(new ApiRequest.Recoveries()) is ApiReply.RecoveryList(var all) ? all : [];

    private async Task<IResult> ListAsync(Func<RecoveryPicture, bool> isMeant, int? page = null)
    {
        var all = (await AllAsync()).Where(isMeant);
        if (page is { } number) all = all.Skip(Math.Max(0, number) * PageRows).Take(PageRows);
        return Results.Json(all.Select(RecoveryShapes.Of));
    }

    private async Task<IResult> OfClusterAsync(string hint, Func<RecoveryPicture, bool> isMeant, int? page = null) =>
        await _hints.FindAsync(hint) is { } cluster
            ? await ListAsync(r => r.Cluster == cluster.Alias && isMeant(r), page)
            : Answer.Error(await _hints.UnknownAsync(hint));

    /// <summary>Those that still keep the next one from beginning by itself.</summary>
    private async Task<IResult> RecentAsync(string hint, string? instance)
    {
        if (await node.AskAsync(new ApiRequest.ReadPolicy()) is not ApiReply.Policy(var policy)) return Answer.Error("the node is stopping");
        var since = policy.NowMs - (long)config.Recovery.BlockPeriod.TotalMilliseconds;
        return await OfClusterAsync(hint, r => (instance is null || r.Failed.ToString() == instance)
            && r.Record is { By: "", Acknowledged: null, IsSuccessful: true } record && record.OpenedAt.AtMs > since);
    }

    private async Task<IResult> StepsAsync(string uid) =>
        (await AllAsync()).FirstOrDefault(r => RecoveryShapes.UidOf(r.Cluster, r.Id) == uid) is { } found
            ? Results.Json(RecoveryShapes.StepsOf(found))
            : Answer.Error($"there is no recovery {uid}", status: 404);

    private async Task<IResult> BlockedAsync(string? hint)
    {
        var cluster = hint is null ? null : await _hints.FindAsync(hint);
        if (hint is not null && cluster is null) return Answer.Error(await _hints.UnknownAsync(hint));
        return await node.AskAsync(new ApiRequest.SkippedRecoveries()) switch
        {
            ApiReply.Skipped(var skipped) => Results.Json(skipped.Where(s => cluster is null || s.Cluster == cluster.Alias).Select(s => new
            {
                FailedInstanceKey = RecoveryShapes.Key(s.Instance),
                ClusterName = s.Cluster,
                s.Analysis,
                LastBlockedTimestamp = RecoveryShapes.Time(s.SinceMs),
                BlockingRecoveryId = s.BlockedBy,
                Skipped = s.Code,
                s.Reason,
            })),
            var other => Answer.Of(other),
        };
    }
}
