using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Http;

/// <summary>The KV as Konsul has it: GET, PUT, DELETE /kv/:key with compare-and-set on modify_index. Reads are linearizable
/// (?consistent), under the leader's lease (?lease), or what this node has (?stale, ?consistent=false), with its age. A write with the headers X-Verify-Session and X-Verify-Sequence
/// may be sent again safely.</summary>
internal sealed class KonsulKvApi(INodeApi node)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/kv/", (HttpRequest request) => ListAsync(request));
        routes.MapGet("/kv/{**key}", (string key, HttpRequest request) => GetAsync(key, request));
        routes.MapPut("/kv/{**key}", (string key, HttpRequest request) => PutAsync(key, request)).WithMetadata(NeedsWrite.Mark);
        routes.MapDelete("/kv/{**key}", (string key, HttpRequest request) => DeleteAsync(key, request)).WithMetadata(NeedsWrite.Mark);
    }

    private async Task<IResult> ListAsync(HttpRequest request)
    {
        var reply = await node.AskAsync(new ApiRequest.KvList(request.Query["prefix"].ToString(), ReadOptions.ConsistencyOf(request, ReadConsistency.Stale)));
        if (reply is not ApiReply.Values values) return Refusal(reply);
        ReadOptions.Stamp(request.HttpContext.Response, values.AppliedIndex, values.Age);
        return Results.Json(new { keys = values.Pairs.Select(p => p.Key), applied_index = values.AppliedIndex, age_ms = ReadOptions.Milliseconds(values.Age) });
    }

    private async Task<IResult> GetAsync(string key, HttpRequest request)
    {
        var reply = await node.AskAsync(new ApiRequest.KvGet(key, ReadOptions.ConsistencyOf(request, ReadConsistency.Consistent)));
        switch (reply)
        {
            case ApiReply.Value(var pair, var applied) value:
                ReadOptions.Stamp(request.HttpContext.Response, pair.ModifyIndex, value.Age);
                return Results.Json(new
                {
                    key = pair.Key,
                    value = Encoding.UTF8.GetString(pair.Value.Span),
                    modify_index = pair.ModifyIndex,
                    create_index = pair.CreateIndex,
                    flags = pair.Flags,
                    applied_index = applied,
                    age_ms = ReadOptions.Milliseconds(value.Age),
                });
            case ApiReply.NotFound(var applied) missing:
                ReadOptions.Stamp(request.HttpContext.Response, applied, missing.Age);
                return Results.Json(new { error = "not found", message = $"Key '{key}' not found", applied_index = applied, age_ms = ReadOptions.Milliseconds(missing.Age) }, statusCode: 404);
            default:
                return Refusal(reply);
        }
    }

    private async Task<IResult> PutAsync(string key, HttpRequest request)
    {
        JsonElement body;
        try
        {
            using var document = await JsonDocument.ParseAsync(request.Body, default, request.HttpContext.RequestAborted);
            JsonTexts.Check(document.RootElement);
            body = document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            return Bad($"the body is not JSON: {e.Message}");
        }

        if (body.ValueKind != JsonValueKind.Object || !body.TryGetProperty("value", out var value) || value.ValueKind != JsonValueKind.String)
        {
            return Bad("the body must be { \"value\": \"text\", \"cas\"?: modify_index, \"flags\"?: number }");
        }

        long? cas = null;
        if (body.TryGetProperty("cas", out var casValue))
        {
            if (casValue.ValueKind != JsonValueKind.Number || !casValue.TryGetInt64(out var index) || index < 0) return Bad("cas must be a modify_index, or 0 for 'must not exist'");
            cas = index;
        }

        var flags = 0UL;
        if (body.TryGetProperty("flags", out var flagsValue) && (flagsValue.ValueKind != JsonValueKind.Number || !flagsValue.TryGetUInt64(out flags))) return Bad("flags must be a whole number");
        if (!TryReadId(request, out var id)) return Bad("X-Verify-Sequence must be a whole number above 0, together with X-Verify-Session");
        var reply = await node.AskAsync(new ApiRequest.KvPut(key, Encoding.UTF8.GetBytes(value.GetString()!), flags, cas, id));
        return reply is ApiReply.Done(var modified)
            ? Results.Json(new { message = "key set", key, modify_index = modified }) : Refusal(reply);
    }

    private async Task<IResult> DeleteAsync(string key, HttpRequest request)
    {
        long? cas = null;
        if (request.Query.TryGetValue("cas", out var text))
        {
            if (!long.TryParse(text, out var index) || index < 0) return Bad("cas must be a modify_index");
            cas = index;
        }

        if (!TryReadId(request, out var id)) return Bad("X-Verify-Sequence must be a whole number above 0, together with X-Verify-Session");
        var reply = await node.AskAsync(new ApiRequest.KvDelete(key, cas, id));
        return reply is ApiReply.Done(var modified)
            ? Results.Json(new { message = "key deleted", key, modify_index = modified }) : Refusal(reply);
    }

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

    internal static IResult Refusal(ApiReply reply) => reply switch
    {
        ApiReply.CasConflict(var index) => Results.Json(new { error = "CAS conflict", message = "the key has another modify_index", modify_index = index }, statusCode: 409),
        ApiReply.NotFound => Results.Json(new { error = "not found", message = "no such key" }, statusCode: 404),
        ApiReply.NoLeader(var retry) => new Answer.WithRetry(Results.Json(new { error = "no leader", message = "no leader is known; try again", outcome = "not done" }, statusCode: 503), retry),
        ApiReply.Overloaded(var why, var retry) => new Answer.WithRetry(Results.Json(new { error = "overloaded", message = why, outcome = "not done" }, statusCode: 429), retry),
        ApiReply.Unknown(var why) => Results.Json(new { error = "outcome unknown", message = why, outcome = "unknown" }, statusCode: 504),
        ApiReply.Refused(var why) => Results.Json(new { error = "refused", message = why, outcome = "not done" }, statusCode: Answer.StatusOf(why)),
        _ => Results.Json(new { error = "unexpected answer", message = reply.GetType().Name }, statusCode: 500),
    };
}
