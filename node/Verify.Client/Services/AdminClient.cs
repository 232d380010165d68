using System.Text.Json;
using Verify.Client.Http;

namespace Verify.Client;

/// <summary>Backups and access rules. Answers are given as the nodes give them.</summary>
public sealed class AdminClient
{
    private readonly NodeGroup _group;

    internal AdminClient(NodeGroup group) => _group = group;

    /// <summary>Makes a backup of keys and services, in the backup directory of the node that answers.</summary>
    /// <exception cref="VerifyClientException">No backup.</exception>
    public Task<JsonElement> BackupAsync(CancellationToken cancel = default) => SendAsync(HttpMethod.Post, "/backup", null, isRepeatable: true, cancel);

    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> BackupsAsync(CancellationToken cancel = default) => SendAsync(HttpMethod.Get, "/backups", null, isRepeatable: true, cancel);

    /// <summary>Makes keys and services what the backup says.</summary>
    /// <param name="mode">replace, overwrite or create.</param>
    /// <exception cref="VerifyClientException">It is not, or not wholly, restored; restoring again is safe.</exception>
    public Task<JsonElement> RestoreAsync(string name, string mode = "replace", CancellationToken cancel = default) =>
        SendAsync(HttpMethod.Post, "/restore", new { backup_path = name, mode }, isRepeatable: true, cancel);

    /// <summary>Makes the first management token; its secret is in the answer and nowhere else.</summary>
    /// <exception cref="RefusedException">There is one already.</exception>
    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> BootstrapAsync(CancellationToken cancel = default) => SendAsync(HttpMethod.Put, "/acl/bootstrap", null, isRepeatable: false, cancel);

    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> PoliciesAsync(CancellationToken cancel = default) => SendAsync(HttpMethod.Get, "/acl/policies", null, isRepeatable: true, cancel);

    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> PolicyAsync(string name, CancellationToken cancel = default) => SendAsync(HttpMethod.Get, $"/acl/policies/{Uri.EscapeDataString(name)}", null, isRepeatable: true, cancel);

    /// <param name="document">As in node/README.md: kv, service, session, backup and admin, each a list of paths with capabilities.</param>
    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> SetPolicyAsync(string name, JsonElement document, CancellationToken cancel = default) => SendAsync(HttpMethod.Put, $"/acl/policies/{Uri.EscapeDataString(name)}", document, isRepeatable: true, cancel);

    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> DeletePolicyAsync(string name, CancellationToken cancel = default) => SendAsync(HttpMethod.Delete, $"/acl/policies/{Uri.EscapeDataString(name)}", null, isRepeatable: true, cancel);

    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> TokensAsync(CancellationToken cancel = default) => SendAsync(HttpMethod.Get, "/acl/tokens", null, isRepeatable: true, cancel);

    /// <summary>Makes a token; its secret is in the answer and nowhere else.</summary>
    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> CreateTokenAsync(IReadOnlyList<string> policies, string description, CancellationToken cancel = default) =>
        SendAsync(HttpMethod.Put, "/acl/tokens", new { policies, description }, isRepeatable: false, cancel);

    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> DeleteTokenAsync(string accessor, CancellationToken cancel = default) => SendAsync(HttpMethod.Delete, $"/acl/tokens/{Uri.EscapeDataString(accessor)}", null, isRepeatable: true, cancel);

    private async Task<JsonElement> SendAsync(HttpMethod method, string path, object? body, bool isRepeatable, CancellationToken cancel)
    {
        var answer = await _group.AskAsync(new(method, path, Destination.Leader, isRepeatable) { Body = body is null ? null : JsonSerializer.SerializeToUtf8Bytes(body) }, cancel);
        using var parsed = ClientJson.Parse(answer);
        return parsed.RootElement.Clone();
    }
}

internal static class ClientJson
{
    /// <exception cref="RefusedException">It is no JSON.</exception>
    public static JsonDocument Parse(Attempt.Answered answer)
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
}
