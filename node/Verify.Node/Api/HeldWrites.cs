using Verify.Node.Loop;

namespace Verify.Node.Api;

/// <summary>Writes that arrived while leadership changes hands. Nothing has happened to them, so they are kept for a moment and then
/// asked again, rather than sent back: a planned transfer costs the clients a wait and no failure. A node that has had no leader for
/// longer than an election takes keeps nothing and says so at once. Lives on the loop.</summary>
/// <param name="timeMax">So long after it was first kept, a write is sent back.</param>
internal sealed class HeldWrites(TimeSpan timeMax, Limits limits)
{
    private readonly Queue<Question> _held = new();
    private long _bytes;

    /// <summary>False: it is not kept, because it has waited long enough, or is no client's write, or too much is kept already.</summary>
    public bool TryHold(Question question, TimeSpan now)
    {
        if (SizeOf(question.Request) is not { } size) return false;
        var until = question.HeldUntil ??= now + timeMax;
        if (now >= until || _held.Count >= limits.PendingRequestsMax || _bytes + size > limits.PendingBytesMax) return false;
        _held.Enqueue(question);
        _bytes += size;
        return true;
    }

    /// <summary>All that is kept, in the order in which it came; nothing is kept any more.</summary>
    public IReadOnlyList<Question> TakeAll()
    {
        if (_held.Count == 0) return [];
        Question[] all = [.. _held];
        _held.Clear();
        _bytes = 0;
        return all;
    }

    private static long? SizeOf(LeaderRequest? request) => request switch
    {
        LeaderRequest.Client(ApiRequest.KvPut put) => put.Key.Length + put.Value.Length,
        LeaderRequest.Client(ApiRequest.KvDelete delete) => delete.Key.Length,
        LeaderRequest.Client(ApiRequest.ImportKv import) => import.Writes.Sum(static write => write.Key.Length + (long)(write.Value?.Length ?? 0)),
        LeaderRequest.Client(var service) when Catalogue.CatalogueApiCodec.Knows(service) => 1024,
        LeaderRequest.Client(var other) => KvLimits.SizeOf(other),
        _ => null,
    };
}
