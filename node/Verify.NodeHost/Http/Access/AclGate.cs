using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Access;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Http.Access;

/// <summary>Stands before keys, services, sessions, backups and the rules themselves when AclEnabled is set: finds out by the token what the asker
/// may do, and refuses what the path alone shows he may not. Where the name stands in the body, or an answer holds many names, the
/// endpoint asks <see cref="Of"/>. What is not named here (status, health of the node, orchestrator's and freno's interfaces) is AuthenticationMethod's.</summary>
internal sealed class AclGate(INodeApi node, AclSettings settings, RefusedSources? refused)
{
    private const string Item = "verify.acl";

    public void Use(WebApplication app)
    {
        if (settings.IsEnabled) app.Use(CheckAsync);
    }

    /// <summary>What the asker may do; everything where there are no rules.</summary>
    public static AccessJudgement Of(HttpContext context) => context.Items[Item] as AccessJudgement ?? AccessJudgement.Everything;

    private async Task CheckAsync(HttpContext context, RequestDelegate next)
    {
        var wanted = WantedOf(context);
        if (wanted is null)
        {
            await next(context);
            return;
        }

        var secret = SecretOf(context.Request);
        var reply = await node.AskAsync(new ApiRequest.JudgeAccess(secret.Length == 0 ? default : SHA256.HashData(Encoding.UTF8.GetBytes(secret)), settings.AllowsByDefault));
        var objection = reply switch
        {
            ApiReply.Judged(var judgement) => Judge(context, judgement, wanted),
            ApiReply.NotFound => Forbidden("ACL not found: this token is nobody's"),
            _ => KonsulKvApi.Refusal(reply),
        };
        if (objection is null)
        {
            await next(context);
            return;
        }

        refused?.Note("http", "acl", $"{context.Connection.RemoteIpAddress}", $"{context.Request.Method} {context.Request.Path}: its token does not allow it");
        await objection.ExecuteAsync(context);
    }

    private static IResult? Judge(HttpContext context, AccessJudgement judgement, IReadOnlyList<Wanted> wanted)
    {
        context.Items[Item] = judgement;
        foreach (var (area, name, level, isAll) in wanted)
        {
            if (!(isAll ? judgement.MayAll(area, name, level) : judgement.May(area, name, level)))
                return Forbidden(Words(area, isAll ? name + "*" : name, level));
        }

        return null;
    }

    private static IResult Forbidden(string why) => Results.Json(new { error = "permission denied", message = why, outcome = "not done" }, statusCode: 403);

    private static string Words(AccessArea area, string name, AccessLevel level) => $"Permission denied: this token lacks {area.ToString().ToLowerInvariant()}:{level.ToString().ToLowerInvariant()} on \"{name}\"";

    /// <summary>X-Consul-Token, Authorization: Bearer, or Consul's ?token.</summary>
    public static string SecretOf(HttpRequest request)
    {
        const string scheme = "Bearer ";
        var header = request.Headers.Authorization.ToString();
        return request.Headers["X-Consul-Token"].ToString() is { Length: > 0 } token ? token
            : header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? header[scheme.Length..].Trim() : request.Query["token"].ToString();
    }

    /// <summary>What the endpoint's pattern and the names in the path say must be allowed; null: none of this gate's business; empty: the endpoint asks.
    /// The pattern, not the path: routing takes capitals for small letters, and so must the gate.</summary>
    private static List<Wanted>? WantedOf(HttpContext context)
    {
        if (context.GetEndpoint() is not RouteEndpoint { RoutePattern.RawText: { } pattern }) return null;
        var request = context.Request;
        var level = HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) ? AccessLevel.Read : AccessLevel.Write;
        string Value(string name) => request.RouteValues.TryGetValue(name, out var value) ? value?.ToString() ?? "" : "";
        bool Begins(params ReadOnlySpan<string> starts)
        {
            foreach (var start in starts)
                if (pattern == start || pattern.StartsWith(start + "/", StringComparison.Ordinal)) return true;
            return false;
        }

        switch (pattern)
        {
            case "/v1/kv/{**key}":
                return [new(AccessArea.Key, Value("key"), level, request.Query.ContainsKey("recurse") || request.Query.ContainsKey("keys"))];
            case "/kv/{**key}" or "/touch/{**key}" or "/lock/{**key}":
                return [new(AccessArea.Key, Value("key"), level, request.Query.ContainsKey("recurse"))];
            case "/kv/":
                return [new(AccessArea.Key, request.Query["prefix"].ToString(), level, IsAll: true)];
            case "/watch/{**key}" or "/kv/watch/{**key}":
                // What stands before the first star: a rule on a name that the pattern covers must count, too.
                return [new(AccessArea.Key, new WatchPattern(Value("key"), request.Query.ContainsKey("recurse") || request.Query.ContainsKey("prefix")).Prefix, AccessLevel.Read, IsAll: true)];
            case "/batch/kv/get":
                return [new(AccessArea.Key, "", AccessLevel.Read, IsAll: true)];
            case "/backup" or "/restore" or "/backups" or "/export" or "/import" or "/cluster/export" or "/cluster/import":
                return [new(AccessArea.Operator, "", level, IsAll: false)];
            case "/acl/bootstrap" or "/v1/acl/bootstrap" or "/acl/token/self":
                return [];
            case "/lb/strategy" when level == AccessLevel.Write:
                return [new(AccessArea.Operator, "", level, IsAll: false)];
            case "/deregister/{name}" or "/heartbeat/{name}":
                return [new(AccessArea.Service, Value("name"), AccessLevel.Write, IsAll: false)];
            case "/lb/service/{name}" or "/health/service/{name}" or "/v1/health/service/{name}" or "/v1/health/checks/{name}" or "/v1/catalog/service/{name}":
                return [new(AccessArea.Service, Value("name"), AccessLevel.Read, IsAll: false)];
        }

        // Whatever else is about keys, a watch or a transaction, is about all that its path begins with.
        if (Begins("/kv", "/v1/kv", "/touch", "/lock", "/watch", "/batch/kv", "/v1/txn", "/v1/event")) return [new(AccessArea.Key, Value("key") + Value("prefix"), level, IsAll: true)];
        if (Begins("/v1/session", "/session")) return [new(AccessArea.Session, "", level, IsAll: false)];
        if (Begins("/acl", "/v1/acl")) return [new(AccessArea.Operator, "acl", level, IsAll: false)];
        return Begins("/register", "/services", "/lb", "/batch/services", "/health/checks", "/health/check", "/v1/agent", "/v1/catalog", "/v1/health") ? [] : null;
    }

    /// <param name="IsAll">Everything that begins with the name.</param>
    private sealed record Wanted(AccessArea Area, string Name, AccessLevel Level, bool IsAll);
}

/// <summary>Whether there are rules, and what counts where none fits.</summary>
internal sealed record AclSettings(bool IsEnabled, bool AllowsByDefault);
