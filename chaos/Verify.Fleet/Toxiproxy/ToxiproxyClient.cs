using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Verify.Fleet.Toxiproxy;

/// <summary>A proxy as the API shows it.</summary>
public sealed record ProxyInfo(string Name, string Listen, string Upstream, bool Enabled, ImmutableArray<Toxic> Toxics);

/// <summary>A Toxiproxy server refused, or does not answer as one.</summary>
public sealed class ToxiproxyException(int status, string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>The HTTP status; 0 when there was no answer.</summary>
    public int Status { get; } = status;
}

/// <summary>Speaks Toxiproxy's HTTP API to any server that has it, the built-in one or another.</summary>
public sealed class ToxiproxyClient(Uri server) : IDisposable
{
    private const string CutPrefix = "verify_cut_";
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) })
    {
        BaseAddress = server,
        Timeout = TimeSpan.FromSeconds(30),
    };

    public Task<string> VersionAsync(CancellationToken cancel = default) =>
        AskAsync(HttpMethod.Get, "version", body: null, json => Need(json, "version").GetValue<string>(), cancel);

    /// <summary>All proxies by name.</summary>
    public Task<ImmutableSortedDictionary<string, ProxyInfo>> ProxiesAsync(CancellationToken cancel = default) =>
        AskAsync(HttpMethod.Get, "proxies", body: null, json => json.AsObject().ToImmutableSortedDictionary(p => p.Key, p => Proxy(p.Value!), StringComparer.Ordinal), cancel);

    /// <summary>Makes a proxy; port 0 means a free one, which the answer names.</summary>
    public Task<ProxyInfo> AddAsync(string name, string listen, string upstream, bool enabled = true, CancellationToken cancel = default) =>
        AskAsync(HttpMethod.Post, "proxies", new() { ["name"] = name, ["listen"] = listen, ["upstream"] = upstream, ["enabled"] = enabled }, Proxy, cancel);

    public Task<ProxyInfo> ProxyAsync(string name, CancellationToken cancel = default) => AskAsync(HttpMethod.Get, Path(name), body: null, Proxy, cancel);

    /// <summary>Up, or down: nobody listens and all connections are closed.</summary>
    public Task<ProxyInfo> EnableAsync(string name, bool enabled, CancellationToken cancel = default) =>
        AskAsync(HttpMethod.Post, Path(name), new() { ["enabled"] = enabled }, Proxy, cancel);

    public Task DeleteAsync(string name, CancellationToken cancel = default) => TellAsync(HttpMethod.Delete, Path(name), cancel);

    public Task<Toxic> AddToxicAsync(string proxy, Toxic toxic, CancellationToken cancel = default) =>
        AskAsync(HttpMethod.Post, Path(proxy) + "/toxics", ToxiproxyJson.Of(toxic), ToxicOf, cancel);

    /// <summary>Changes attributes and toxicity.</summary>
    public Task<Toxic> UpdateToxicAsync(string proxy, Toxic toxic, CancellationToken cancel = default) =>
        AskAsync(HttpMethod.Post, Path(proxy) + "/toxics/" + Uri.EscapeDataString(toxic.Name), ToxiproxyJson.Of(toxic), ToxicOf, cancel);

    public Task RemoveToxicAsync(string proxy, string toxic, CancellationToken cancel = default) =>
        TellAsync(HttpMethod.Delete, Path(proxy) + "/toxics/" + Uri.EscapeDataString(toxic), cancel);

    /// <summary>Everything up, no toxics.</summary>
    public Task ResetAsync(CancellationToken cancel = default) => TellAsync(HttpMethod.Post, "reset", cancel);

    /// <summary>From now on no byte passes in this direction; nothing is closed. A client still connects (to the proxy), then hears
    /// nothing. Both directions are two cuts. Cutting what is cut changes nothing.</summary>
    public async Task CutAsync(string proxy, Direction direction, CancellationToken cancel = default)
    {
        try
        {
            await AddToxicAsync(proxy, new(CutPrefix + ToxiproxyJson.Word(direction), direction, 1, new ToxicKind.Timeout(0)), cancel);
        }
        catch (ToxiproxyException there) when (there.Status == (int)HttpStatusCode.Conflict)
        {
            // It is cut already.
        }
    }

    /// <summary>Bytes pass again, on new connections: those that were cut are closed. Healing what is whole changes nothing.</summary>
    public async Task HealAsync(string proxy, Direction direction, CancellationToken cancel = default)
    {
        try
        {
            await RemoveToxicAsync(proxy, CutPrefix + ToxiproxyJson.Word(direction), cancel);
        }
        catch (ToxiproxyException gone) when (gone.Status == (int)HttpStatusCode.NotFound && gone.Message.Contains("toxic not found", StringComparison.Ordinal))
        {
            // It is whole already.
        }
    }

    /// <summary>Bytes passed and dropped by proxy; null from a server that does not count (any but the built-in one).</summary>
    public async Task<ImmutableSortedDictionary<string, ProxyCounters>?> CountersAsync(CancellationToken cancel = default)
    {
        try
        {
            return await AskAsync(HttpMethod.Get, "x-counters", body: null,
                json => json.AsObject().ToImmutableSortedDictionary(p => p.Key, p => Counters(p.Value!), StringComparer.Ordinal), cancel);
        }
        catch (ToxiproxyException unknown) when (unknown.Status == (int)HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    public void Dispose() => _http.Dispose();

    private Task<bool> TellAsync(HttpMethod method, string path, CancellationToken cancel) => AskAsync(method, path, body: null, _ => true, cancel);

    private async Task<T> AskAsync<T>(HttpMethod method, string path, JsonObject? body, Func<JsonNode, T> read, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = new StringContent(ToxiproxyJson.Text(body), Encoding.UTF8, "application/json");
        try
        {
            using var reply = await _http.SendAsync(request, cancel);
            var text = await reply.Content.ReadAsStringAsync(cancel);
            if (!reply.IsSuccessStatusCode) throw new ToxiproxyException((int)reply.StatusCode, $"Toxiproxy at {server}: {method} {path}: {ErrorText(text)}");
            return read(text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!);
        }
        catch (Exception failure) when (failure is HttpRequestException or JsonException or InvalidOperationException or FormatException
            || (failure is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            throw new ToxiproxyException(0, $"{server} does not answer as a Toxiproxy server ({method} {path}): {failure.Message}", failure);
        }
    }

    private static string ErrorText(string text)
    {
        try
        {
            var json = JsonNode.Parse(text);
            return (json?["error"] ?? json?["title"])?.GetValue<string>() ?? text;
        }
        catch (JsonException)
        {
            return text.Trim();
        }
    }

    private static JsonNode Need(JsonNode json, string field) => json[field] ?? throw new JsonException($"the answer has no field {field}");

    private static string Path(string proxy) => "proxies/" + Uri.EscapeDataString(proxy);

    private static ProxyInfo Proxy(JsonNode json) => new(
        Need(json, "name").GetValue<string>(), Need(json, "listen").GetValue<string>(), Need(json, "upstream").GetValue<string>(), Need(json, "enabled").GetValue<bool>(),
        [.. (json["toxics"] as JsonArray ?? []).Select(t => ToxicOf(t!))]);

    private static Toxic ToxicOf(JsonNode json)
    {
        var type = Need(json, "type").GetValue<string>();
        var kind = ToxicKind.Named(type) ?? throw new JsonException(string.Create(CultureInfo.InvariantCulture, $"toxic of an unknown type: {type}"));
        return new(Need(json, "name").GetValue<string>(), Need(json, "stream").GetValue<string>() is "upstream" ? Direction.Upstream : Direction.Downstream,
            Need(json, "toxicity").GetValue<float>(), kind.Merge(json["attributes"]));
    }

    private static ProxyCounters Counters(JsonNode json) => new(
        Need(json, "connections_total").GetValue<long>(), Need(json, "connections_open").GetValue<long>(), Need(json, "passed_upstream").GetValue<long>(),
        Need(json, "passed_downstream").GetValue<long>(), Need(json, "dropped_upstream").GetValue<long>(), Need(json, "dropped_downstream").GetValue<long>());
}
