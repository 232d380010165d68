using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.State.Catalogue;
using Verify.NodeHost.Http.Catalogue;

namespace Verify.NodeHost.Http;

/// <summary>All keys and services of one moment as lines of JSON: a header line, one line per key and per instance, a footer with counts and
/// SHA-256 of what stands before it. Version 2 has services; version 1 is still read, and written where there are none.</summary>
internal sealed class ExportFormat(INodeApi node, NodeConfig config, ServiceBody bodies)
{
    private const string Format = "verify-export";
    private const int Version = 2;
    private const int LineBytesMax = 4 << 20;
    private static readonly JsonSerializerOptions Json = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What an export holds.</summary>
    internal sealed record Content(IReadOnlyList<KvWrite> Pairs, IReadOnlyList<ServiceSpec> Services);

    /// <summary>Writes the whole export.</summary>
    /// <param name="first">Its first page.</param>
    /// <returns>Null: whole; otherwise why it ends without a footer, by which a reader sees that it was cut off.</returns>
    public async Task<string?> WriteAsync(ApiReply.Exported first, Stream to, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await LineAsync(new
        {
            format = Format, version = first.Instances.Count > 0 ? Version : 1, cluster_id = config.ClusterId, node_id = config.Self.Name,
            applied_index = first.AppliedIndex, pairs = first.PairsTotal, services = first.Instances.Count,
        });
        foreach (var instance in first.Instances) await LineAsync(new { service = ShapeOf(instance.Spec) });
        var (count, page) = (0L, first);
        while (true)
        {
            foreach (var pair in page.Pairs)
            {
                await LineAsync(new { key = pair.Key, value = Convert.ToBase64String(pair.Value.Span), flags = pair.Flags, modify_index = pair.ModifyIndex });
                count++;
            }

            if (page.Next is not { } next) break;
            var reply = await node.AskAsync(new ApiRequest.ExportState(next, ReadConsistency.Stale));
            if (reply is not ApiReply.Exported more) return $"the next page was answered with {reply.GetType().Name}";
            page = more;
        }

        var footer = JsonSerializer.Serialize(new { end = true, pairs = count, services = first.Instances.Count, sha256 = Convert.ToHexStringLower(hash.GetHashAndReset()) }, Json);
        await to.WriteAsync(Encoding.UTF8.GetBytes(footer + "\n"), cancel);
        return null;

        async Task LineAsync(object line)
        {
            var bytes = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(line, Json) + "\n");
            hash.AppendData(bytes);
            await to.WriteAsync(bytes, cancel);
        }
    }

    /// <summary>Reads a whole export; nothing of one that is cut off, changed, or of an unknown kind.</summary>
    public async Task<(Content? Content, string? Problem)> ReadAsync(Stream from, CancellationToken cancel)
    {
        var (pairs, services) = (new List<KvWrite>(), new List<ServiceSpec>());
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var reader = new StreamReader(from, new UTF8Encoding(false, throwOnInvalidBytes: true), leaveOpen: true);
        var number = 0;
        try
        {
            while (await reader.ReadLineAsync(cancel) is { } line)
            {
                number++;
                if (line.Length > LineBytesMax) return (null, $"line {number}: too long");
                using var document = JsonDocument.Parse(line);
                var root = document.RootElement;
                if (root.ValueKind != JsonValueKind.Object) return (null, $"line {number}: a JSON object is expected");
                if (number == 1)
                {
                    if (!root.TryGetProperty("format", out var format) || !format.ValueEquals(Format)) return (null, "line 1: this is no export (its first line says \"format\":\"verify-export\")");
                    if (!root.TryGetProperty("version", out var version) || !version.TryGetInt32(out var of) || of is not (1 or Version)) return (null, $"line 1: this program reads versions 1 and {Version} of exports");
                }
                else if (root.TryGetProperty("end", out _))
                {
                    var digest = Convert.ToHexStringLower(hash.GetHashAndReset());
                    if (!root.TryGetProperty("sha256", out var sum) || !sum.ValueEquals(digest)) return (null, $"line {number}: the checksum is another one: the export was changed or damaged");
                    return (new(pairs, services), null);
                }
                else if (root.TryGetProperty("service", out var service) && service.ValueKind == JsonValueKind.Object)
                {
                    var (spec, _, wrong) = bodies.Read(new JsonFields(service), isConsul: false, from: null);
                    if (spec is null) return (null, $"line {number}: {wrong}");
                    services.Add(spec);
                }
                else if (PairOf(root) is { } pair) pairs.Add(pair);
                else return (null, $"line {number}: {{ \"key\", \"value\" (base64), \"flags\" }} is expected");
                hash.AppendData(Encoding.UTF8.GetBytes(line + "\n"));
            }
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            return (null, $"line {number}: not valid JSON");
        }

        return (null, number == 0 ? "the body is empty" : $"the export ends after line {number} without its footer: it was cut off");
    }

    /// <summary>A registration with everything that <see cref="ServiceBody"/> reads.</summary>
    public static object ShapeOf(ServiceSpec spec) => new
    {
        id = spec.Id,
        name = spec.Name,
        address = spec.Address,
        port = spec.Port,
        tags = spec.Tags,
        meta = spec.Meta,
        ttl = $"{spec.TtlMs}ms",
        weights = new { passing = spec.WeightPassing, warning = spec.WeightWarning },
        checks = spec.Checks.Where(static check => check.Kind != CheckKind.Maintenance).Select(static check => new SortedDictionary<string, object>(StringComparer.Ordinal)
        {
            ["id"] = check.Id, ["name"] = check.Name, [ServiceShapes.Word(check.Kind)] = check.Kind == CheckKind.Ttl ? $"{check.TtlMs}ms" : check.Target,
            ["method"] = check.Method, ["headers"] = check.Headers, ["interval"] = $"{check.IntervalMs}ms", ["timeout"] = $"{check.TimeoutMs}ms",
            ["deregister_critical_service_after"] = $"{check.DeregisterAfterMs}ms", ["success_before_passing"] = check.SuccessBeforePassing,
            ["failures_before_critical"] = check.FailuresBeforeCritical, ["status"] = ServiceShapes.Word(check.InitialStatus), ["notes"] = check.Notes,
        }),
    };

    private static KvWrite? PairOf(JsonElement root)
    {
        if (!root.TryGetProperty("key", out var key) || key.ValueKind != JsonValueKind.String || key.GetString() is not { Length: > 0 } name) return null;
        if (!root.TryGetProperty("value", out var value) || value.ValueKind != JsonValueKind.String || !value.TryGetBytesFromBase64(out var bytes)) return null;
        var flags = 0UL;
        if (root.TryGetProperty("flags", out var given) && (given.ValueKind != JsonValueKind.Number || !given.TryGetUInt64(out flags))) return null;
        return new(name, bytes, flags, null);
    }
}
