using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Kv;
using Verify.Node.State.Time;

namespace Verify.Node.State.Locks;

/// <summary>Sessions, and for how long locks of sessions that ended are given to nobody. Who holds a lock stands with its key
/// (<see cref="Api.KvPair.Session"/>). Sessions end by the group's time alone, so on all nodes with the same entry.</summary>
/// <param name="kv">The store whose keys are locked.</param>
public sealed class LockStore(KvStore kv) : IStateSection, IExpires
{
    private const byte SessionRecord = 1, DelayRecord = 2;
    private readonly VersionedTree<string, LockSession> _sessions = new(static session => session.Id, StringComparer.Ordinal);
    private readonly VersionedTree<string, LockDelay> _delays = new(static delay => delay.Key, StringComparer.Ordinal);

    /// <summary>Sessions and delays by when they end; built again from the records, not kept in them.</summary>
    private readonly SortedSet<(long DeadlineMs, string Id)> _ending = new(PairOrder.ByNumber);
    private readonly SortedSet<(long UntilMs, string Key)> _delaysEnding = new(PairOrder.ByNumber);

    public int Count => _sessions.Count;

    SectionKind IStateSection.Kind => SectionKind.Locks;
    byte IStateSection.Version => 1;

    long? IExpires.NextDeadlineMs => (_ending.Count, _delaysEnding.Count) switch
    {
        (0, 0) => null,
        (0, _) => _delaysEnding.Min.UntilMs,
        (_, 0) => _ending.Min.DeadlineMs,
        _ => Math.Min(_ending.Min.DeadlineMs, _delaysEnding.Min.UntilMs),
    };

    public LockSession? Get(string id) => _sessions.TryGet(id, out var session) ? session : null;

    /// <summary>All sessions, sorted by id.</summary>
    public IReadOnlyList<LockSession> All() => [.. _sessions.All()];

    /// <summary>Until when, by the group's time, nobody gets this key's lock; null: somebody may.</summary>
    public long? DelayedUntil(string key) => _delays.TryGet(key, out var delay) ? delay.UntilMs : null;

    void IExpires.Expire(long nowMs, long index)
    {
        while (_ending.Count > 0 && _ending.Min is var (deadline, id) && deadline <= nowMs) End(Get(id)!, index, nowMs);
        while (_delaysEnding.Count > 0 && _delaysEnding.Min is var (until, key) && until <= nowMs)
        {
            _delaysEnding.Remove((until, key));
            _delays.Remove(key);
        }
    }

    internal CommandResult Apply(SessionCommand command, long index, long nowMs)
    {
        switch (command)
        {
            case SessionCommand.Create create:
                return Create(create, index, nowMs);
            case SessionCommand.Renew(var id):
                if (Get(id) is not { } renewed) return new CommandResult.NotFound();
                Set(renewed with { DeadlineMs = nowMs + renewed.TtlMs });
                return new CommandResult.Done(index);
            case SessionCommand.Destroy(var id):
                if (Get(id) is not { } destroyed) return new CommandResult.NotFound();
                End(destroyed, index, nowMs);
                return new CommandResult.Done(index);
            default:
                throw new UnreachableException();
        }
    }

    FrozenSection IStateSection.Freeze()
    {
        var (sessions, delays) = (_sessions.Freeze(), _delays.Freeze());
        return FrozenSection.Of<object>(this, sessions.Count + delays.Count, sessions.Items.Concat<object>(delays.Items), static (to, item) =>
        {
            to.Byte(item is LockSession ? SessionRecord : DelayRecord);
            if (item is LockSession session) session.Write(to);
            else ((LockDelay)item).Write(to);
        });
    }

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        switch (from.Byte())
        {
            case SessionRecord:
                var session = LockSession.Read(ref from);
                if (Get(session.Id) is not null) throw from.Malformed($"session {session.Id} is there twice");
                Set(session);
                break;
            case DelayRecord:
                var delay = LockDelay.Read(ref from);
                if (DelayedUntil(delay.Key) is not null) throw from.Malformed($"the lock-delay of {delay.Key} is there twice");
                Set(delay);
                break;
            case var kind:
                throw from.Malformed($"a record of kind {kind} among the locks");
        }
    }

    private CommandResult Create(SessionCommand.Create create, long index, long nowMs)
    {
        if (Get(create.Id) is { } there)
        {
            var isSame = (there.Name, there.Node, there.TtlMs, there.Behaviour, there.LockDelayMs) == (create.Name, create.Node, create.TtlMs, create.Behaviour, create.LockDelayMs);
            return isSame ? new CommandResult.Done(there.CreateIndex) : new CommandResult.CasConflict(there.CreateIndex);
        }

        Set(new LockSession(create.Id, create.Name, create.Node, create.TtlMs, create.Behaviour, create.LockDelayMs, index, nowMs + create.TtlMs));
        return new CommandResult.Done(index);
    }

    private void Set(LockSession session)
    {
        if (Get(session.Id)?.DeadlineMs is { } was) _ending.Remove((was, session.Id));
        if (session.DeadlineMs is { } ends) _ending.Add((ends, session.Id));
        _sessions.Set(session);
    }

    private void Set(LockDelay delay)
    {
        if (DelayedUntil(delay.Key) is { } was) _delaysEnding.Remove((was, delay.Key));
        _delaysEnding.Add((delay.UntilMs, delay.Key));
        _delays.Set(delay);
    }

    /// <summary>The session is over: what it held is free or gone, and for the lock-delay nobody else gets it, since who held it may not know yet.</summary>
    private void End(LockSession session, long index, long nowMs)
    {
        foreach (var key in kv.HeldBy(session.Id))
        {
            if (session.Behaviour == SessionBehaviour.Delete) kv.Remove(key);
            else kv.Set(kv.Get(key)! with { Session = null, ModifyIndex = index });
            if (session.LockDelayMs > 0) Set(new LockDelay(key, nowMs + session.LockDelayMs));
        }

        if (session.DeadlineMs is { } deadline) _ending.Remove((deadline, session.Id));
        _sessions.Remove(session.Id);
    }

    /// <summary>Nobody gets this key's lock before the group's time is so late.</summary>
    private sealed record LockDelay(string Key, long UntilMs)
    {
        public void Write(WireWriter to)
        {
            to.Text(Key);
            to.Number(UntilMs);
        }

        public static LockDelay Read(ref WireReader from) => new(from.Text(), from.Number());
    }
}
