using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Verify.Node.Api;
using Verify.Node.Throttle;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Security;
using Verify.NodeHost.Throttle;

namespace Verify.NodeHost.Http;

/// <summary>Answers freno's checks before routing looks at them: on the leader from what its loop has published, without asking the loop;
/// elsewhere the leader is asked, or (when the client prefers it, or the leader does not answer) the client is sent there with 307.</summary>
internal sealed class FrenoChecks(INodeApi node, AccessSettings access, string scheme, TimeSpan sampleAgeMax, CheckFigures figures, RecentApps recent, bool hasBackend = false)
{
    private readonly Credential _credential = new(access);

    public void Use(WebApplication app) => app.Use(AnswerAsync);

    private Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method)) return next(context);
        if (CheckPath.Parse(request.Path.Value ?? "", request.QueryString.Value ?? "", out var problem) is not { } check) return next(context);

        // Whoever must not look is told so by the gate behind.
        if (access.Method.Length > 0 && _credential.RoleOf(request) is null) return next(context);
        if (problem is not null) return FrenoAnswer.General(500, problem).ExecuteAsync(context);
        recent.Note(check.App, context.Connection.RemoteIpAddress, request.Headers["X-Forwarded-For"].ToString());
        var answer = node.Check(check.App, check.Type, check.Store, check.Flags);
        if (answer.Reason == CheckReason.NotLeader) return ElsewhereAsync(context, check);
        figures.Count(check.App, check.Type, check.Store, answer.Reason);
        return FrenoAnswer.CheckAsync(context, answer);
    }

    private async Task ElsewhereAsync(HttpContext context, CheckPath check)
    {
        if (hasBackend)
        {
            // The other nodes are no peers of this one: nobody to forward to, but somebody to send the client to.
            if (await LeaderRedirect.BackendLocationAsync(node, scheme, context.Request) is { } there)
            {
                LeaderRedirect.Send(context, there);
                return;
            }

            figures.Count(check.App, check.Type, check.Store, CheckReason.NotLeader);
            await FrenoAnswer.CheckAsync(context, CheckAnswer.NotLeader);
            return;
        }

        if (LeaderRedirect.IsWanted(context.Request) && await LeaderRedirect.LocationAsync(node, scheme, context.Request) is { } wanted)
        {
            LeaderRedirect.Send(context, wanted);
            return;
        }

        var answer = await AskLeaderAsync(check);
        if (answer is null && await LeaderRedirect.LocationAsync(node, scheme, context.Request) is { } instead)
        {
            LeaderRedirect.Send(context, instead);
            return;
        }

        answer ??= CheckAnswer.NotLeader;
        figures.Count(check.App, check.Type, check.Store, answer.Reason);
        await FrenoAnswer.CheckAsync(context, answer);
    }

    /// <summary>Null: the leader could not be asked. An OK is passed on only while its samples are new enough with the time that the question
    /// took on top, counted here from before it was sent.</summary>
    private async ValueTask<CheckAnswer?> AskLeaderAsync(CheckPath check)
    {
        var began = Stopwatch.GetTimestamp();
        ApiReply reply;
        try
        {
            reply = await node.AskAsync(new ApiRequest.ThrottleCheck(check.App, check.Type, check.Store, check.Flags)).AsTask().WaitAsync(sampleAgeMax);
        }
        catch (TimeoutException)
        {
            return CheckAnswer.NotLeader with { Message = $"the leader has not answered within {sampleAgeMax.TotalMilliseconds:0} ms" };
        }

        switch (reply)
        {
            case ApiReply.Checked(var answer, var age):
                var isLate = answer.Reason == CheckReason.Ok && age + Stopwatch.GetElapsedTime(began) >= sampleAgeMax;
                return isLate ? new(500, answer.Value, answer.Threshold, "the leader's answer came too late to be true", CheckReason.Stale) : answer;
            case ApiReply.NoLeader:
                return null;
            case ApiReply.Unknown(var why):
                return CheckAnswer.NotLeader with { Message = why };
            case ApiReply.Overloaded(var why, _):
                return CheckAnswer.NotLeader with { Message = why };
            default:
                return CheckAnswer.NotLeader;
        }
    }
}

/// <summary>307 to the node that leads.</summary>
internal static class LeaderRedirect
{
    /// <summary>The client would rather go there itself: ?redirect=true, or "Prefer: redirect".</summary>
    public static bool IsWanted(HttpRequest request) => request.Query.TryGetValue("redirect", out var asked) && ClusterApi.IsTrue(asked.ToString())
        || request.Headers["Prefer"].Any(p => p is not null && p.Split(',', ';').Any(w => w.Trim().Equals("redirect", StringComparison.OrdinalIgnoreCase)));

    /// <summary>The same path and query on the leader; null when this node leads, or does not know where the leader's HTTP listener is.</summary>
    public static async ValueTask<string?> LocationAsync(INodeApi node, string scheme, HttpRequest request)
    {
        if (await node.AskAsync(new ApiRequest.ClusterStatus()) is not ApiReply.Cluster(var view)) return null;
        if (view.Raft.Leader is not { } leader || leader == view.Raft.Self || string.IsNullOrEmpty(view.LeaderContact.ApiAddress)) return null;
        return LocationOf(scheme, view.LeaderContact.ApiAddress, request);
    }

    /// <summary>As <see cref="LocationAsync"/>, where a MySQL backend says who leads.</summary>
    public static async ValueTask<string?> BackendLocationAsync(INodeApi node, string scheme, HttpRequest request) =>
        await node.AskAsync(new ApiRequest.ThrottleLeader()) is ApiReply.ThrottleLeadership { IsSelf: false, Leader: { Length: > 0 } leader } ? LocationOf(scheme, leader, request) : null;

    private static string LocationOf(string scheme, string leader, HttpRequest request) =>
        $"{scheme}://{leader}{request.PathBase}{request.Path.ToUriComponent()}{Without(request.QueryString)}";

    public static void Send(HttpContext context, string location)
    {
        context.Response.StatusCode = 307;
        context.Response.Headers.Location = location;
        context.Response.ContentLength = 0;
    }

    /// <summary>The wish to be sent on was fulfilled.</summary>
    private static string Without(QueryString query)
    {
        if (query.Value is not { Length: > 1 } text) return "";
        var kept = text[1..].Split('&').Where(p => !p.StartsWith("redirect", StringComparison.Ordinal)).ToArray();
        return kept.Length > 0 ? "?" + string.Join('&', kept) : "";
    }
}
