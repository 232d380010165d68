using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Kv;

namespace Verify.NodeHost.Http;

/// <summary>POST /batch/kv/get, set, delete, set-cas, delete-cas as Konsul has them; each is one entry of the log, all of it or nothing.</summary>
internal sealed class KonsulBatchApi(INodeApi node)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/batch/kv/get", (HttpRequest request) => GetAsync(request)).WithMetadata(ReadsOnly.Mark);
        routes.MapPost("/batch/kv/set", (HttpRequest request) => SetAsync(request, compares: false)).WithMetadata(NeedsWrite.Mark);
        routes.MapPost("/batch/kv/set-cas", (HttpRequest request) => SetAsync(request, compares: true)).WithMetadata(NeedsWrite.Mark);
        routes.MapPost("/batch/kv/delete", (HttpRequest request) => DeleteAsync(request, compares: false)).WithMetadata(NeedsWrite.Mark);
        routes.MapPost("/batch/kv/delete-cas", (HttpRequest request) => DeleteAsync(request, compares: true)).WithMetadata(NeedsWrite.Mark);
    }

    private async Task<IResult> GetAsync(HttpRequest request)
    {
        var (body, problem) = await KvBody.JsonAsync(request, JsonValueKind.Object);
        if (problem is not null) return KonsulKvApi.Bad(problem);
        if (KeysOf(body) is not { } keys) return KonsulKvApi.Bad(NoKeys);
        var reply = await node.AskAsync(new ApiRequest.KvGetMany(keys, ReadOptions.ConsistencyOf(request, ReadConsistency.Consistent)));
        if (reply is not ApiReply.Values values) return KonsulKvApi.Refusal(reply);
        ReadOptions.Stamp(request.HttpContext.Response, values.AppliedIndex, values.Age);
        var found = values.Pairs.ToDictionary(pair => pair.Key, pair => Encoding.UTF8.GetString(pair.Value.Span), StringComparer.Ordinal);
        return Results.Json(new { found, not_found = keys.Distinct(StringComparer.Ordinal).Where(key => !found.ContainsKey(key)), applied_index = values.AppliedIndex });
    }

    private async Task<IResult> SetAsync(HttpRequest request, bool compares)
    {
        var (body, problem) = await KvBody.JsonAsync(request, JsonValueKind.Object);
        if (problem is not null) return KonsulKvApi.Bad(problem);
        if (!body.TryGetProperty("items", out var items) || items.ValueKind != JsonValueKind.Object || items.EnumerateObject().Any(item => item.Value.ValueKind != JsonValueKind.String))
            return KonsulKvApi.Bad("the body must be { \"items\": { \"key\": \"value\", … } }");
        if (!KvBody.TryTtl(body, request, out var ttl)) return KonsulKvApi.Bad("ttl must be a duration such as \"30s\"");
        var writes = items.EnumerateObject().GroupBy(item => item.Name, StringComparer.Ordinal).Select(same => (Key: same.Key, Value: Encoding.UTF8.GetBytes(same.Last().Value.GetString()!))).ToArray();
        if (writes.Length == 0) return KonsulKvApi.Bad("items cannot be empty");
        var (expected, why) = Expected(body, writes.Select(write => write.Key), compares);
        if (expected is null) return KonsulKvApi.Bad(why);
        var reply = await DoAsync(request, [.. writes.Select(write => new KvOp.Put(write.Key, write.Value, 0, expected.TryGetValue(write.Key, out var index) ? index : null, ttl))]);
        if (reply is not ApiReply.Kv(KvOutcome.Done(var modified, _))) return Refused(reply);
        var count = writes.Length;
        return compares
            ? Results.Json(new { message = $"Successfully set {count} keys with CAS", new_indices = writes.ToDictionary(write => write.Key, _ => modified, StringComparer.Ordinal), count, modify_index = modified })
            : Results.Json(new { message = $"Successfully set {count} keys", keys = writes.Select(write => write.Key), count, modify_index = modified });
    }

    private async Task<IResult> DeleteAsync(HttpRequest request, bool compares)
    {
        var (body, problem) = await KvBody.JsonAsync(request, JsonValueKind.Object);
        if (problem is not null) return KonsulKvApi.Bad(problem);
        if (KeysOf(body) is not { } keys) return KonsulKvApi.Bad(NoKeys);
        var (expected, why) = Expected(body, keys, compares);
        if (expected is null) return KonsulKvApi.Bad(why);
        var reply = await DoAsync(request, [.. keys.Distinct(StringComparer.Ordinal).Select(key => new KvOp.Delete(key, expected.TryGetValue(key, out var index) ? index : null))]);
        return reply is ApiReply.Kv(KvOutcome.Done(var modified, _))
            ? Results.Json(new { message = $"Successfully deleted {keys.Length} keys{(compares ? " with CAS" : "")}", keys, count = keys.Length, modify_index = modified }) : Refused(reply);
    }

    private const string NoKeys = "the body must be { \"keys\": [\"key\", …] }, with at least one key";

    private async ValueTask<ApiReply> DoAsync(HttpRequest request, ImmutableArray<KvOp> ops) =>
        KonsulKvApi.TryReadId(request, out var id) ? await node.AskAsync(new ApiRequest.KvDo(ops, id)) : new ApiReply.Refused(KonsulKvApi.BadId);

    /// <summary>Which of them did not hold is said, and that nothing was done.</summary>
    private static IResult Refused(ApiReply reply) => KonsulKvApi.Refusal(reply);

    private static ImmutableArray<string>? KeysOf(JsonElement body) =>
        body.TryGetProperty("keys", out var keys) && keys.ValueKind == JsonValueKind.Array && keys.GetArrayLength() > 0 && keys.EnumerateArray().All(key => key.ValueKind == JsonValueKind.String)
            ? [.. keys.EnumerateArray().Select(key => key.GetString()!)] : null;

    /// <summary>The index that each key must have; nothing when none is asked for.</summary>
    private static (IReadOnlyDictionary<string, long>? Expected, string Why) Expected(JsonElement body, IEnumerable<string> keys, bool compares)
    {
        var expected = new SortedDictionary<string, long>(StringComparer.Ordinal);
        if (!compares) return (expected, "");
        if (!body.TryGetProperty("expected_indices", out var given) || given.ValueKind != JsonValueKind.Object) return (null, "expected_indices must be { \"key\": modify_index, … }; 0 for 'must not exist'");
        foreach (var key in keys)
        {
            if (!given.TryGetProperty(key, out var value)) return (null, $"Missing expected index for key: {key}");
            if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out var index) || index < 0) return (null, $"expected_indices: '{key}' must have a modify_index, or 0 for 'must not exist'");
            expected[key] = index;
        }

        return (expected, "");
    }
}
