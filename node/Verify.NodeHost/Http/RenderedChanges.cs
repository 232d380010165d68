using Verify.Node.State.Kv;

namespace Verify.NodeHost.Http;

/// <summary>The bytes that tell of a change, made once for all who watch: a hundred watchers of one key are woken by the same entry. Only the newest are kept;
/// whoever does not find his makes it. Many threads, no lock: a slot holds all of one change or all of another.</summary>
internal sealed class RenderedChanges(Func<KvChange, bool, byte[]> render)
{
    private const int Slots = 64;

    /// <summary>What is larger is not kept: 64 values of a megabyte would be a burden for nothing.</summary>
    private const int BytesMax = 16 * 1024;
    private readonly Made?[] _made = new Made?[Slots];

    /// <param name="isLast">Of its entry.</param>
    public byte[] Of(KvChange change, bool isLast)
    {
        ref var slot = ref _made[(int)((ulong)change.Index % Slots)];
        if (Volatile.Read(ref slot) is { } made && ReferenceEquals(made.Change, change) && made.IsLast == isLast) return made.Bytes;
        var bytes = render(change, isLast);
        if (bytes.Length <= BytesMax) Volatile.Write(ref slot, new(change, isLast, bytes));
        return bytes;
    }

    private sealed record Made(KvChange Change, bool IsLast, byte[] Bytes);
}
