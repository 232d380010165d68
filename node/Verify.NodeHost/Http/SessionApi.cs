using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Locks;

namespace Verify.NodeHost.Http;

/// <summary>Sessions, which hold locks: /v1/session/* as Consul's clients ask for it (Consul HTTP API, "Sessions"), and /session in Konsul's style.
/// They end by the group's time only; sessions that end with a health check are refused.</summary>
internal sealed class SessionApi(INodeApi node, string self, string dataCenter)
{
    private static readonly TimeSpan LockDelayOtherwise = TimeSpan.FromSeconds(15);

    public void Map(IEndpointRouteBuilder routes)
    {
        var consul = OwnDataCenter.Group(routes, dataCenter);
        consul.MapPut("/v1/session/create", (HttpRequest request) => CreateAsync(request, id => Results.Json(new { ID = id }))).WithMetadata(NeedsWrite.Mark);
        consul.MapPut("/v1/session/destroy/{id}", async (string id) => await DoAsync(new SessionCommand.Destroy(id)) switch
        {
            ApiReply.Done or ApiReply.NotFound => Results.Json(true),
            var reply => KonsulKvApi.Refusal(reply),
        }).WithMetadata(NeedsWrite.Mark);
        consul.MapPut("/v1/session/renew/{id}", (string id) => RenewAsync(id, (session, index) => Results.Json(new[] { ShapeOf(session, index) }))).WithMetadata(NeedsWrite.Mark);
        consul.MapGet("/v1/session/info/{id}", (string id, HttpRequest request) => ListAsync(id, _ => true, request));
        consul.MapGet("/v1/session/list", (HttpRequest request) => ListAsync(null, _ => true, request));
        consul.MapGet("/v1/session/node/{of}", (string of, HttpRequest request) => ListAsync(null, s => string.Equals(s.Node, of, StringComparison.Ordinal), request));

        routes.MapPut("/session", (HttpRequest request) => CreateAsync(request, id => Results.Json(new { message = "session begun", id }))).WithMetadata(NeedsWrite.Mark);
        routes.MapPut("/session/renew/{id}", (string id) => RenewAsync(id, (session, _) => Results.Json(new { message = "session renewed", id = session.Id, ttl_ms = session.TtlMs }))).WithMetadata(NeedsWrite.Mark);
        routes.MapDelete("/session/{id}", async (string id) => await DoAsync(new SessionCommand.Destroy(id)) switch
        {
            ApiReply.Done => Results.Json(new { message = "session ended", id }),
            ApiReply.NotFound => Missing(id),
            var reply => KonsulKvApi.Refusal(reply),
        }).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/session", (HttpRequest request) => KonsulListAsync(request));
    }

    private ValueTask<ApiReply> DoAsync(SessionCommand command) => node.AskAsync(new ApiRequest.SessionDo(command));

    private async Task<IResult> CreateAsync(HttpRequest request, Func<string, IResult> made)
    {
        var (body, problem) = await KvBody.JsonAsync(request, JsonValueKind.Object, mayBeEmpty: true);
        if (problem is not null) return KonsulKvApi.Bad(problem);
        var (create, why) = Read(body);
        if (create is null) return KonsulKvApi.Bad(why);
        return await DoAsync(create) switch
        {
            ApiReply.Done => made(create.Id),
            ApiReply.CasConflict => Results.Json(new { error = "conflict", message = $"another session has the id {create.Id}", outcome = "not done" }, statusCode: 409),
            var reply => KonsulKvApi.Refusal(reply),
        };
    }

    private (SessionCommand.Create? Create, string Why) Read(JsonElement body)
    {
        var properties = body.ValueKind == JsonValueKind.Object
            ? body.EnumerateObject().GroupBy(p => p.Name.Replace("_", "", StringComparison.Ordinal), StringComparer.OrdinalIgnoreCase).ToDictionary(g => g.Key, g => g.Last().Value, StringComparer.OrdinalIgnoreCase)
            : [];
        string Text(string name) => properties.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
        foreach (var name in (ReadOnlySpan<string>)["Checks", "NodeChecks", "ServiceChecks"])
        {
            if (properties.TryGetValue(name, out var checks) && checks.ValueKind == JsonValueKind.Array && checks.EnumerateArray().Any(c => c.ValueKind != JsonValueKind.String || !c.ValueEquals("serfHealth")))
                return (null, $"{name}: a session cannot end with a health check here; give it a TTL and renew it");
        }

        long? ttl = null;
        if (properties.TryGetValue("TTL", out var given) && !(given.ValueKind == JsonValueKind.String && given.GetString()!.Length == 0))
        {
            if (!KvBody.TryDuration(given, out var duration)) return (null, "TTL must be a duration such as 30s");
            ttl = (long)duration.TotalMilliseconds;
        }

        var behaviour = Text("Behavior").ToUpperInvariant() switch { "" or "RELEASE" => SessionBehaviour.Release, "DELETE" => SessionBehaviour.Delete, _ => (SessionBehaviour?)null };
        if (behaviour is null) return (null, "Behavior must be release or delete");
        var delay = LockDelayOtherwise;
        if (properties.TryGetValue("LockDelay", out var lockDelay) && !TryDelay(lockDelay, out delay)) return (null, "LockDelay must be a duration such as 15s");
        var id = Text("ID") is { Length: > 0 } wanted ? wanted : Guid.NewGuid().ToString();
        return (new(id, Text("Name"), Text("Node") is { Length: > 0 } of ? of : self, ttl, behaviour.Value, (long)delay.TotalMilliseconds), "");
    }

    /// <summary>Consul takes a number below 1000 for seconds, any other for nanoseconds.</summary>
    private static bool TryDelay(JsonElement value, out TimeSpan delay)
    {
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var nanoseconds) && nanoseconds is >= 1000 or < 0)
        {
            delay = TimeSpan.FromTicks(nanoseconds / 100);
            return nanoseconds > 0;
        }

        return KvBody.TryDuration(value, out delay);
    }

    private async Task<IResult> RenewAsync(string id, Func<LockSession, long, IResult> renewed)
    {
        var reply = await DoAsync(new SessionCommand.Renew(id));
        if (reply is ApiReply.NotFound) return Missing(id);
        if (reply is not ApiReply.Done) return KonsulKvApi.Refusal(reply);
        return await node.AskAsync(new ApiRequest.SessionRead(id, ReadConsistency.Consistent)) switch
        {
            ApiReply.SessionList { Sessions: [var session] } list => renewed(session, list.AppliedIndex),
            ApiReply.SessionList => Missing(id),
            var other => KonsulKvApi.Refusal(other),
        };
    }

    private async Task<IResult> ListAsync(string? id, Func<LockSession, bool> takes, HttpRequest request)
    {
        var reply = await node.AskAsync(new ApiRequest.SessionRead(id, ReadOptions.ConsistencyOf(request, ReadConsistency.Consistent)));
        if (reply is not ApiReply.SessionList list) return KonsulKvApi.Refusal(reply);
        ReadOptions.Stamp(request.HttpContext.Response, list.AppliedIndex, list.Age);
        return Results.Json(list.Sessions.Where(takes).Select(session => ShapeOf(session, list.AppliedIndex)));
    }

    private async Task<IResult> KonsulListAsync(HttpRequest request)
    {
        var reply = await node.AskAsync(new ApiRequest.SessionRead(null, ReadOptions.ConsistencyOf(request, ReadConsistency.Consistent)));
        return reply is not ApiReply.SessionList list ? KonsulKvApi.Refusal(reply) : Results.Json(new
        {
            sessions = list.Sessions.Select(s => new
            {
                id = s.Id, name = s.Name, node = s.Node, ttl_ms = s.TtlMs, behavior = Word(s.Behaviour), lock_delay_ms = s.LockDelayMs, create_index = s.CreateIndex,
                ends_in_ms = s.DeadlineMs is { } deadline ? Math.Max(0, deadline - list.NowMs) : (long?)null,
            }),
            applied_index = list.AppliedIndex,
        });
    }

    private static IResult Missing(string id) => Results.Json(new { error = "not found", message = $"Session id '{id}' not found: it has ended, or there never was one" }, statusCode: 404);

    private static string Word(SessionBehaviour behaviour) => behaviour == SessionBehaviour.Delete ? "delete" : "release";

    private static object ShapeOf(LockSession session, long index) => new
    {
        ID = session.Id,
        session.Name,
        session.Node,
        LockDelay = session.LockDelayMs * 1_000_000,
        Behavior = Word(session.Behaviour),
        TTL = session.TtlMs is { } ttl ? ttl % 1_000 == 0 ? $"{ttl / 1_000}s" : $"{ttl}ms" : "",
        NodeChecks = Array.Empty<string>(),
        ServiceChecks = (string[]?)null,
        session.CreateIndex,
        ModifyIndex = session.CreateIndex,
        Index = index,
    };
}
