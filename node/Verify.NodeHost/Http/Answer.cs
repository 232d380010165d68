using Microsoft.AspNetCore.Http;
using Verify.Node.Api;
using Verify.Node.Throttle;

namespace Verify.NodeHost.Http;

/// <summary>The shapes of answers: orchestrator's { Code, Message, Details }, and what each kind of refusal means in HTTP.</summary>
internal static class Answer
{
    public static IResult Ok(string message, object? details) => Results.Json(new { Code = "OK", Message = message, Details = details });

    public static IResult Error(string message, object? details = null, int status = 500) =>
        Results.Json(new { Code = "ERROR", Message = message, Details = details }, statusCode: status);

    public static IResult Of(ApiReply reply) => reply switch
    {
        ApiReply.NoLeader(var retry) => new WithRetry(Error("no leader is known", status: 503), retry),
        ApiReply.Overloaded(var why, var retry) => new WithRetry(Error(why, status: 429), retry),
        ApiReply.Unknown(var why) => Error($"outcome unknown: {why}", status: 504),
        ApiReply.Refused(var why) => Error(why, status: StatusOf(why)),
        _ => Error($"unexpected answer {reply.GetType().Name}"),
    };

    /// <summary>403 for what a token does not allow, 507 for a full disk, 413 for something too large, 400 otherwise.</summary>
    public static int StatusOf(string refusal) =>
        refusal.StartsWith("Permission denied", StringComparison.Ordinal) ? 403
        : refusal.Contains("disk full", StringComparison.OrdinalIgnoreCase) ? 507
        : refusal.Contains("too large", StringComparison.OrdinalIgnoreCase) || refusal.Contains("too long", StringComparison.OrdinalIgnoreCase) ? 413 : 400;

    /// <summary>An answer with a Retry-After header (RFC 9110 section 10.2.3, whole seconds, rounded up), and the same in milliseconds for
    /// Verify.Client, which would otherwise wait a second for an election of a tenth.</summary>
    public sealed class WithRetry(IResult inner, TimeSpan retryAfter) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.Headers.RetryAfter = $"{Math.Max(1, (int)Math.Ceiling(retryAfter.TotalSeconds))}";
            httpContext.Response.Headers["X-Verify-Retry-After-Ms"] = $"{Math.Max(1, (int)Math.Ceiling(retryAfter.TotalMilliseconds))}";
            return inner.ExecuteAsync(httpContext);
        }
    }
}

/// <summary>What the endpoints need of a node.</summary>
internal interface INodeApi
{
    ValueTask<ApiReply> AskAsync(ApiRequest request);

    /// <summary>May this application write now? At once.</summary>
    CheckAnswer Check(string app, string storeType, string store, CheckFlags flags) => CheckAnswer.NotLeader;

    /// <summary>The node leads for sure at this moment.</summary>
    bool Leads => false;
}
