using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Kv;

namespace Verify.NodeHost.Http;

/// <summary>The KV as Consul's clients ask for it: /v1/kv with ?raw, ?keys, ?separator, ?recurse, ?index, ?wait, ?cas, ?flags, ?acquire, ?release,
/// ?consistent, ?stale (Consul HTTP API, KV store), and ?ttl, which Consul does not have. Values are bytes.</summary>
/// <param name="dataCenter">The node's own.</param>
internal sealed class ConsulKvApi(INodeApi node, string dataCenter)
{
    private static readonly string[] NotBuilt = ["ns", "partition"];
    private readonly BlockingQuery _blocking = new(node);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/kv/{**key}", (string? key, HttpRequest request) => GetAsync(key ?? "", request));
        routes.MapPut("/v1/kv/{**key}", (string key, HttpRequest request) => PutAsync(key, request)).WithMetadata(NeedsWrite.Mark);
        routes.MapDelete("/v1/kv/{**key}", (string? key, HttpRequest request) => DeleteAsync(key ?? "", request)).WithMetadata(NeedsWrite.Mark);
    }

    private async Task<IResult> GetAsync(string key, HttpRequest request)
    {
        if (Objection(request) is { } objection) return objection;
        if (!BlockingQuery.TryRead(request, out var asked)) return BlockingQuery.Unreadable;
        var consistency = ReadOptions.ConsistencyOf(request, ReadConsistency.Consistent);
        if (request.Query.ContainsKey("recurse") || request.Query.ContainsKey("keys")) return await ListAsync(key, consistency, asked, request);
        var (reply, index) = await _blocking.ReadAsync(new ApiRequest.KvGet(key, consistency), asked, request.HttpContext.RequestAborted);
        switch (reply)
        {
            case ApiReply.Value(var pair, _) value:
                ReadOptions.Stamp(request.HttpContext.Response, index ?? pair.ModifyIndex, value.Age);
                return request.Query.ContainsKey("raw") ? Results.Bytes(pair.Value, "application/octet-stream") : Results.Json(new[] { ShapeOf(pair) });
            case ApiReply.NotFound(var applied) missing:
                ReadOptions.Stamp(request.HttpContext.Response, index ?? applied, missing.Age);
                return Results.StatusCode(404);
            default:
                return KonsulKvApi.Refusal(reply);
        }
    }

    private async Task<IResult> ListAsync(string prefix, ReadConsistency consistency, BlockingQuery.Asked asked, HttpRequest request)
    {
        var (reply, index) = await _blocking.ReadAsync(new ApiRequest.KvList(prefix, consistency), asked, request.HttpContext.RequestAborted);
        if (reply is not ApiReply.Values(var pairs, var applied) values) return KonsulKvApi.Refusal(reply);
        ReadOptions.Stamp(request.HttpContext.Response, index ?? (pairs.Count == 0 ? applied : pairs.Max(p => p.ModifyIndex)), values.Age);
        if (pairs.Count == 0) return Results.StatusCode(404);
        if (!request.Query.ContainsKey("keys")) return Results.Json(pairs.Select(ShapeOf));
        return Results.Json(KeysOf(pairs, prefix, request.Query["separator"].ToString()));
    }

    private async Task<IResult> PutAsync(string key, HttpRequest request)
    {
        if (Objection(request) is { } objection) return objection;
        if (!KvBody.TryNumber(request, "cas", out long? cas)) return KonsulKvApi.Bad("cas must be a ModifyIndex, or 0 for 'must not exist'");
        var flags = 0UL;
        if (request.Query.TryGetValue("flags", out var text) && !ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out flags)) return KonsulKvApi.Bad("flags must be a whole number");
        if (!KvBody.TryTtl(default, request, out var ttl)) return KonsulKvApi.Bad("ttl must be a duration such as 30s");
        if (!KonsulKvApi.TryReadId(request, out var id)) return KonsulKvApi.Bad(KonsulKvApi.BadId);
        var (acquire, release) = (request.Query["acquire"].ToString(), request.Query["release"].ToString());
        var isLock = acquire.Length > 0 || release.Length > 0;
        if ((acquire.Length > 0 && release.Length > 0) || (isLock && ttl is not null)) return KonsulKvApi.Bad("of acquire, release and ttl only one can be given");
        if (await KvBody.BytesAsync(request) is not { } value) return KvBody.TooLarge();
        if (!isLock && ttl is null) return Answered(await node.AskAsync(new ApiRequest.KvPut(key, value, flags, cas, id)));
        var op = acquire.Length > 0 ? new KvOp.Acquire(key, value, flags, acquire)
            : release.Length > 0 ? new KvOp.Release(key, value, flags, release) : (KvOp)new KvOp.Put(key, value, flags, cas, ttl);
        ImmutableArray<KvOp> ops = isLock && cas is { } index ? [new KvOp.CheckIndex(key, index), op] : [op];
        return Answered(await node.AskAsync(new ApiRequest.KvDo(ops, id)), request.HttpContext.Response);
    }

    private async Task<IResult> DeleteAsync(string key, HttpRequest request)
    {
        if (Objection(request) is { } objection) return objection;
        if (!KvBody.TryNumber(request, "cas", out long? cas)) return KonsulKvApi.Bad("cas must be a ModifyIndex");
        if (!KonsulKvApi.TryReadId(request, out var id)) return KonsulKvApi.Bad(KonsulKvApi.BadId);
        if (!request.Query.ContainsKey("recurse"))
            return key.Length == 0 ? KonsulKvApi.Bad("no key is given; with ?recurse every key would go") : Answered(await node.AskAsync(new ApiRequest.KvDelete(key, cas, id)));
        if (cas is not null) return KonsulKvApi.Bad("cas and recurse cannot be given together");
        return Answered(await node.AskAsync(new ApiRequest.KvDo([new KvOp.DeletePrefix(key)], id)));
    }

    /// <summary>Consul answers true, or false where cas did not hold or the lock was not to be had; deleting what is not there is true. Who got a
    /// lock finds its token in a header.</summary>
    private static IResult Answered(ApiReply reply, HttpResponse? response = null)
    {
        switch (reply)
        {
            case ApiReply.Done or ApiReply.NotFound:
                return Results.Json(true);
            case ApiReply.CasConflict or ApiReply.Kv(KvOutcome.Failed { Refusal: KvRefusal.IndexDiffers or KvRefusal.HeldByOther or KvRefusal.LockDelay or KvRefusal.NotHolder }):
                return Results.Json(false);
            case ApiReply.Kv(KvOutcome.Done(_, var answers)):
                if (response is not null && !answers.IsEmpty && answers[^1].Pairs is [{ Session: not null } held])
                    response.Headers["X-Verify-Fencing-Token"] = held.LockToken.ToString(CultureInfo.InvariantCulture);
                return Results.Json(true);
            default:
                return KonsulKvApi.Refusal(reply);
        }
    }

    private IResult? Objection(HttpRequest request)
    {
        if (NotBuilt.FirstOrDefault(request.Query.ContainsKey) is { } word) return KonsulKvApi.Bad($"?{word} is not built here");
        return OwnDataCenter.Objection(request, dataCenter);
    }

    /// <summary>Keys up to and with the first separator behind the prefix, each once.</summary>
    internal static IEnumerable<string> KeysOf(IReadOnlyList<KvPair> pairs, string prefix, string separator) =>
        pairs.Select(p => UpTo(p.Key, prefix.Length, separator)).Distinct(StringComparer.Ordinal);

    private static string UpTo(string key, int from, string separator)
    {
        if (separator.Length == 0 || key.Length <= from) return key;
        var end = key.IndexOf(separator, from, StringComparison.Ordinal);
        return end < 0 ? key : key[..(end + separator.Length)];
    }

    internal static Dictionary<string, object?> ShapeOf(KvPair pair)
    {
        var shape = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["LockIndex"] = pair.LockIndex, ["Key"] = pair.Key, ["Flags"] = pair.Flags, ["Value"] = pair.Value.IsEmpty ? null : Convert.ToBase64String(pair.Value.Span),
            ["CreateIndex"] = pair.CreateIndex, ["ModifyIndex"] = pair.ModifyIndex,
        };
        if (pair.Session is { } session) shape["Session"] = session;
        if (pair.LockToken != 0) shape["FencingToken"] = pair.LockToken;
        return shape;
    }
}
