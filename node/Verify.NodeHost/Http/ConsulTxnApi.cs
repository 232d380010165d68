using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Kv;

namespace Verify.NodeHost.Http;

/// <summary>PUT /v1/txn: operations on keys, all or none (Consul HTTP API, "Transactions"). Operations on nodes, services and checks are refused.</summary>
internal sealed class ConsulTxnApi(INodeApi node, string dataCenter)
{
    public void Map(IEndpointRouteBuilder routes) =>
        OwnDataCenter.Group(routes, dataCenter).MapPut("/v1/txn", (HttpRequest request) => TransactAsync(request)).WithMetadata(NeedsWrite.Mark);

    private async Task<IResult> TransactAsync(HttpRequest request)
    {
        var (body, problem) = await KvBody.JsonAsync(request, JsonValueKind.Array);
        if (problem is not null) return KonsulKvApi.Bad(problem);
        if (!KonsulKvApi.TryReadId(request, out var id)) return KonsulKvApi.Bad(KonsulKvApi.BadId);
        var ops = ImmutableArray.CreateBuilder<KvOp>(body.GetArrayLength());
        foreach (var item in body.EnumerateArray())
        {
            var (op, why) = OpOf(item);
            if (op is null) return KonsulKvApi.Bad($"operation {ops.Count + 1}: {why}");
            ops.Add(op);
        }

        var all = ops.ToImmutable();
        var reply = await node.AskAsync(new ApiRequest.KvDo(all, id));
        return reply switch
        {
            ApiReply.Kv(KvOutcome.Done(var index, var answers)) => Done(request.HttpContext.Response, index, all, answers),
            ApiReply.Kv(KvOutcome.Failed failed) => Results.Json(new { Results = (object?)null, Errors = new[] { new { OpIndex = failed.Op, What = failed.Why } } }, statusCode: 409),
            _ => KonsulKvApi.Refusal(reply),
        };
    }

    private static IResult Done(HttpResponse response, long index, ImmutableArray<KvOp> ops, ImmutableArray<KvAnswer> answers)
    {
        ReadOptions.Stamp(response, index, TimeSpan.Zero);
        var pairs = answers.SelectMany((answer, at) => answer.Pairs.Select(pair => ops[at] is KvOp.GetPrefix or KvOp.Get ? pair : pair with { Value = default }));
        return Results.Json(new { Results = pairs.Select(pair => new { KV = ConsulKvApi.ShapeOf(pair) }), Errors = (object?)null });
    }

    private static (KvOp? Op, string Why) OpOf(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("KV", out var kv) || kv.ValueKind != JsonValueKind.Object) return (null, "{ \"KV\": { \"Verb\", \"Key\", … } } is expected; nodes, services and checks cannot be changed here");
        var (verb, key, session) = (Text(kv, "Verb"), Text(kv, "Key"), Text(kv, "Session"));
        if (key is null) return (null, "Key must be a text");
        var value = Array.Empty<byte>();
        if (kv.TryGetProperty("Value", out var given) && given.ValueKind != JsonValueKind.Null && (given.ValueKind != JsonValueKind.String || !given.TryGetBytesFromBase64(out value!))) return (null, "Value must be base64");
        var (flags, index) = (0UL, 0L);
        if (kv.TryGetProperty("Flags", out var flagsGiven) && (flagsGiven.ValueKind != JsonValueKind.Number || !flagsGiven.TryGetUInt64(out flags))) return (null, "Flags must be a whole number");
        if (kv.TryGetProperty("Index", out var indexGiven) && (indexGiven.ValueKind != JsonValueKind.Number || !indexGiven.TryGetInt64(out index) || index < 0)) return (null, "Index must be a ModifyIndex");
        if (verb is "lock" or "unlock" or "check-session" && session is null) return (null, $"{verb} needs Session");
        KvOp? op = verb switch
        {
            "set" => new KvOp.Put(key, value, flags, null, null),
            "cas" => new KvOp.Put(key, value, flags, index, null),
            "lock" => new KvOp.Acquire(key, value, flags, session!),
            "unlock" => new KvOp.Release(key, value, flags, session!),
            "get" => new KvOp.Get(key, MustExist: true),
            "get-or-empty" => new KvOp.Get(key, MustExist: false),
            "get-tree" => new KvOp.GetPrefix(key),
            "check-index" => new KvOp.CheckIndex(key, index),
            "check-session" => new KvOp.CheckSession(key, session!),
            "check-not-exists" => new KvOp.CheckIndex(key, 0),
            "delete" => new KvOp.Delete(key, null),
            "delete-tree" => new KvOp.DeletePrefix(key),
            "delete-cas" => new KvOp.Delete(key, index),
            _ => null,
        };
        return (op, op is null ? $"Verb '{verb}' is none of set, cas, lock, unlock, get, get-or-empty, get-tree, check-index, check-session, check-not-exists, delete, delete-tree, delete-cas" : "");
    }

    private static string? Text(JsonElement of, string name) => of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
