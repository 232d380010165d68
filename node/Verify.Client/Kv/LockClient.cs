using System.Text.Json;
using Verify.Client.Http;

namespace Verify.Client;

/// <summary>Sessions and locks. A lock is held by a session, which lives as long as it is renewed; what a lock guards must be told the token and refuse a
/// lower one than the highest that it has seen, since a holder that was stopped may not know that its time is over.</summary>
public sealed class LockClient
{
    private readonly NodeGroup _group;

    internal LockClient(NodeGroup group) => _group = group;

    /// <param name="lifetime">The session ends so long after it was begun or last renewed.</param>
    /// <param name="lockDelay">So long after it has ended nobody gets the locks that it held then.</param>
    /// <param name="deletesKeys">What it holds when it ends is deleted, and not only given back.</param>
    /// <returns>The session's id.</returns>
    /// <exception cref="VerifyClientException">No result. A session that nobody knows of ends by itself.</exception>
    public async Task<string> BeginSessionAsync(TimeSpan lifetime, TimeSpan lockDelay, bool deletesKeys = false, string name = "", CancellationToken cancel = default)
    {
        var id = Guid.NewGuid().ToString();
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            id, name, ttl = $"{(long)lifetime.TotalMilliseconds}ms", lock_delay = $"{(long)lockDelay.TotalMilliseconds}ms", behavior = deletesKeys ? "delete" : "release",
        });
        await _group.AskAsync(new(HttpMethod.Put, "/session", Destination.Leader, IsRepeatable: true) { Body = body }, cancel);
        return id;
    }

    /// <summary>False: it has ended, and with it all that it held.</summary>
    /// <exception cref="VerifyClientException">No result.</exception>
    public async Task<bool> RenewAsync(string session, CancellationToken cancel = default) =>
        (await _group.AskAsync(new(HttpMethod.Put, $"/session/renew/{Uri.EscapeDataString(session)}", Destination.Leader, IsRepeatable: true) { TakesNotFound = true }, cancel)).Status != 404;

    /// <exception cref="VerifyClientException">No result.</exception>
    public async Task EndSessionAsync(string session, CancellationToken cancel = default) =>
        await _group.AskAsync(new(HttpMethod.Delete, $"/session/{Uri.EscapeDataString(session)}", Destination.Leader, IsRepeatable: true) { TakesNotFound = true }, cancel);

    /// <summary>Takes the lock, or says who has it. Safe to ask again: who holds it already keeps it, with the same token.</summary>
    /// <exception cref="VerifyClientException">No result.</exception>
    public async Task<LockAnswer> AcquireAsync(string key, string session, string value = "", CancellationToken cancel = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        var answer = await _group.AskAsync(new(HttpMethod.Put, PathOf(key, session), Destination.Leader, IsRepeatable: true)
        {
            Body = JsonSerializer.SerializeToUtf8Bytes(new { value }), TakesConflict = true, TakesNotFound = true,
        }, cancel);
        using var body = JsonDocument.Parse(answer.Text);
        return answer.Status is 409 or 404 ? new LockAnswer.Refused(body.RootElement.Text("message")) : new LockAnswer.Held(body.RootElement.Number("fencing_token") ?? 0);
    }

    /// <summary>False: this session does not hold it.</summary>
    /// <exception cref="VerifyClientException">No result.</exception>
    public async Task<bool> ReleaseAsync(string key, string session, CancellationToken cancel = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        return (await _group.AskAsync(new(HttpMethod.Delete, PathOf(key, session), Destination.Leader, IsRepeatable: true) { TakesConflict = true, TakesNotFound = true }, cancel)).Status == 200;
    }

    private static string PathOf(string key, string session) => $"/lock/{string.Join('/', key.Split('/').Select(Uri.EscapeDataString))}?session={Uri.EscapeDataString(session)}";
}

/// <summary>What came of asking for a lock.</summary>
public abstract record LockAnswer
{
    private LockAnswer() { }

    /// <param name="Token">Higher than that of every holder before.</param>
    public sealed record Held(long Token) : LockAnswer;

    public sealed record Refused(string Why) : LockAnswer;
}
