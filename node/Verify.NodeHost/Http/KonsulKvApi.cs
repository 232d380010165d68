using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Kv;

namespace Verify.NodeHost.Http;

/// <summary>The KV as Konsul has it: GET, PUT, DELETE /kv/:key with compare-and-set on modify_index, and what Konsul does not have: values of a whole
/// prefix, lifetimes ("ttl", /touch/:key), DELETE with ?recurse, locks with tokens (/lock/:key). Reads are linearizable
/// (?consistent), under the leader's lease (?lease), or what this node has (?stale, ?consistent=false), with its age. A write with the headers X-Verify-Session and X-Verify-Sequence
/// may be sent again safely.</summary>
internal sealed class KonsulKvApi(INodeApi node)
{
    public const string BadId = "X-Verify-Sequence must be a whole number above 0, together with X-Verify-Session";

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/kv/", (HttpRequest request) => ListAsync(request));
        routes.MapGet("/kv/{**key}", (string key, HttpRequest request) => GetAsync(key, request));
        routes.MapPut("/kv/{**key}", (string key, HttpRequest request) => PutAsync(key, request)).WithMetadata(NeedsWrite.Mark);
        routes.MapDelete("/kv/{**key}", (string? key, HttpRequest request) => DeleteAsync(key ?? "", request)).WithMetadata(NeedsWrite.Mark);
        routes.MapPut("/touch/{**key}", (string key, HttpRequest request) => TouchAsync(key, request)).WithMetadata(NeedsWrite.Mark);
        routes.MapPut("/lock/{**key}", (string key, HttpRequest request) => LockAsync(key, request, acquires: true)).WithMetadata(NeedsWrite.Mark);
        routes.MapDelete("/lock/{**key}", (string key, HttpRequest request) => LockAsync(key, request, acquires: false)).WithMetadata(NeedsWrite.Mark);
    }

    /// <summary>Keys alone; up to a ?separator behind the prefix, each once; or with ?values all of each.</summary>
    private async Task<IResult> ListAsync(HttpRequest request)
    {
        var (prefix, separator) = (request.Query["prefix"].ToString(), request.Query["separator"].ToString());
        var reply = await node.AskAsync(new ApiRequest.KvList(prefix, ReadOptions.ConsistencyOf(request, ReadConsistency.Stale)));
        if (reply is not ApiReply.Values values) return Refusal(reply);
        ReadOptions.Stamp(request.HttpContext.Response, values.AppliedIndex, values.Age);
        var age = ReadOptions.Milliseconds(values.Age);
        return request.Query.TryGetValue("values", out var wanted) && ClusterApi.IsTrue(wanted.ToString())
            ? Results.Json(new { pairs = values.Pairs.Select(KvBody.Shape), applied_index = values.AppliedIndex, age_ms = age })
            : Results.Json(new { keys = ConsulKvApi.KeysOf(values.Pairs, prefix, separator), applied_index = values.AppliedIndex, age_ms = age });
    }

    private async Task<IResult> GetAsync(string key, HttpRequest request)
    {
        var reply = await node.AskAsync(new ApiRequest.KvGet(key, ReadOptions.ConsistencyOf(request, ReadConsistency.Consistent)));
        switch (reply)
        {
            case ApiReply.Value(var pair, var applied) value:
                ReadOptions.Stamp(request.HttpContext.Response, pair.ModifyIndex, value.Age);
                var shape = KvBody.Shape(pair);
                (shape["applied_index"], shape["age_ms"]) = (applied, ReadOptions.Milliseconds(value.Age));
                return Results.Json(shape);
            case ApiReply.NotFound(var applied) missing:
                ReadOptions.Stamp(request.HttpContext.Response, applied, missing.Age);
                return Results.Json(new { error = "not found", message = $"Key '{key}' not found", applied_index = applied, age_ms = ReadOptions.Milliseconds(missing.Age) }, statusCode: 404);
            default:
                return Refusal(reply);
        }
    }

    private async Task<IResult> PutAsync(string key, HttpRequest request)
    {
        var (body, problem) = await KvBody.JsonAsync(request, JsonValueKind.Object);
        if (problem is not null) return Bad(problem);
        if (ValueOf(body) is not { } value) return Bad("the body must be { \"value\": \"text\" (or \"value_base64\"), \"cas\"?: modify_index, \"flags\"?: number, \"ttl\"?: \"30s\" }");
        if (!KvBody.TryTtl(body, request, out var ttl)) return Bad("ttl must be a duration such as \"30s\", or a number of seconds");

        long? cas = null;
        if (body.TryGetProperty("cas", out var casValue))
        {
            if (casValue.ValueKind != JsonValueKind.Number || !casValue.TryGetInt64(out var index) || index < 0) return Bad("cas must be a modify_index, or 0 for 'must not exist'");
            cas = index;
        }

        var flags = 0UL;
        if (body.TryGetProperty("flags", out var flagsValue) && (flagsValue.ValueKind != JsonValueKind.Number || !flagsValue.TryGetUInt64(out flags))) return Bad("flags must be a whole number");
        if (!TryReadId(request, out var id)) return Bad(BadId);
        ApiRequest put = ttl is null ? new ApiRequest.KvPut(key, value, flags, cas, id) : new ApiRequest.KvDo([new KvOp.Put(key, value, flags, cas, ttl)], id);
        return Changed(await node.AskAsync(put), "key set", key);
    }

    private async Task<IResult> DeleteAsync(string key, HttpRequest request)
    {
        long? cas = null;
        if (request.Query.TryGetValue("cas", out var text))
        {
            if (!long.TryParse(text, out var index) || index < 0) return Bad("cas must be a modify_index");
            cas = index;
        }

        if (!TryReadId(request, out var id)) return Bad(BadId);
        if (request.Query.TryGetValue("recurse", out var recurse) && ClusterApi.IsTrue(recurse.ToString()))
        {
            if (cas is not null) return Bad("cas and recurse cannot be given together");
            var reply = await node.AskAsync(new ApiRequest.KvDo([new KvOp.DeletePrefix(key)], id));
            return reply is ApiReply.Kv(KvOutcome.Done(var index, [var answer]))
                ? Results.Json(new { message = "keys deleted", prefix = key, count = answer.Count, modify_index = index }) : Refusal(reply);
        }

        return key.Length == 0 ? Bad("no key is given; with ?recurse every key would go") : Changed(await node.AskAsync(new ApiRequest.KvDelete(key, cas, id)), "key deleted", key);
    }

    private async Task<IResult> TouchAsync(string key, HttpRequest request)
    {
        var (body, problem) = await KvBody.JsonAsync(request, JsonValueKind.Object, mayBeEmpty: true);
        if (problem is not null) return Bad(problem);
        if (!KvBody.TryTtl(body, request, out var ttl)) return Bad("ttl must be a duration such as 30s");
        if (!TryReadId(request, out var id)) return Bad(BadId);
        return Changed(await node.AskAsync(new ApiRequest.KvDo([new KvOp.Touch(key, ttl)], id)), "key touched", key);
    }

    private async Task<IResult> LockAsync(string key, HttpRequest request, bool acquires)
    {
        var (body, problem) = await KvBody.JsonAsync(request, JsonValueKind.Object, mayBeEmpty: true);
        if (problem is not null) return Bad(problem);
        var session = request.Query["session"].ToString();
        if (session.Length == 0 && body.ValueKind == JsonValueKind.Object && body.TryGetProperty("session", out var named) && named.ValueKind == JsonValueKind.String) session = named.GetString()!;
        if (session.Length == 0) return Bad("a session is needed: ?session=id, from PUT /session");
        if (!TryReadId(request, out var id)) return Bad(BadId);
        var value = ValueOf(body) ?? default;
        KvOp op = acquires ? new KvOp.Acquire(key, value, 0, session) : new KvOp.Release(key, value, 0, session);
        return Changed(await node.AskAsync(new ApiRequest.KvDo([op], id)), acquires ? "lock acquired" : "lock released", key);
    }

    /// <summary>The value of a body, as text or as base64; null: there is none that can be read.</summary>
    private static ReadOnlyMemory<byte>? ValueOf(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object) return null;
        if (body.TryGetProperty("value", out var text) && text.ValueKind == JsonValueKind.String) return Encoding.UTF8.GetBytes(text.GetString()!);
        return body.TryGetProperty("value_base64", out var bytes) && bytes.ValueKind == JsonValueKind.String && bytes.TryGetBytesFromBase64(out var value) ? (ReadOnlyMemory<byte>?)value : null;
    }

    private static IResult Changed(ApiReply reply, string message, string key) => reply switch
    {
        ApiReply.Done(var index) => Results.Json(new { message, key, modify_index = index }),
        ApiReply.Kv(KvOutcome.Done(var index, [{ Pairs: [{ Session: { } session } pair] }])) => Results.Json(new { message, key, modify_index = index, session, fencing_token = pair.LockToken, lock_index = pair.LockIndex }),
        ApiReply.Kv(KvOutcome.Done(var index, _)) => Results.Json(new { message, key, modify_index = index }),
        _ => Refusal(reply),
    };

    internal static bool TryReadId(HttpRequest request, out RequestId? id)
    {
        id = null;
        var session = request.Headers["X-Verify-Session"].ToString();
        var sequence = request.Headers["X-Verify-Sequence"].ToString();
        if (session.Length == 0 && sequence.Length == 0) return true;
        if (session.Length is 0 or > 128 || !long.TryParse(sequence, out var number) || number < 1) return false;
        id = new(session, number);
        return true;
    }

    internal static IResult Bad(string message) => Results.Json(new { error = "bad request", message }, statusCode: 400);

    /// <summary>409 where another state was expected, 404 where something is missing; nothing was done.</summary>
    private static IResult Failed(KvOutcome.Failed failed)
    {
        var (error, status) = failed.Refusal switch
        {
            KvRefusal.IndexDiffers => ("CAS conflict", 409),
            KvRefusal.NoKey => ("not found", 404),
            KvRefusal.NoSession => ("no session", 404),
            KvRefusal.HeldByOther => ("lock held", 409),
            KvRefusal.LockDelay => ("lock delay", 409),
            KvRefusal.NotHolder => ("not the holder", 409),
            _ => ("refused", 413),
        };
        return Results.Json(new { error, message = failed.Why, modify_index = failed.ModifyIndex, operation = failed.Op, outcome = "not done" }, statusCode: status);
    }

    internal static IResult Refusal(ApiReply reply) => reply switch
    {
        ApiReply.CasConflict(var index) => Results.Json(new { error = "CAS conflict", message = "the key has another modify_index", modify_index = index }, statusCode: 409),
        ApiReply.NotFound => Results.Json(new { error = "not found", message = "no such key" }, statusCode: 404),
        ApiReply.Kv(KvOutcome.Failed failed) => Failed(failed),
        ApiReply.NoLeader(var retry) => new Answer.WithRetry(Results.Json(new { error = "no leader", message = "no leader is known; try again", outcome = "not done" }, statusCode: 503), retry),
        ApiReply.Overloaded(var why, var retry) => new Answer.WithRetry(Results.Json(new { error = "overloaded", message = why, outcome = "not done" }, statusCode: 429), retry),
        ApiReply.Unknown(var why) => Results.Json(new { error = "outcome unknown", message = why, outcome = "unknown" }, statusCode: 504),
        ApiReply.Refused(var why) => Results.Json(new { error = "refused", message = why, outcome = "not done" }, statusCode: Answer.StatusOf(why)),
        _ => Results.Json(new { error = "unexpected answer", message = reply.GetType().Name }, statusCode: 500),
    };
}
