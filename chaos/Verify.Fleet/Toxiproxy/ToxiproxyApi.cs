using System.Collections.Immutable;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Verify.Fleet.Toxiproxy;

/// <summary>Toxiproxy's HTTP API (Shopify/toxiproxy 2.12, its routes, shapes, status codes and error texts), and beside it
/// GET /x-counters: what went through each proxy and what its toxics threw away.</summary>
internal sealed class ToxiproxyApi(TimeProvider time, int seed) : IDisposable
{
    public const string Version = "2.12.0";
    private const string Text = "text/plain; charset=utf-8";
    private readonly SortedDictionary<string, Proxy> _proxies = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>Answers one request; one at a time, so that what a reply says still holds when it is sent.</summary>
    public async Task<HttpReply> AnswerAsync(HttpRequest request, CancellationToken cancel)
    {
        if (request.UserAgent.StartsWith("Mozilla/", StringComparison.Ordinal)) return new(403, "User agent not allowed\n", Text);
        await _one.WaitAsync(cancel);
        try
        {
            return await RouteAsync(request);
        }
        catch (ApiError error)
        {
            return error.Reply();
        }
        catch (JsonException malformed)
        {
            return new ApiError(400, "bad request body: " + malformed.Message).Reply();
        }
        catch (TimeoutException late)
        {
            return new ApiError(500, "the connections did not take the change: " + late.Message).Reply();
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Stops every proxy.</summary>
    public void Dispose()
    {
        foreach (var proxy in _proxies.Values) proxy.Stop();
        _one.Dispose();
    }

    private async Task<HttpReply> RouteAsync(HttpRequest request)
    {
        var parts = request.Path.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Uri.UnescapeDataString).ToArray();
        return (parts, request.Method) switch
        {
            (["proxies"], "GET") => Ok(new JsonObject(_proxies.Values.Select(p => KeyValuePair.Create(p.Name, (JsonNode?)ToxiproxyJson.Of(p))))),
            (["proxies"], "POST") => Create(request.Body),
            (["populate"], "POST") => Populate(request.Body),
            (["proxies", var proxy], "GET") => Ok(ToxiproxyJson.Of(Find(proxy))),
            (["proxies", var proxy], "POST" or "PATCH") => Update(Find(proxy), request.Body),
            (["proxies", var proxy], "DELETE") => Delete(Find(proxy)),
            (["proxies", var proxy, "toxics"], "GET") => Ok(ToxiproxyJson.Of(Find(proxy).Toxics)),
            (["proxies", var proxy, "toxics"], "POST") => await CreateToxicAsync(Find(proxy), request.Body),
            (["proxies", var proxy, "toxics", var toxic], "GET") => Ok(ToxiproxyJson.Of(Find(Find(proxy), toxic))),
            (["proxies", var proxy, "toxics", var toxic], "POST" or "PATCH") => await UpdateToxicAsync(Find(proxy), toxic, request.Body),
            (["proxies", var proxy, "toxics", var toxic], "DELETE") => await DeleteToxicAsync(Find(proxy), toxic),
            (["reset"], "POST") => await ResetAsync(),
            (["version"], "GET") => new(200, $"{{\"version\": \"{Version}\"}}\n", "application/json;charset=utf-8"),
            (["x-counters"], "GET") => Ok(new JsonObject(_proxies.Values.Select(p => KeyValuePair.Create(p.Name, (JsonNode?)ToxiproxyJson.Of(p.Counters))))),
            (["proxies"] or ["populate"] or ["proxies", _] or ["proxies", _, "toxics"] or ["proxies", _, "toxics", _] or ["reset"] or ["version"] or ["x-counters"], _) => new(405, "", Text),
            _ => new(404, "404 page not found\n", Text),
        };
    }

    private HttpReply Create(string body)
    {
        var json = ToxiproxyJson.Object(body);
        var wish = Wish.Read(json);
        if (wish.Name.Length == 0) throw ApiError.Missing("name");
        if (wish.Upstream.Length == 0) throw ApiError.Missing("upstream");
        if (_proxies.ContainsKey(wish.Name)) throw new ApiError(409, "proxy already exists");
        return new(201, ToxiproxyJson.Text(ToxiproxyJson.Of(Add(wish))));
    }

    private HttpReply Populate(string body)
    {
        var made = new JsonArray();
        try
        {
            var wishes = ToxiproxyJson.Array(body).Select(n => Wish.Read(n as JsonObject ?? throw new JsonException("a JSON object is expected"))).ToImmutableArray();
            for (var i = 0; i < wishes.Length; i++)
            {
                if (wishes[i].Name.Length == 0) throw ApiError.Missing(string.Create(CultureInfo.InvariantCulture, $"name at proxy {i + 1}"));
                if (wishes[i].Upstream.Length == 0) throw ApiError.Missing(string.Create(CultureInfo.InvariantCulture, $"upstream at proxy {i + 1}"));
            }

            foreach (var wish in wishes)
            {
                var there = _proxies.GetValueOrDefault(wish.Name);
                if (there is not null && !there.IsLike(wish.Listen, wish.Upstream)) there = Forget(there);
                made.Add(ToxiproxyJson.Of(there ?? Add(wish)));
            }

            return new(201, ToxiproxyJson.Text(new JsonObject { ["proxies"] = made }));
        }
        catch (Exception failure) when (failure is ApiError or JsonException)
        {
            var error = failure as ApiError ?? new ApiError(400, "bad request body: " + failure.Message);
            return error.Reply(("proxies", made.Count == 0 ? null : made));
        }
    }

    private Proxy Add(Wish wish)
    {
        var proxy = new Proxy(wish.Name, wish.Listen, wish.Upstream, time, unchecked(seed + _proxies.Count));
        if (wish.Enabled) Listening(proxy.Listen, proxy.Start);
        _proxies[wish.Name] = proxy;
        return proxy;
    }

    private static HttpReply Update(Proxy proxy, string body)
    {
        var json = ToxiproxyJson.Object(body);
        var listen = ToxiproxyJson.Field(json, "listen", proxy.Listen);
        var upstream = ToxiproxyJson.Field(json, "upstream", proxy.Upstream);
        var enabled = ToxiproxyJson.Field(json, "enabled", proxy.IsEnabled);
        Listening(listen, () => proxy.Update(listen, upstream, enabled));
        return Ok(ToxiproxyJson.Of(proxy));
    }

    private HttpReply Delete(Proxy proxy)
    {
        Forget(proxy);
        return new(204, "");
    }

    private Proxy? Forget(Proxy proxy)
    {
        proxy.Stop();
        _proxies.Remove(proxy.Name);
        return null;
    }

    private static async Task<HttpReply> CreateToxicAsync(Proxy proxy, string body)
    {
        var json = ToxiproxyJson.Object(body);
        var stream = ToxiproxyJson.Field(json, "stream", "downstream").ToLowerInvariant();
        if (stream is not ("upstream" or "downstream")) throw new ApiError(400, "stream was invalid, can be either upstream or downstream");
        var type = ToxiproxyJson.Field(json, "type", "");
        var name = ToxiproxyJson.Field(json, "name", "");
        if (name.Length == 0) name = $"{type}_{stream}";
        var kind = ToxicKind.Named(type) ?? throw new ApiError(400, "invalid toxic type");
        if (proxy.Toxics.Any(t => t.Name.Equals(name, StringComparison.Ordinal))) throw new ApiError(409, "toxic already exists");
        var toxic = new Toxic(name, stream is "upstream" ? Direction.Upstream : Direction.Downstream,
            ToxiproxyJson.Field(json, "toxicity", 1f), kind.Merge(json["attributes"]));
        await proxy.AddAsync(toxic);
        return Ok(ToxiproxyJson.Of(toxic));
    }

    private static async Task<HttpReply> UpdateToxicAsync(Proxy proxy, string name, string body)
    {
        var old = Find(proxy, name);
        var json = ToxiproxyJson.Object(body);
        var toxic = old with { Kind = old.Kind.Merge(json["attributes"]), Toxicity = ToxiproxyJson.Field(json, "toxicity", old.Toxicity) };
        await proxy.UpdateAsync(toxic);
        return Ok(ToxiproxyJson.Of(toxic));
    }

    private static async Task<HttpReply> DeleteToxicAsync(Proxy proxy, string name)
    {
        await proxy.RemoveAsync(Find(proxy, name));
        return new(204, "");
    }

    private async Task<HttpReply> ResetAsync()
    {
        foreach (var proxy in _proxies.Values)
        {
            Listening(proxy.Listen, proxy.Start);
            foreach (var toxic in proxy.Toxics) await proxy.RemoveAsync(toxic);
        }

        return new(204, "");
    }

    private Proxy Find(string name) => _proxies.GetValueOrDefault(name) ?? throw new ApiError(404, "proxy not found");

    private static Toxic Find(Proxy proxy, string name) =>
        proxy.Toxics.FirstOrDefault(t => t.Name.Equals(name, StringComparison.Ordinal)) ?? throw new ApiError(404, "toxic not found");

    private static HttpReply Ok(JsonNode json) => new(200, ToxiproxyJson.Text(json));

    private static void Listening(string address, Action act)
    {
        try
        {
            act();
        }
        catch (SocketException refused)
        {
            var why = refused.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "bind: address already in use",
                SocketError.AddressNotAvailable => "bind: cannot assign requested address",
                SocketError.AccessDenied => "bind: permission denied",
                _ => refused.Message,
            };
            throw new ApiError(500, $"listen tcp {address}: {why}");
        }
    }

    /// <summary>What a client wants a proxy to be.</summary>
    private sealed record Wish(string Name, string Listen, string Upstream, bool Enabled)
    {
        public static Wish Read(JsonObject json) => new(
            ToxiproxyJson.Field(json, "name", ""), ToxiproxyJson.Field(json, "listen", ""),
            ToxiproxyJson.Field(json, "upstream", ""), ToxiproxyJson.Field(json, "enabled", true));
    }

    /// <summary>A refusal of the API. It goes out as Go's http.Error sends it, JSON as plain text, with the older field "title"
    /// beside "error": Toxiproxy.Net reads that.</summary>
    private sealed class ApiError(int status, string text) : Exception(text)
    {
        public static ApiError Missing(string field) => new(400, "missing required field: " + field);

        public HttpReply Reply(params (string Name, JsonNode? Value)[] more)
        {
            var json = new JsonObject { ["error"] = Message, ["title"] = Message, ["status"] = status };
            foreach (var (name, value) in more) json[name] = value;
            return new(status, ToxiproxyJson.Text(json) + "\n", Text);
        }
    }
}
