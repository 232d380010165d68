using System.Collections.Immutable;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.State.Time;

namespace Verify.Node.State.Kv;

/// <summary>The replicated key-value store. A key's create and modify index are the indexes of the log entries that made and last
/// changed it, which is what compare-and-set compares. Keys with a lifetime end by the group's time.</summary>
public sealed class KvStore : IStateSection, IExpires
{
    private const byte Plain = 1, WithLifetimesAndLocks = 2;
    private readonly VersionedTree<string, KvPair> _pairs = new(static pair => pair.Key, StringComparer.Ordinal);

    /// <summary>Keys by when they end, and by who holds their lock; both built again from the records, not kept in them.</summary>
    private readonly SortedSet<(long DeadlineMs, string Key)> _ending = new(PairOrder.ByNumber);
    private readonly SortedSet<(string Session, string Key)> _held = new(PairOrder.ByText);

    /// <summary>What the entry that is being applied has changed so far, as it was before.</summary>
    private readonly List<(string Key, KvPair? Before)> _touched = [];

    /// <summary>Pairs that the first form of a record cannot hold.</summary>
    private int _beyondPlain;

    public int Count => _pairs.Count;

    /// <summary>The newest changes, for those who watch. No part of the state: it begins anew with a snapshot.</summary>
    public ChangeRing Changes { get; } = new();

    SectionKind IStateSection.Kind => SectionKind.Kv;

    /// <summary>A store without lifetimes and locks is written as the releases before this one read it.</summary>
    byte IStateSection.Version => _beyondPlain == 0 ? Plain : WithLifetimesAndLocks;
    byte IStateSection.VersionMax => WithLifetimesAndLocks;

    long? IExpires.NextDeadlineMs => _ending.Count == 0 ? null : _ending.Min.DeadlineMs;

    public KvPair? Get(string key) => _pairs.TryGet(key, out var pair) ? pair : null;

    /// <summary>All pairs whose key begins so, sorted by key (ordinal).</summary>
    public IReadOnlyList<KvPair> List(string prefix) =>
        [.. _pairs.From(prefix).TakeWhile(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))];

    void IExpires.Expire(long nowMs, long index)
    {
        while (_ending.Count > 0 && _ending.Min is var (deadline, key) && deadline <= nowMs) Remove(key);
    }

    internal CommandResult Put(Command.KvPut put, long index)
    {
        var old = Get(put.Key);
        if (put.ExpectedIndex is { } expected && expected != (old?.ModifyIndex ?? 0)) return new CommandResult.CasConflict(old?.ModifyIndex ?? 0);
        Set(Written(put.Key, put.Value, put.Flags, index));
        return new CommandResult.Done(index);
    }

    internal CommandResult Delete(Command.KvDelete delete, long index)
    {
        var old = Get(delete.Key);
        if (delete.ExpectedIndex is { } expected && expected != (old?.ModifyIndex ?? 0)) return new CommandResult.CasConflict(old?.ModifyIndex ?? 0);
        if (old is null) return new CommandResult.NotFound();
        Remove(delete.Key);
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

    /// <summary>The key with a new value at this index: for ever, and with its lock as it was.</summary>
    internal KvPair Written(string key, ReadOnlyMemory<byte> value, ulong flags, long index) => Get(key) is { } old
        ? old with { Value = value, Flags = flags, ModifyIndex = index, DeadlineMs = null, TtlMs = 0 }
        : new(key, value, flags, index, index);

    internal void Set(KvPair pair)
    {
        var before = Get(pair.Key);
        _touched.Add((pair.Key, before));
        Place(before, pair);
        _pairs.Set(pair);
    }

    /// <summary>False: it was not there.</summary>
    internal bool Remove(string key)
    {
        if (Get(key) is not { } before) return false;
        _touched.Add((key, before));
        Place(before, null);
        return _pairs.Remove(key);
    }

    /// <summary>Keys whose lock this session holds, sorted.</summary>
    internal IReadOnlyList<string> HeldBy(string session) =>
        [.. _held.GetViewBetween((session, ""), (session + "\0", "")).Where(held => string.Equals(held.Session, session, StringComparison.Ordinal)).Select(static held => held.Key)];

    /// <summary>A place to go back to within an entry.</summary>
    internal int Mark() => _touched.Count;

    /// <summary>As if nothing had happened since the mark.</summary>
    internal void GoBackTo(int mark)
    {
        for (var at = _touched.Count - 1; at >= mark; at--)
        {
            var (key, before) = _touched[at];
            Place(Get(key), before);
            if (before is null) _pairs.Remove(key);
            else _pairs.Set(before);
        }

        _touched.RemoveRange(mark, _touched.Count - mark);
    }

    /// <summary>The entry is applied to its end: those who watch may see what it did, each key once and as it is now.</summary>
    internal void Publish(long index)
    {
        if (_touched.Count == 0) return;
        var told = _touched.Count == 1 ? null : new HashSet<string>(StringComparer.Ordinal);
        foreach (var (key, before) in _touched)
        {
            if (told is not null && !told.Add(key)) continue;
            var now = Get(key);
            if (now is null ? before is not null : now.ModifyIndex == index) Changes.Add(new(index, key, now));
        }

        _touched.Clear();
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
        return FrozenSection.Of(this, image.Count, image.Items, _beyondPlain == 0 ? KvPairCodec.WritePlain : KvPairCodec.Write);
    }

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        var pair = version == Plain ? KvPairCodec.ReadPlain(ref from) : KvPairCodec.Read(ref from);
        if (Get(pair.Key) is not null) throw from.Malformed($"key {pair.Key} is there twice");
        Place(null, pair);
        _pairs.Set(pair);
    }

    private void Place(KvPair? before, KvPair? now)
    {
        _beyondPlain += (IsBeyondPlain(now) ? 1 : 0) - (IsBeyondPlain(before) ? 1 : 0);
        if (before?.DeadlineMs is { } was) _ending.Remove((was, before.Key));
        if (now?.DeadlineMs is { } ends) _ending.Add((ends, now.Key));
        if (before?.Session is { } had) _held.Remove((had, before.Key));
        if (now?.Session is { } has) _held.Add((has, now.Key));
    }

    private static bool IsBeyondPlain(KvPair? pair) => pair is not null && (pair.DeadlineMs is not null || pair.LockToken != 0);
}
