using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Api;
using Verify.Node.State.Locks;

namespace Verify.Node.State.Kv;

/// <summary>Does the operations of one command on the store, in their order, each seeing what those before it did; when one cannot be done,
/// as if there had been none. Deadlines count from the group's time as it is when the entry is applied, never from a leader's stamp: a stamp
/// that is older than the state must not end anything early.</summary>
internal sealed class KvTransaction(KvStore kv, LockStore locks, long index, long nowMs)
{
    /// <summary>What one command may read: more would not fit into a frame between nodes.</summary>
    private const long ReadBytesMax = 4 << 20;
    private const int PairBytes = 64;

    private long _read;

    /// <param name="withAnswers">False: only that it was done is told.</param>
    public KvOutcome Do(ImmutableArray<KvOp> ops, bool withAnswers)
    {
        var mark = kv.Mark();
        var answers = ImmutableArray.CreateBuilder<KvAnswer>(withAnswers ? ops.Length : 0);
        for (var at = 0; at < ops.Length; at++)
        {
            var (answer, refusal) = Do(ops[at]);
            if (refusal is not null)
            {
                kv.GoBackTo(mark);
                return refusal with { Op = at };
            }

            if (withAnswers) answers.Add(answer!);
        }

        return new KvOutcome.Done(index, answers.ToImmutable());
    }

    private (KvAnswer? Answer, KvOutcome.Failed? Refusal) Do(KvOp op) => op switch
    {
        KvOp.Put put => Put(put),
        KvOp.Touch touch => Touch(touch),
        KvOp.Delete delete => Differs(delete.Key, delete.ExpectedIndex) is { } refusal ? (null, refusal) : Counted(kv.Remove(delete.Key) ? 1 : 0),
        KvOp.DeletePrefix(var prefix) => Counted(kv.List(prefix).Count(pair => kv.Remove(pair.Key))),
        KvOp.Get(var key, var must) => kv.Get(key) is { } pair ? Read(key, [pair]) : must ? (null, Refused(KvRefusal.NoKey, key, "there is no such key")) : Counted(0),
        KvOp.GetPrefix(var prefix) => Read(prefix, kv.List(prefix)),
        KvOp.CheckIndex check => Differs(check.Key, check.Index) is { } refusal ? (null, refusal) : Counted(0),
        KvOp.CheckSession(var key, var session) => IsHolder(key, session) ? Counted(0) : (null, Refused(KvRefusal.NotHolder, key, $"session {session} does not hold the lock")),
        KvOp.Acquire acquire => Acquire(acquire),
        KvOp.Release release => Release(release),
        _ => throw new UnreachableException(),
    };

    private (KvAnswer?, KvOutcome.Failed?) Read(string key, IReadOnlyList<KvPair> pairs)
    {
        foreach (var pair in pairs) _read += pair.Key.Length + pair.Value.Length + PairBytes;
        return _read > ReadBytesMax ? (null, Refused(KvRefusal.TooLarge, key, $"one transaction reads at most {ReadBytesMax} bytes")) : (new(pairs.Count, [.. pairs]), null);
    }

    private (KvAnswer?, KvOutcome.Failed?) Put(KvOp.Put put)
    {
        if (Differs(put.Key, put.ExpectedIndex) is { } refusal) return (null, refusal);
        var pair = kv.Written(put.Key, put.Value, put.Flags, index);
        return Written(put.TtlMs is { } ttl ? pair with { TtlMs = ttl, DeadlineMs = nowMs + ttl } : pair);
    }

    private (KvAnswer?, KvOutcome.Failed?) Touch(KvOp.Touch touch)
    {
        if (kv.Get(touch.Key) is not { } pair) return (null, Refused(KvRefusal.NoKey, touch.Key, "there is no such key; it may have ended"));
        if (pair.DeadlineMs is null && touch.TtlMs is null) return (null, Refused(KvRefusal.NoKey, touch.Key, "the key has no lifetime; set it with one, or touch it with one"));
        var ttl = touch.TtlMs ?? pair.TtlMs;
        return Written(pair with { TtlMs = ttl, DeadlineMs = nowMs + ttl });
    }

    private (KvAnswer?, KvOutcome.Failed?) Acquire(KvOp.Acquire acquire)
    {
        var (key, session) = (acquire.Key, acquire.Session);
        if (locks.Get(session) is null) return (null, Refused(KvRefusal.NoSession, key, $"there is no session {session}; it may have ended"));
        var pair = kv.Written(key, acquire.Value, acquire.Flags, index);
        if (IsHolder(key, session)) return Written(pair);
        if (pair.Session is { } holder) return (null, Refused(KvRefusal.HeldByOther, key, $"session {holder} holds the lock"));
        if (locks.DelayedUntil(key) is { } until && until > nowMs)
            return (null, Refused(KvRefusal.LockDelay, key, $"the last holder's session ended without giving the lock back; its lock-delay goes on for {until - nowMs} ms"));
        return Written(pair with { Session = session, LockIndex = pair.LockIndex + 1, LockToken = index });
    }

    private (KvAnswer?, KvOutcome.Failed?) Release(KvOp.Release release)
    {
        if (!IsHolder(release.Key, release.Session)) return (null, Refused(KvRefusal.NotHolder, release.Key, $"session {release.Session} does not hold the lock"));
        return Written(kv.Written(release.Key, release.Value, release.Flags, index) with { Session = null });
    }

    private (KvAnswer, KvOutcome.Failed?) Written(KvPair pair)
    {
        kv.Set(pair);
        return (new(1, [pair with { Value = default }]), null);
    }

    private static (KvAnswer, KvOutcome.Failed?) Counted(long count) => (new(count, []), null);

    private bool IsHolder(string key, string session) => kv.Get(key)?.Session is { } holder && string.Equals(holder, session, StringComparison.Ordinal);

    private KvOutcome.Failed? Differs(string key, long? expected) => expected is { } index && index != (kv.Get(key)?.ModifyIndex ?? 0)
        ? Refused(KvRefusal.IndexDiffers, key, $"modify_index {index} was expected") : null;

    private KvOutcome.Failed Refused(KvRefusal refusal, string key, string why) => new(0, refusal, kv.Get(key)?.ModifyIndex ?? 0, $"'{key}': {why}");
}
