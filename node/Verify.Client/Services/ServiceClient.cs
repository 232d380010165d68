using System.Text.Json;
using Verify.Client.Http;

namespace Verify.Client;

/// <summary>The catalogue of services. A registration or a removal is applied exactly once, however often it had to be sent.</summary>
public sealed class ServiceClient
{
    private readonly NodeGroup _group;
    private readonly WriteSessions _sessions = new();

    internal ServiceClient(NodeGroup group) => _group = group;

    /// <summary>Registers an instance, or says anew what it is.</summary>
    /// <returns>The instance's modify index.</returns>
    /// <exception cref="OutcomeUnknownException">It may or may not be registered; registering again is safe.</exception>
    /// <exception cref="VerifyClientException">It is not registered.</exception>
    public async Task<long> RegisterAsync(ServiceRegistration service, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(service);
        using var body = await WriteAsync(new(HttpMethod.Put, "/register", Destination.Leader, IsRepeatable: true) { Body = JsonSerializer.SerializeToUtf8Bytes(service.Shape()) }, cancel);
        return body.RootElement.Number("modify_index") ?? 0;
    }

    /// <summary>Removes all instances of a name, or (with an id) one.</summary>
    /// <returns>False: there was none.</returns>
    /// <exception cref="OutcomeUnknownException">It may or may not be removed; removing again is safe.</exception>
    /// <exception cref="VerifyClientException">It is not removed.</exception>
    public async Task<bool> DeregisterAsync(string name, string? id = null, CancellationToken cancel = default)
    {
        using var body = await WriteAsync(new(HttpMethod.Delete, $"/deregister/{Uri.EscapeDataString(name)}{IdOf(id, '?')}", Destination.Leader, IsRepeatable: true) { TakesNotFound = true }, cancel);
        return body.RootElement.Number("modify_index") is not null;
    }

    /// <summary>The instance is alive.</summary>
    /// <param name="connections">How many clients it has; null: not told.</param>
    /// <returns>False: there is none (any more): register it again.</returns>
    /// <exception cref="VerifyClientException">It is not known whether the group has heard of it.</exception>
    public async Task<bool> HeartbeatAsync(string name, string? id = null, long? connections = null, CancellationToken cancel = default)
    {
        var query = $"{IdOf(id, '?')}{(connections is { } count ? $"{(id is null ? '?' : '&')}connections={count}" : "")}";
        var answer = await _group.AskAsync(new(HttpMethod.Put, $"/heartbeat/{Uri.EscapeDataString(name)}{query}", Destination.Leader, IsRepeatable: true) { TakesNotFound = true }, cancel);
        return answer.Status != 404;
    }

    /// <summary>The instances, sorted by id.</summary>
    /// <param name="name">Null: of every service.</param>
    /// <exception cref="VerifyClientException">No result.</exception>
    public async Task<IReadOnlyList<ServiceEntry>> ListAsync(string? name = null, CancellationToken cancel = default)
    {
        var answer = await _group.AskAsync(new(HttpMethod.Get, "/services/", Destination.Leader, IsRepeatable: true), cancel);
        using var body = ClientJson.Parse(answer);
        if (body.RootElement.ValueKind != JsonValueKind.Array) throw new RefusedException(answer.Status, "the answer is no list: is this the address of a verify-node?");
        return [.. body.RootElement.EnumerateArray().Select(EntryOf).Where(entry => name is null || string.Equals(entry.Name, name, StringComparison.Ordinal))];
    }

    /// <summary>One passing instance, chosen by the group's strategy or this one (round-robin, random, least-connections); null: there is none.</summary>
    /// <exception cref="VerifyClientException">No result.</exception>
    public async Task<ServiceEntry?> PickAsync(string name, string? strategy = null, CancellationToken cancel = default)
    {
        var query = strategy is null ? "" : $"?strategy={Uri.EscapeDataString(strategy)}";
        var answer = await _group.AskAsync(new(HttpMethod.Get, $"/lb/service/{Uri.EscapeDataString(name)}{query}", Destination.Any, IsRepeatable: true) { TakesNotFound = true }, cancel);
        if (answer.Status == 404) return null;
        using var body = ClientJson.Parse(answer);
        return body.RootElement.Field("service") is { } service ? EntryOf(service) : null;
    }

    private async Task<JsonDocument> WriteAsync(NodeRequest request, CancellationToken cancel)
    {
        var id = _sessions.Begin();
        var known = false;
        try
        {
            var answer = await _group.AskAsync(request with { Id = id }, cancel);
            known = true;
            return ClientJson.Parse(answer);
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

    private static string IdOf(string? id, char separator) => id is null ? "" : $"{separator}id={Uri.EscapeDataString(id)}";

    private static ServiceEntry EntryOf(JsonElement at) => new(
        at.Text("id"), at.Text("name"), at.Text("address"), (int)(at.Number("port") ?? 0), at.Text("status"), at.Text("node"),
        [.. at.Items("tags").Select(static tag => tag.GetString() ?? "")]);
}

/// <summary>An instance to be registered.</summary>
public sealed record ServiceRegistration(string Name, string Address, int Port)
{
    /// <summary>Null: the name; then there is one instance of it.</summary>
    public string? Id { get; init; }
    public IReadOnlyList<string> Tags { get; init; } = [];
    public IReadOnlyList<KeyValuePair<string, string>> Meta { get; init; } = [];

    /// <summary>Removed without a heartbeat for so long; zero: never; null: as the node is configured (30 s).</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>"http://host:port/path", checked by the node every <see cref="CheckInterval"/>; null: none.</summary>
    public string? HttpCheck { get; init; }

    /// <summary>"host:port".</summary>
    public string? TcpCheck { get; init; }

    /// <summary>"host:port" of a MySQL server that takes the node's login.</summary>
    public string? MySqlCheck { get; init; }
    public TimeSpan CheckInterval { get; init; } = TimeSpan.FromSeconds(10);

    internal SortedDictionary<string, object> Shape()
    {
        var shape = new SortedDictionary<string, object>(StringComparer.Ordinal) { ["name"] = Name, ["address"] = Address, ["port"] = Port };
        if (Id is not null) shape["id"] = Id;
        if (Tags.Count > 0) shape["tags"] = Tags;
        if (Meta.Count > 0) shape["meta"] = new SortedDictionary<string, string>(Meta.ToDictionary(static m => m.Key, static m => m.Value, StringComparer.Ordinal), StringComparer.Ordinal);
        if (Ttl is { } ttl) shape["ttl"] = $"{(long)ttl.TotalMilliseconds}ms";
        var checks = new[] { ("http", HttpCheck), ("tcp", TcpCheck), ("mysql", MySqlCheck) }.Where(static check => check.Item2 is not null)
            .Select(check => new SortedDictionary<string, object>(StringComparer.Ordinal) { ["name"] = $"{Name} {check.Item1}", [check.Item1] = check.Item2!, ["interval"] = $"{(long)CheckInterval.TotalMilliseconds}ms" })
            .ToArray();
        if (checks.Length > 0) shape["checks"] = checks;
        return shape;
    }
}

/// <summary>An instance as the catalogue has it.</summary>
/// <param name="Status">passing, warning or critical.</param>
/// <param name="Node">The node that runs its checks.</param>
public sealed record ServiceEntry(string Id, string Name, string Address, int Port, string Status, string Node, IReadOnlyList<string> Tags);
