using System.Text.Json;
using Verify.Client.Http;

namespace Verify.Client;

/// <summary>The replicated key-value store. A write is applied exactly once, however often it had to be sent.</summary>
public sealed partial class KvClient
{
    private readonly NodeGroup _group;
    private readonly WriteSessions _sessions = new();

    internal KvClient(NodeGroup group) => _group = group;

    /// <exception cref="VerifyClientException">No result.</exception>
    public async Task<KvRead> GetAsync(string key, Freshness freshness = Freshness.Consistent, CancellationToken cancel = default)
    {
        var query = freshness switch
        {
            Freshness.Consistent => "?consistent=true",
            Freshness.Lease => "?lease",
            _ => "?stale",
        };
        var destination = freshness == Freshness.Stale ? Destination.Any : Destination.Leader;
        var answer = await _group.AskAsync(new(HttpMethod.Get, Path(key) + query, destination, IsRepeatable: true) { TakesNotFound = true }, cancel);
        using var body = Body(answer);
        var root = body.RootElement;
        return new(answer.Status == 404 ? null : PairOf(root), root.Number("applied_index") ?? 0,
            freshness == Freshness.Stale && root.Number("age_ms") is { } ms ? TimeSpan.FromMilliseconds(ms) : null);
    }

    /// <param name="expectedIndex">Compare-and-set on modify_index; 0: the key must not exist; null: always.</param>
    /// <exception cref="OutcomeUnknownException">It may or may not have been written; see <see cref="ResolveAsync"/>.</exception>
    /// <exception cref="VerifyClientException">It was not written.</exception>
    public Task<KvWrite> PutAsync(string key, string value, long? expectedIndex = null, ulong flags = 0, CancellationToken cancel = default) =>
        WriteAsync(new(HttpMethod.Put, Path(key), Destination.Leader, IsRepeatable: true)
        {
            Body = PutBody(value, expectedIndex, flags), TakesConflict = true, TakesNotFound = true,
        }, cancel);

    /// <inheritdoc cref="PutAsync"/>
    public Task<KvWrite> DeleteAsync(string key, long? expectedIndex = null, CancellationToken cancel = default) =>
        WriteAsync(new(HttpMethod.Delete, Path(key) + (expectedIndex is { } cas ? $"?cas={cas}" : ""), Destination.Leader, IsRepeatable: true)
        {
            TakesConflict = true, TakesNotFound = true,
        }, cancel);

    /// <exception cref="VerifyClientException">No result.</exception>
    public async Task<KvKeys> ListAsync(string prefix, CancellationToken cancel = default)
    {
        var answer = await _group.AskAsync(new(HttpMethod.Get, $"/kv/?prefix={Uri.EscapeDataString(prefix)}&consistent=true", Destination.Leader, IsRepeatable: true), cancel);
        using var body = Body(answer);
        return new([.. body.RootElement.Items("keys").Select(k => k.GetString() ?? "")], body.RootElement.Number("applied_index") ?? 0);
    }

    /// <summary>Sends a write again whose outcome was unknown, under the same session and number, and so learns what came of it. Within a minute of
    /// the first time: nodes remember a session for two minutes.</summary>
    /// <exception cref="OutcomeUnknownException">Still not known.</exception>
    public async Task<KvWrite> ResolveAsync(UnknownWrite write, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (_group.LeftOf(write.Request) <= TimeSpan.Zero)
            throw new OutcomeUnknownException($"it was first sent more than {NodeGroup.SameIdMax.TotalSeconds:0} s ago; the nodes may have forgotten it, and sent again it could be done a second time. Read what is there", write);
        try
        {
            return ResultOf(await _group.AskAsync(write.Request, cancel));
        }
        catch (VerifyClientException e) when (e is not OutcomeUnknownException)
        {
            // Nothing was done this time; that says nothing of the first time.
            throw new OutcomeUnknownException($"still not known: {e.Message}", write);
        }
    }

    private async Task<KvWrite> WriteAsync(NodeRequest request, CancellationToken cancel)
    {
        var id = _sessions.Begin();
        var known = false;
        try
        {
            var result = ResultOf(await _group.AskAsync(request with { Id = id }, cancel));
            known = true;
            return result;
        }
        catch (VerifyClientException e) when (e is not OutcomeUnknownException)
        {
            known = true;
            throw;
        }
        finally
        {
            if (known) _sessions.End(id);
        }
    }

    private static byte[] PutBody(string value, long? expectedIndex, ulong flags)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("value", value);
            if (expectedIndex is { } cas) json.WriteNumber("cas", cas);
            if (flags != 0) json.WriteNumber("flags", flags);
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private static KvWrite ResultOf(Attempt.Answered answer)
    {
        using var body = Body(answer);
        var index = body.RootElement.Number("modify_index") ?? 0;
        return answer.Status switch
        {
            409 => new KvWrite.Conflict(index),
            404 => new KvWrite.NotFound(),
            _ => new KvWrite.Written(index),
        };
    }

    private static KvPair PairOf(JsonElement pair) => new(
        pair.Text("key"), pair.Text("value"), pair.Number("modify_index") ?? 0, pair.Number("create_index") ?? 0,
        pair.TryGetProperty("flags", out var flags) && flags.ValueKind == JsonValueKind.Number && flags.TryGetUInt64(out var number) ? number : 0);

    private static JsonDocument Body(Attempt.Answered answer)
    {
        try
        {
            return JsonDocument.Parse(answer.Text);
        }
        catch (JsonException)
        {
            throw new RefusedException(answer.Status, "the answer is not JSON: is this the address of a verify-node?");
        }
    }

    private static string Path(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        return $"/kv/{string.Join('/', key.Split('/').Select(Uri.EscapeDataString))}";
    }
}
