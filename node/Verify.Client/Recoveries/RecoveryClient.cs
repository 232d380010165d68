using System.Text.Json;
using Verify.Client.Http;

namespace Verify.Client;

/// <summary>Recoveries and what operators allow: orchestrator's routes of a verify-node (<c>/api/…</c>), with JSON as it comes.</summary>
public sealed class RecoveryClient
{
    private readonly NodeGroup _group;

    internal RecoveryClient(NodeGroup group) => _group = group;

    /// <summary>A question: it may be asked as often as one likes.</summary>
    /// <param name="path">Below /api/, escaped.</param>
    public Task<JsonElement> AskAsync(string path, CancellationToken cancel = default) => GetAsync(path, isRepeatable: true, cancel);

    /// <summary>A change. It is not sent again once a node may have seen it.</summary>
    /// <param name="path">Below /api/, escaped.</param>
    /// <exception cref="RefusedException">It was refused, and nothing was done; the message says why.</exception>
    /// <exception cref="OutcomeUnknownException">It may have been done.</exception>
    public Task<JsonElement> DoAsync(string path, CancellationToken cancel = default) => GetAsync(path, isRepeatable: false, cancel);

    private async Task<JsonElement> GetAsync(string path, bool isRepeatable, CancellationToken cancel)
    {
        var answer = await _group.AskAsync(new(HttpMethod.Get, $"/api/{path}", Destination.Leader, isRepeatable), cancel);
        try
        {
            using var body = JsonDocument.Parse(answer.Text);
            return body.RootElement.Clone();
        }
        catch (JsonException)
        {
            throw new RefusedException(answer.Status, "the answer is not JSON: is this the address of a verify-node?");
        }
    }
}
