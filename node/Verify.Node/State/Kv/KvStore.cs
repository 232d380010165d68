using Verify.Node.Api;
using Verify.Node.Codec;

namespace Verify.Node.State.Kv;

/// <summary>The replicated key-value store. A key's create and modify index are the indexes of the log entries that made and last
/// changed it, which is what compare-and-set compares.</summary>
public sealed class KvStore : IStateSection
{
    private readonly VersionedTree<string, KvPair> _pairs = new(static pair => pair.Key, StringComparer.Ordinal);

    public int Count => _pairs.Count;

    SectionKind IStateSection.Kind => SectionKind.Kv;
    byte IStateSection.Version => 1;

    public KvPair? Get(string key) => _pairs.TryGet(key, out var pair) ? pair : null;

    /// <summary>All pairs whose key begins so, sorted by key (ordinal).</summary>
    public IReadOnlyList<KvPair> List(string prefix) =>
        [.. _pairs.From(prefix).TakeWhile(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))];

    internal CommandResult Put(Command.KvPut put, long index)
    {
        var old = Get(put.Key);
        if (put.ExpectedIndex is { } expected && expected != (old?.ModifyIndex ?? 0)) return new CommandResult.CasConflict(old?.ModifyIndex ?? 0);
        _pairs.Set(new(put.Key, put.Value, put.Flags, old?.CreateIndex ?? index, index));
        return new CommandResult.Done(index);
    }

    internal CommandResult Delete(Command.KvDelete delete, long index)
    {
        var old = Get(delete.Key);
        if (delete.ExpectedIndex is { } expected && expected != (old?.ModifyIndex ?? 0)) return new CommandResult.CasConflict(old?.ModifyIndex ?? 0);
        if (old is null) return new CommandResult.NotFound();
        _pairs.Remove(delete.Key);
        return new CommandResult.Done(index);
    }

    /// <summary>All writes in their order, or none: the first that expects another index than the one before the batch stops all.</summary>
    internal CommandResult Write(IReadOnlyList<KvWrite> writes, long index)
    {
        foreach (var write in writes)
        {
            var there = Get(write.Key)?.ModifyIndex ?? 0;
            if (write.ExpectedIndex is { } expected && expected != there) return new CommandResult.CasConflict(there);
        }

        foreach (var (key, value, flags, _) in writes)
        {
            if (value is { } bytes) Put(new(key, bytes, flags, null, null), index);
            else Delete(new(key, null, null), index);
        }

        return new CommandResult.Done(index);
    }

    /// <summary>All pairs as they are now, sorted by key, to be walked while the store goes on; taken in constant time.</summary>
    internal (long Count, IEnumerable<KvPair> Pairs) Frozen()
    {
        var image = _pairs.Freeze();
        return (image.Count, image.Items);
    }

    FrozenSection IStateSection.Freeze()
    {
        var image = _pairs.Freeze();
        return FrozenSection.Of(this, image.Count, image.Items, static (to, pair) =>
        {
            to.Text(pair.Key);
            to.Bytes(pair.Value.Span);
            to.UInt64(pair.Flags);
            to.Number(pair.CreateIndex);
            to.Number(pair.ModifyIndex);
        });
    }

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        var pair = new KvPair(from.Text(), from.Bytes().ToArray(), from.UInt64(), from.Number(), from.Number());
        if (Get(pair.Key) is not null) throw from.Malformed($"key {pair.Key} is there twice");
        _pairs.Set(pair);
    }
}
