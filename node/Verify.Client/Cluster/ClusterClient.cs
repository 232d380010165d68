using System.Text.Json;
using Verify.Client.Http;

namespace Verify.Client;

/// <summary>Management of the group. Questions are repeated as needed; changes are sent again only while it is certain that nothing was
/// done, because they carry no session: after a doubt the caller looks at the members.</summary>
public sealed class ClusterClient
{
    private readonly NodeGroup _group;

    internal ClusterClient(NodeGroup group) => _group = group;

    public async Task<StatusView> StatusAsync(CancellationToken cancel = default) => StatusView.Of(await GetAsync("/cluster/status", Destination.Leader, cancel));

    public async Task<LeaderView> LeaderAsync(CancellationToken cancel = default) => LeaderView.Of(await GetAsync("/cluster/leader", Destination.Leader, cancel));

    /// <summary>The members. Asked of the leader, whose list is the newest.</summary>
    public async Task<IReadOnlyList<PeerView>> PeersAsync(CancellationToken cancel = default) =>
        [.. (await GetAsync("/cluster/peers", Destination.Leader, cancel)).Items("peers").Select(PeerView.Of)];

    public Task<JsonElement> ConfigAsync(CancellationToken cancel = default) => GetAsync("/cluster/config", Destination.Leader, cancel);

    public Task<JsonElement> StatsAsync(CancellationToken cancel = default) => GetAsync("/cluster/stats", Destination.Leader, cancel);

    public async Task<HealthView> HealthAsync(CancellationToken cancel = default) => HealthView.Of(await GetAsync("/cluster/health", Destination.Leader, cancel));

    /// <summary>What one node answers to this path, without looking for another; for what concerns a node and not the group.</summary>
    /// <exception cref="VerifyClientException">It did not answer, or refused.</exception>
    public Task<JsonElement> AskNodeAsync(Uri endpoint, string path, CancellationToken cancel = default) =>
        AtAsync(endpoint, new(HttpMethod.Get, path, Destination.Any, IsRepeatable: true), cancel);

    /// <summary>Lets a node in; it catches up as a learner and becomes a voter when it is stable.</summary>
    /// <param name="node">Null: the node is named by its address.</param>
    /// <param name="replaces">The member whose place it takes, in one change.</param>
    public Task<JsonElement> JoinAsync(string? node, string address, string? replaces = null, bool staysLearner = false, CancellationToken cancel = default) =>
        ChangeAsync(HttpMethod.Post, "/cluster/join", json =>
        {
            json.WriteString("node_id", node ?? address);
            json.WriteString("address", address);
            if (replaces is not null) json.WriteString("replaces", replaces);
            if (staysLearner) json.WriteBoolean("learner", value: true);
        }, cancel);

    public Task<JsonElement> LeaveAsync(string node, bool isForced = false, CancellationToken cancel = default) =>
        ChangeAsync(HttpMethod.Delete, $"/cluster/leave/{Uri.EscapeDataString(node)}{(isForced ? "?force=true" : "")}", body: null, cancel);

    /// <summary>Leadership to this voter; null: to the one that is best caught up.</summary>
    public Task<JsonElement> TransferAsync(string? to, CancellationToken cancel = default) =>
        ChangeAsync(HttpMethod.Post, "/cluster/transfer", json =>
        {
            if (to is not null) json.WriteString("to", to);
        }, cancel);

    /// <summary>A snapshot on the leader; on another node with <see cref="SnapshotAtAsync"/>.</summary>
    public Task<JsonElement> SnapshotAsync(CancellationToken cancel = default) => RepeatableAsync("/cluster/snapshot", cancel);

    /// <summary>A snapshot on this very node.</summary>
    /// <exception cref="VerifyClientException">It did not answer, or refused.</exception>
    public Task<JsonElement> SnapshotAtAsync(Uri endpoint, CancellationToken cancel = default) =>
        AtAsync(endpoint, new(HttpMethod.Post, "/cluster/snapshot", Destination.Any, IsRepeatable: true), cancel);

    /// <summary>Makes a join token. The answer holds its secret, which is kept nowhere else.</summary>
    /// <param name="validFor">As "30m" or "24h"; null: as the nodes have it (1h).</param>
    public Task<JsonElement> TokenAsync(string? validFor, CancellationToken cancel = default) =>
        ChangeAsync(HttpMethod.Post, "/cluster/token", json =>
        {
            if (validFor is not null) json.WriteString("valid_for", validFor);
        }, cancel);

    /// <summary>Begins to encrypt with another key on the node that is asked.</summary>
    public Task<JsonElement> RotateKeyAsync(Uri endpoint, CancellationToken cancel = default) =>
        AtAsync(endpoint, new(HttpMethod.Post, "/cluster/rotate-key", Destination.Any, IsRepeatable: false), cancel);

    /// <summary>All keys with values and flags: a header line, a JSON line for each key, a footer with count and checksum.</summary>
    public async Task<string> ExportAsync(CancellationToken cancel = default) =>
        (await _group.AskAsync(new(HttpMethod.Get, "/cluster/export", Destination.Leader, IsRepeatable: true), cancel)).Text;

    /// <summary>Writes what <see cref="ExportAsync"/> gave into this group.</summary>
    /// <param name="overwrite">False: a key that exists already stays as it is, and the import can be sent twice.</param>
    /// <exception cref="OutcomeUnknownException">A part may have been written; importing the same again is safe.</exception>
    public async Task<JsonElement> ImportAsync(string exported, bool overwrite, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(exported);
        var request = new NodeRequest(HttpMethod.Post, $"/cluster/import?mode={(overwrite ? "overwrite" : "create")}", Destination.Leader, IsRepeatable: !overwrite)
        {
            Body = System.Text.Encoding.UTF8.GetBytes(exported),
            ContentType = "application/x-ndjson",
        };
        return Parse(await _group.AskAsync(request, cancel));
    }

    private async Task<JsonElement> AtAsync(Uri endpoint, NodeRequest request, CancellationToken cancel)
    {
        var rules = new RetryRules(request);
        return rules.Judge(await _group.AskAtAsync(endpoint, request, cancel), endpoint) switch
        {
            Verdict.Final(var answer) => Parse(answer),
            Verdict.Stop(var because) => throw because,
            _ => throw rules.GiveUp(TimeSpan.Zero),
        };
    }

    private async Task<JsonElement> GetAsync(string path, Destination destination, CancellationToken cancel) =>
        Parse(await _group.AskAsync(new(HttpMethod.Get, path, destination, IsRepeatable: true), cancel));

    private async Task<JsonElement> RepeatableAsync(string path, CancellationToken cancel) =>
        Parse(await _group.AskAsync(new(HttpMethod.Post, path, Destination.Leader, IsRepeatable: true), cancel));

    private async Task<JsonElement> ChangeAsync(HttpMethod method, string path, Action<Utf8JsonWriter>? body, CancellationToken cancel)
    {
        var request = new NodeRequest(method, path, Destination.Leader, IsRepeatable: false);
        if (body is not null)
        {
            using var buffer = new MemoryStream();
            using (var json = new Utf8JsonWriter(buffer))
            {
                json.WriteStartObject();
                body(json);
                json.WriteEndObject();
            }

            request = request with { Body = buffer.ToArray() };
        }

        return Parse(await _group.AskAsync(request, cancel));
    }

    private static JsonElement Parse(Attempt.Answered answer)
    {
        try
        {
            using var body = JsonDocument.Parse(answer.Text.Length == 0 ? "{}" : answer.Text);
            return body.RootElement.Clone();
        }
        catch (JsonException)
        {
            throw new RefusedException(answer.Status, "the answer is not JSON: is this the address of a verify-node?");
        }
    }
}
