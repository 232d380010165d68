using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;

namespace Verify.NodeHost.Http;

/// <summary>The KV as Consul's clients ask for it: /v1/kv with ?raw, ?keys, ?recurse, ?cas, ?flags, ?consistent, ?stale (Consul HTTP
/// API, KV store). Values are bytes. No blocking queries, sessions or locks: such a request is refused, not half done.</summary>
internal sealed class ConsulKvApi(INodeApi node)
{
    private const int ValueBytesMax = 1 << 20;
    private static readonly string[] NotBuilt = ["index", "wait", "acquire", "release", "dc", "ns", "partition"];

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/kv/{**key}", (string? key, HttpRequest request) => GetAsync(key ?? "", request));
        routes.MapPut("/v1/kv/{**key}", (string key, HttpRequest request) => PutAsync(key, request)).WithMetadata(NeedsWrite.Mark);
        routes.MapDelete("/v1/kv/{**key}", (string key, HttpRequest request) => DeleteAsync(key, request)).WithMetadata(NeedsWrite.Mark);
    }

    private async Task<IResult> GetAsync(string key, HttpRequest request)
    {
        if (Objection(request) is { } objection) return objection;
        var consistency = ReadOptions.ConsistencyOf(request, ReadConsistency.Consistent);
        if (request.Query.ContainsKey("recurse") || request.Query.ContainsKey("keys")) return await ListAsync(key, consistency, request);
        var reply = await node.AskAsync(new ApiRequest.KvGet(key, consistency));
        switch (reply)
        {
            case ApiReply.Value(var pair, _) value:
                ReadOptions.Stamp(request.HttpContext.Response, pair.ModifyIndex, value.Age);
                return request.Query.ContainsKey("raw") ? Results.Bytes(pair.Value, "application/octet-stream") : Results.Json(new[] { ShapeOf(pair) });
            case ApiReply.NotFound(var applied) missing:
                ReadOptions.Stamp(request.HttpContext.Response, applied, missing.Age);
                return Results.StatusCode(404);
            default:
                return KonsulKvApi.Refusal(reply);
        }
    }

    private async Task<IResult> ListAsync(string prefix, ReadConsistency consistency, HttpRequest request)
    {
        var reply = await node.AskAsync(new ApiRequest.KvList(prefix, consistency));
        if (reply is not ApiReply.Values(var pairs, var applied) values) return KonsulKvApi.Refusal(reply);
        ReadOptions.Stamp(request.HttpContext.Response, pairs.Count == 0 ? applied : pairs.Max(p => p.ModifyIndex), values.Age);
        if (pairs.Count == 0) return Results.StatusCode(404);
        if (!request.Query.ContainsKey("keys")) return Results.Json(pairs.Select(ShapeOf));
        var separator = request.Query["separator"].ToString();
        return Results.Json(pairs.Select(p => UpTo(p.Key, prefix.Length, separator)).Distinct(StringComparer.Ordinal));
    }

    private async Task<IResult> PutAsync(string key, HttpRequest request)
    {
        if (Objection(request) is { } objection) return objection;
        if (!TryNumber(request, "cas", out long? cas) || cas < 0) return KonsulKvApi.Bad("cas must be a ModifyIndex, or 0 for 'must not exist'");
        var flags = 0UL;
        if (request.Query.TryGetValue("flags", out var text) && !ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out flags)) return KonsulKvApi.Bad("flags must be a whole number");
        if (!KonsulKvApi.TryReadId(request, out var id)) return KonsulKvApi.Bad("X-Verify-Sequence must be a whole number above 0, together with X-Verify-Session");
        var buffer = new byte[Math.Min(ValueBytesMax, request.ContentLength ?? ValueBytesMax) + 1];
        var length = await request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, request.HttpContext.RequestAborted);
        if (length > ValueBytesMax) return Results.Json(new { error = "refused", message = $"the value is too large: at most {ValueBytesMax} bytes", outcome = "not done" }, statusCode: 413);
        return Answered(await node.AskAsync(new ApiRequest.KvPut(key, buffer.AsMemory(0, length), flags, cas, id)));
    }

    private async Task<IResult> DeleteAsync(string key, HttpRequest request)
    {
        if (Objection(request) is { } objection) return objection;
        if (request.Query.ContainsKey("recurse")) return KonsulKvApi.Bad("recurse with DELETE is not built: list the keys, delete each");
        if (!TryNumber(request, "cas", out long? cas) || cas < 0) return KonsulKvApi.Bad("cas must be a ModifyIndex");
        if (!KonsulKvApi.TryReadId(request, out var id)) return KonsulKvApi.Bad("X-Verify-Sequence must be a whole number above 0, together with X-Verify-Session");
        return Answered(await node.AskAsync(new ApiRequest.KvDelete(key, cas, id)));
    }

    /// <summary>Consul answers true, or false where cas did not hold; deleting what is not there is true.</summary>
    private static IResult Answered(ApiReply reply) => reply switch
    {
        ApiReply.Done or ApiReply.NotFound => Results.Json(true),
        ApiReply.CasConflict => Results.Json(false),
        _ => KonsulKvApi.Refusal(reply),
    };

    private static IResult? Objection(HttpRequest request) => NotBuilt.FirstOrDefault(request.Query.ContainsKey) is { } word
        ? KonsulKvApi.Bad($"?{word} is not built here") : null;

    private static bool TryNumber(HttpRequest request, string name, out long? number)
    {
        number = null;
        if (!request.Query.TryGetValue(name, out var text)) return true;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return false;
        number = value;
        return true;
    }

    private static string UpTo(string key, int from, string separator)
    {
        if (separator.Length == 0 || key.Length <= from) return key;
        var end = key.IndexOf(separator, from, StringComparison.Ordinal);
        return end < 0 ? key : key[..(end + separator.Length)];
    }

    private static object ShapeOf(KvPair pair) => new
    {
        LockIndex = 0,
        pair.Key,
        pair.Flags,
        Value = pair.Value.IsEmpty ? null : Convert.ToBase64String(pair.Value.Span),
        pair.CreateIndex,
        pair.ModifyIndex,
    };
}
