using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Verify.Client.Http;

namespace Verify.Client;

public sealed partial class KvClient
{
    private static readonly TimeSpan PollWait = TimeSpan.FromSeconds(2);

    /// <summary>Writes a key that ends by itself so long after it was written or last touched, by the group's time: never early on any clock within the
    /// drift bound, and late by a fraction of a second, or by an election when the leader changes.</summary>
    /// <inheritdoc cref="PutAsync"/>
    public Task<KvWrite> PutForAsync(string key, string value, TimeSpan lifetime, long? expectedIndex = null, ulong flags = 0, CancellationToken cancel = default) =>
        WriteAsync(new(HttpMethod.Put, $"{Path(key)}?ttl={Milliseconds(lifetime)}ms", Destination.Leader, IsRepeatable: true)
        {
            Body = PutBody(value, expectedIndex, flags), TakesConflict = true, TakesNotFound = true,
        }, cancel);

    /// <summary>Begins a key's lifetime anew, with this one where it is given. NotFound: there is no such key any more, or it has no lifetime.</summary>
    /// <inheritdoc cref="PutAsync"/>
    public Task<KvWrite> TouchAsync(string key, TimeSpan? lifetime = null, CancellationToken cancel = default) =>
        WriteAsync(new(HttpMethod.Put, $"/touch{Path(key)[3..]}{(lifetime is { } ttl ? $"?ttl={Milliseconds(ttl)}ms" : "")}", Destination.Leader, IsRepeatable: true) { TakesNotFound = true }, cancel);

    /// <summary>Deletes every key that begins so, in one step; the empty prefix is everything.</summary>
    /// <inheritdoc cref="PutAsync"/>
    public Task<KvWrite> DeletePrefixAsync(string prefix, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return WriteAsync(new(HttpMethod.Delete, $"/kv/{Escaped(prefix)}?recurse=true", Destination.Leader, IsRepeatable: true), cancel);
    }

    /// <summary>Writes several keys in one step: all of them, or (Conflict) none, when one of <paramref name="expected"/> does not have its modify_index.</summary>
    /// <inheritdoc cref="PutAsync"/>
    public Task<KvWrite> PutManyAsync(IReadOnlyDictionary<string, string> items, IReadOnlyDictionary<string, long>? expected = null, CancellationToken cancel = default) =>
        WriteAsync(new(HttpMethod.Post, expected is null ? "/batch/kv/set" : "/batch/kv/set-cas", Destination.Leader, IsRepeatable: true)
        {
            Body = JsonSerializer.SerializeToUtf8Bytes(new { items, expected_indices = expected }), TakesConflict = true,
        }, cancel);

    /// <summary>Deletes several keys in one step; see <see cref="PutManyAsync"/>.</summary>
    /// <inheritdoc cref="PutAsync"/>
    public Task<KvWrite> DeleteManyAsync(IReadOnlyList<string> keys, IReadOnlyDictionary<string, long>? expected = null, CancellationToken cancel = default) =>
        WriteAsync(new(HttpMethod.Post, expected is null ? "/batch/kv/delete" : "/batch/kv/delete-cas", Destination.Leader, IsRepeatable: true)
        {
            Body = JsonSerializer.SerializeToUtf8Bytes(new { keys, expected_indices = expected }), TakesConflict = true,
        }, cancel);

    /// <summary>Every change of the keys that begin so, behind this index, in order and without end. <see cref="KvKeys.AppliedIndex"/> of a list, or the
    /// index of the last change that was seen, says from where on; it does not matter which node answers.</summary>
    /// <exception cref="RefusedException">Status 410: the index is too old. List again, and watch on from there.</exception>
    /// <exception cref="VerifyClientException">No result; ask again with the last index.</exception>
    public async IAsyncEnumerable<KvChange> WatchAsync(string prefix, long after, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(prefix);

        // A node that has nothing to tell must be heard before it is taken for one that does not answer.
        var wait = _group.AttemptTimeout / 2 < PollWait ? _group.AttemptTimeout / 2 : PollWait;
        while (!cancel.IsCancellationRequested)
        {
            var answer = await _group.AskAsync(new(HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"/watch/{Escaped(prefix)}?prefix&index={after}&wait={wait.TotalSeconds}s"), Destination.Any, IsRepeatable: true), cancel);
            using var body = Body(answer);
            foreach (var change in body.RootElement.Items("changes"))
                yield return new(change.Text("key"), change.Text("type") == "delete" ? null : PairOf(change), change.Number("index") ?? after);
            after = body.RootElement.Number("index") ?? after;
        }
    }

    private static string Escaped(string key) => string.Join('/', key.Split('/').Select(Uri.EscapeDataString));

    private static long Milliseconds(TimeSpan lifetime) => lifetime > TimeSpan.Zero
        ? (long)Math.Ceiling(lifetime.TotalMilliseconds) : throw new ArgumentOutOfRangeException(nameof(lifetime), lifetime, "a lifetime is longer than nothing");
}

/// <summary>A key was set, or (no pair) deleted, or ended; by the entry at this index of the log.</summary>
public sealed record KvChange(string Key, KvPair? Pair, long Index);
