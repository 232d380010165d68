using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.Loop;

namespace Verify.NodeHost.Http;

/// <summary>All keys of one moment as lines of JSON, and back: for the way from a single node to a group, and for copies that people
/// can read. A header line, one line per key, a footer with count and SHA-256 of what stands before it: an export that was cut off is
/// refused before the first write.</summary>
internal sealed class ExportApi(INodeApi node, NodeConfig config)
{
    private const string Format = "verify-export";
    private const int Version = 1;
    private const int LineBytesMax = 4 << 20;
    private const long BodyBytesMax = 2L << 30;
    private static readonly JsonSerializerOptions Json = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/cluster/export", ExportAsync);
        routes.MapPost("/cluster/import", ImportAsync).WithMetadata(NeedsWrite.Mark);
    }

    private async Task ExportAsync(HttpContext context)
    {
        var consistency = ReadOptions.ConsistencyOf(context.Request, ReadConsistency.Consistent);
        var reply = await node.AskAsync(new ApiRequest.ExportState(null, consistency));
        if (reply is not ApiReply.Exported page)
        {
            await ClusterApi.Refusal(reply).ExecuteAsync(context);
            return;
        }

        context.Response.ContentType = "application/x-ndjson";
        context.Response.Headers.ContentDisposition = $"attachment; filename=\"{config.ClusterId}-{page.AppliedIndex}.ndjson\"";
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await LineAsync(new { format = Format, version = Version, cluster_id = config.ClusterId, node_id = config.Self.Name, applied_index = page.AppliedIndex, pairs = page.PairsTotal });
        var count = 0L;
        while (true)
        {
            foreach (var pair in page.Pairs)
            {
                await LineAsync(new { key = pair.Key, value = Convert.ToBase64String(pair.Value.Span), flags = pair.Flags, modify_index = pair.ModifyIndex });
                count++;
            }

            if (page.Next is not { } next) break;
            if (await node.AskAsync(new ApiRequest.ExportState(next, consistency)) is ApiReply.Exported more) page = more;
            else
            {
                // No footer: whoever reads it sees that it was cut off.
                context.Abort();
                return;
            }
        }

        var footer = JsonSerializer.Serialize(new { end = true, pairs = count, sha256 = Convert.ToHexStringLower(hash.GetHashAndReset()) }, Json);
        await context.Response.WriteAsync(footer + "\n", context.RequestAborted);

        async Task LineAsync(object line)
        {
            var bytes = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(line, Json) + "\n");
            hash.AppendData(bytes);
            await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
        }
    }

    private async Task<IResult> ImportAsync(HttpRequest request)
    {
        var mode = request.Query["mode"].ToString();
        if (mode is not ("" or "create" or "overwrite")) return Bad($"mode must be create or overwrite, not '{mode}'");
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = BodyBytesMax;
        var (pairs, problem) = await ReadAsync(request);
        if (problem is not null) return Bad(problem);
        return await WriteAsync(pairs, mode == "overwrite");
    }

    /// <summary>In batches, each of which is written whole or not at all. Importing the same again is safe: a key that is there is left alone
    /// (create) or gets the value that it has (overwrite).</summary>
    private async Task<IResult> WriteAsync(IReadOnlyList<KvWrite> pairs, bool overwrites)
    {
        var (imported, skipped) = (0L, 0L);
        foreach (var batch in Batches(pairs))
        {
            var writes = batch;
            while (true)
            {
                var reply = writes.Count == 0 ? new ApiReply.Done(0) : await node.AskAsync(new ApiRequest.ImportKv(
                    [.. writes.Select(w => w with { ExpectedIndex = overwrites ? null : 0 })], Id: null));
                if (reply is ApiReply.Done)
                {
                    imported += writes.Count;
                    break;
                }

                if (reply is ApiReply.CasConflict && !overwrites)
                {
                    // All or nothing: leave out what is there already, and once more. What comes into being meanwhile is found next time round.
                    var (missing, there) = await SplitAsync(writes);
                    if (there == 0) return Results.Json(new { error = "conflict", message = "keys come and go while they are imported; stop the writers", imported, skipped, outcome = "partly done" }, statusCode: 409);
                    skipped += there;
                    writes = missing;
                    continue;
                }

                return reply is ApiReply.Overloaded(var why, var retry)
                    ? new Answer.WithRetry(Results.Json(new { error = "overloaded", message = $"{why}; send the same import again", imported, skipped, outcome = "partly done" }, statusCode: 429), retry)
                    : imported == 0 ? ClusterApi.Refusal(reply)
                    : Results.Json(new { error = "not finished", message = $"{reply.GetType().Name}; send the same import again: that is safe", imported, skipped, outcome = "unknown" }, statusCode: 504);
            }
        }

        return Results.Json(new { status = "ok", message = "imported", imported, skipped, pairs = pairs.Count });
    }

    private async ValueTask<(List<KvWrite> Missing, long There)> SplitAsync(IReadOnlyList<KvWrite> writes)
    {
        var missing = new List<KvWrite>();
        foreach (var write in writes)
        {
            if (await node.AskAsync(new ApiRequest.KvGet(write.Key, ReadConsistency.Consistent)) is not ApiReply.Value) missing.Add(write);
        }

        return (missing, writes.Count - missing.Count);
    }

    private IEnumerable<IReadOnlyList<KvWrite>> Batches(IReadOnlyList<KvWrite> pairs)
    {
        var batch = new List<KvWrite>();
        var bytes = 0L;
        foreach (var pair in pairs)
        {
            var size = Encoding.UTF8.GetByteCount(pair.Key) + pair.Value!.Value.Length + 64;
            if (batch.Count > 0 && (batch.Count >= config.Limits.BatchWritesMax || bytes + size > config.Limits.BatchBytesMax / 2))
            {
                yield return batch;
                (batch, bytes) = ([], 0);
            }

            batch.Add(pair);
            bytes += size;
        }

        if (batch.Count > 0) yield return batch;
    }

    private static async Task<(IReadOnlyList<KvWrite> Pairs, string? Problem)> ReadAsync(HttpRequest request)
    {
        var pairs = new List<KvWrite>();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var reader = new StreamReader(request.Body, new UTF8Encoding(false, throwOnInvalidBytes: true));
        var number = 0;
        try
        {
            while (await reader.ReadLineAsync(request.HttpContext.RequestAborted) is { } line)
            {
                number++;
                if (line.Length > LineBytesMax) return ([], $"line {number}: too long");
                using var document = JsonDocument.Parse(line);
                var root = document.RootElement;
                if (root.ValueKind != JsonValueKind.Object) return ([], $"line {number}: a JSON object is expected");
                if (number == 1)
                {
                    if (!root.TryGetProperty("format", out var format) || !format.ValueEquals(Format)) return ([], "line 1: this is no export (its first line says \"format\":\"verify-export\")");
                    if (!root.TryGetProperty("version", out var version) || !version.TryGetInt32(out var of) || of != Version) return ([], $"line 1: this program reads version {Version} of exports");
                }
                else if (root.TryGetProperty("end", out _))
                {
                    var digest = Convert.ToHexStringLower(hash.GetHashAndReset());
                    if (!root.TryGetProperty("sha256", out var sum) || !sum.ValueEquals(digest)) return ([], $"line {number}: the checksum is another one: the export was changed or damaged");
                    return (pairs, null);
                }
                else if (PairOf(root) is { } pair) pairs.Add(pair);
                else return ([], $"line {number}: {{ \"key\", \"value\" (base64), \"flags\" }} is expected");
                hash.AppendData(Encoding.UTF8.GetBytes(line + "\n"));
            }
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            return ([], $"line {number}: not valid JSON");
        }

        return ([], number == 0 ? "the body is empty" : $"the export ends after line {number} without its footer: it was cut off");
    }

    private static KvWrite? PairOf(JsonElement root)
    {
        if (!root.TryGetProperty("key", out var key) || key.ValueKind != JsonValueKind.String || key.GetString() is not { Length: > 0 } name) return null;
        if (!root.TryGetProperty("value", out var value) || value.ValueKind != JsonValueKind.String || !value.TryGetBytesFromBase64(out var bytes)) return null;
        var flags = 0UL;
        if (root.TryGetProperty("flags", out var given) && (given.ValueKind != JsonValueKind.Number || !given.TryGetUInt64(out flags))) return null;
        return new(name, bytes, flags, null);
    }

    private static IResult Bad(string message) => Results.Json(new { error = "bad request", message, outcome = "not done" }, statusCode: 400);
}
