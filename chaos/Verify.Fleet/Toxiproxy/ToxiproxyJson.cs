using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Verify.Fleet.Toxiproxy;

/// <summary>The shapes of the API: proxies, toxics, errors.</summary>
internal static class ToxiproxyJson
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Text(JsonNode node) => node.ToJsonString(Plain);

    public static JsonObject Of(Proxy proxy) => new()
    {
        ["name"] = proxy.Name,
        ["listen"] = proxy.Listen,
        ["upstream"] = proxy.Upstream,
        ["enabled"] = proxy.IsEnabled,
        ["toxics"] = Of(proxy.Toxics),
    };

    public static JsonArray Of(ImmutableArray<Toxic> toxics) => new([.. toxics.Select(t => (JsonNode)Of(t))]);

    public static JsonObject Of(Toxic toxic) => new()
    {
        ["attributes"] = toxic.Kind.ToJson(),
        ["name"] = toxic.Name,
        ["type"] = toxic.Kind.Type,
        ["stream"] = Word(toxic.Stream),
        ["toxicity"] = toxic.Toxicity,
    };

    public static JsonObject Of(ProxyCounters counters) => new()
    {
        ["connections_total"] = counters.ConnectionsTotal,
        ["connections_open"] = counters.ConnectionsOpen,
        ["passed_upstream"] = counters.PassedUpstream,
        ["passed_downstream"] = counters.PassedDownstream,
        ["dropped_upstream"] = counters.DroppedUpstream,
        ["dropped_downstream"] = counters.DroppedDownstream,
    };

    public static string Word(Direction direction) => direction == Direction.Upstream ? "upstream" : "downstream";

    /// <exception cref="JsonException">It is no JSON object.</exception>
    public static JsonObject Object(string body) => Parse(body) as JsonObject ?? throw new JsonException("a JSON object is expected");

    /// <exception cref="JsonException">It is no JSON array.</exception>
    public static JsonArray Array(string body) => Parse(body) as JsonArray ?? throw new JsonException("a JSON array is expected");

    /// <exception cref="JsonException">The field is there and of another kind.</exception>
    public static T Field<T>(JsonObject json, string name, T missing)
    {
        if (json[name] is not { } node) return missing;
        return node is JsonValue value && value.TryGetValue<T>(out var found) ? found : throw new JsonException($"field {name} is of a wrong kind");
    }

    private static JsonNode? Parse(string body) => string.IsNullOrWhiteSpace(body) ? throw new JsonException("EOF") : JsonNode.Parse(body);
}
