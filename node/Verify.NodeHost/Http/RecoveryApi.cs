using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.Topology;

namespace Verify.NodeHost.Http;

/// <summary>orchestrator's routes that make or acknowledge recoveries: recover, graceful-master-takeover, force-master-*, ack-*. An answer comes when
/// the recovery has ended; <c>?wait=0</c> answers as soon as it is in the ledger.</summary>
internal sealed class RecoveryApi(INodeApi node)
{
    /// <summary>Longer than any recovery that goes on; what is not over by then is told as not known.</summary>
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);
    private readonly Hints _hints = new(node);

    public void Map(IEndpointRouteBuilder routes)
    {
        void Write(string route, Delegate handler) => routes.MapGet($"/api/{route}", handler).WithMetadata(NeedsWrite.Mark);
        foreach (var (route, isLite) in new[] { ("recover", false), ("recover-lite", true) })
        {
            Write($"{route}/{{host}}/{{port}}", (HttpContext http, string host, string port) => RecoverAsync(http, host, port, null, null, isLite));
            Write($"{route}/{{host}}/{{port}}/{{candidateHost}}/{{candidatePort}}", (HttpContext http, string host, string port, string candidateHost, string candidatePort) =>
                RecoverAsync(http, host, port, candidateHost, candidatePort, isLite));
        }

        Replace(Write, "graceful-master-takeover", RecoveryWish.GracefulTakeover, named: true, unnamed: true);
        Replace(Write, "graceful-master-takeover-auto", RecoveryWish.GracefulTakeoverAuto, named: true, unnamed: true);
        Replace(Write, "force-master-failover", RecoveryWish.ForceFailover, named: false, unnamed: true);
        Replace(Write, "force-master-takeover", RecoveryWish.ForceTakeover, named: true, unnamed: false);
        Write("ack-recovery/cluster/{hint}", (HttpContext http, string hint) => AcknowledgeAsync(http, hint, null, 0));
        Write("ack-recovery/cluster/alias/{hint}", (HttpContext http, string hint) => AcknowledgeAsync(http, hint, null, 0));
        Write("ack-recovery/instance/{host}/{port}", (HttpContext http, string host, string port) => AcknowledgeAsync(http, $"{host}:{port}", Hints.Key(host, port), 0));
        Write("ack-recovery/{id:long}", (HttpContext http, long id) => AcknowledgeOneAsync(http, id));
        Write("ack-recovery/uid/{uid}", (HttpContext http, string uid) => AcknowledgeOneAsync(http, RecoveryShapes.IdOf(uid)));
        Write("ack-all-recoveries", AcknowledgeAllAsync);
    }

    private void Replace(Action<string, Delegate> write, string route, RecoveryWish wish, bool named, bool unnamed)
    {
        if (unnamed)
        {
            write($"{route}/{{hint}}", (HttpContext http, string hint) => ReplaceAsync(http, wish, hint, null));
            write($"{route}/{{host}}/{{port:int}}", (HttpContext http, string host, string port) => ReplaceAsync(http, wish, $"{host}:{port}", null));
        }

        if (!named) return;
        write($"{route}/{{hint}}/{{toHost}}/{{toPort:int}}", (HttpContext http, string hint, string toHost, string toPort) =>
            ReplaceAsync(http, wish, hint, Hints.Key(toHost, toPort)));
        write($"{route}/{{host}}/{{port:int}}/{{toHost}}/{{toPort:int}}", (HttpContext http, string host, string port, string toHost, string toPort) =>
            ReplaceAsync(http, wish, $"{host}:{port}", Hints.Key(toHost, toPort)));
    }

    private async Task<IResult> RecoverAsync(HttpContext http, string host, string port, string? candidateHost, string? candidatePort, bool isLite)
    {
        if (Hints.Key(host, port) is not { } failed) return Answer.Error($"'{host}:{port}' is no host:port", status: 400);
        var candidate = candidateHost is null ? null : Hints.Key(candidateHost, candidatePort!);
        if (candidateHost is not null && candidate is null) return Answer.Error($"'{candidateHost}:{candidatePort}' is no host:port", status: 400);
        return await _hints.FindAsync(failed.ToString()) is { } cluster
            ? await StartAsync(http, new(cluster.Alias, RecoveryWish.Recover, failed, candidate, Who(http), isLite))
            : Answer.Error(await _hints.UnknownAsync(failed.ToString()));
    }

    private async Task<IResult> ReplaceAsync(HttpContext http, RecoveryWish wish, string hint, InstanceKey? to) =>
        await _hints.FindAsync(hint) is { } cluster
            ? await StartAsync(http, new(cluster.Alias, wish, null, to, Who(http), WithoutHooks: false))
            : Answer.Error(await _hints.UnknownAsync(hint));

    private async Task<IResult> StartAsync(HttpContext http, ApiRequest.StartRecovery start)
    {
        var begun = await node.AskAsync(start);
        if (begun is not ApiReply.Done(var id)) return Answer.Of(begun);
        if (http.Request.Query["wait"] == "0") return Answer.Ok($"recovery {id} is under way", new { Id = id, UID = RecoveryShapes.UidOf(start.Alias, id) });
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        limit.CancelAfter(WaitMax);
        while (!limit.IsCancellationRequested)
        {
            if (await FindAsync(id) is { IsOpen: false } ended) return Told(start, ended);
            await Task.Delay(LookAgain, CancellationToken.None);
        }

        return Answer.Error($"outcome unknown: recovery {id} is still under way; look at audit-recovery/id/{id}", status: 504);
    }

    private static IResult Told(ApiRequest.StartRecovery start, RecoveryPicture ended)
    {
        if (!ended.IsSuccessful) return Answer.Error($"{start.Wish} of {start.Alias} did not succeed: {ended.Record?.Closing}", RecoveryShapes.Of(ended));
        return start.Wish == RecoveryWish.Recover
            ? Answer.Ok($"Recovery executed on {ended.Failed}", ended.Successor is { } successor ? RecoveryShapes.Key(successor) : null)
            : Answer.Ok($"{start.Wish}: successor promoted", RecoveryShapes.Of(ended));
    }

    private async Task<IResult> AcknowledgeOneAsync(HttpContext http, long id) => await FindAsync(id) is { } found
        ? await AcknowledgeAsync(http, found.Cluster, null, id)
        : Answer.Error($"there is no recovery {id}", status: 404);

    private async Task<IResult> AcknowledgeAsync(HttpContext http, string hint, InstanceKey? instance, long id)
    {
        if (Comment(http) is not { } comment) return NoComment();
        if (await _hints.FindAsync(hint) is not { } cluster) return Answer.Error(await _hints.UnknownAsync(hint));
        return await node.AskAsync(new ApiRequest.AcknowledgeRecoveries(cluster.Alias, id, instance, Who(http), comment)) switch
        {
            ApiReply.Done => Answer.Ok($"Acknowledged recoveries of {cluster.Alias}", cluster.Alias),
            ApiReply.NotFound => Answer.Ok($"nothing to acknowledge in {cluster.Alias}", null),
            var other => Answer.Of(other),
        };
    }

    private async Task<IResult> AcknowledgeAllAsync(HttpContext http)
    {
        if (Comment(http) is not { } comment) return NoComment();
        var done = new List<string>();
        foreach (var cluster in await _hints.ClustersAsync())
        {
            switch (await node.AskAsync(new ApiRequest.AcknowledgeRecoveries(cluster.Alias, 0, null, Who(http), comment)))
            {
                case ApiReply.Done: done.Add(cluster.Alias); break;
                case ApiReply.NotFound or ApiReply.Refused: break;
                case var other: return Answer.Of(other);
            }
        }

        return Answer.Ok($"Acknowledged recoveries of {done.Count} clusters", done);
    }

    private async ValueTask<RecoveryPicture?> FindAsync(long id) =>
        await node.AskAsync(new ApiRequest.Recoveries()) is ApiReply.RecoveryList(var all) ? all.FirstOrDefault(r => r.Id == id) : null;

    private static string? Comment(HttpContext http) => http.Request.Query["comment"].ToString().Trim() is { Length: > 0 } comment ? comment : null;

    private static IResult NoComment() => Answer.Error("No acknowledge comment given: say why in ?comment=…", status: 400);

    /// <summary>For the ledger: as whom the request was let in, else from where it came.</summary>
    internal static string Who(HttpContext http) => http.Request.Query["owner"].ToString() is { Length: > 0 } owner ? owner
        : http.User.Identity?.Name is { Length: > 0 } name ? name : $"{http.Connection.RemoteIpAddress}";
}
