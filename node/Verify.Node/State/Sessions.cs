using System.Diagnostics;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.State;

/// <summary>Which write of each client session was applied last, and with what result, so that a write that is sent again is
/// applied once (Raft thesis §6.3). A session's writes are numbered upwards and sent one after the other. When there are too
/// many sessions, the one that wrote longest ago (by log index, so on all nodes the same) is forgotten, if it is old enough
/// (<see cref="SessionAges"/>); otherwise a new session is refused.</summary>
/// <param name="formerMax">How many were remembered before the group agreed on terms; then the oldest was forgotten, however new it was.</param>
public sealed class Sessions(int formerMax = Sessions.FormerMax) : IStateSection
{
    /// <summary>What every release had as its limit before there were terms. It decides what is applied, so it is no setting.</summary>
    public const int FormerMax = 10_000;

    private readonly VersionedTree<string, Session> _byName = new(static session => session.Name, StringComparer.Ordinal);

    /// <summary>The same sessions by the index of their last write; built again from the records, not kept in them.</summary>
    private readonly SortedDictionary<long, string> _byLastIndex = [];

    /// <summary>Results that records of version 1 cannot hold.</summary>
    private int _beyondVersion1;

    public int Count => _byName.Count;

    /// <summary>Which of them may be forgotten.</summary>
    public SessionAges Ages { get; } = new();

    SectionKind IStateSection.Kind => SectionKind.Sessions;

    /// <summary>While no result needs more, records are written as the releases before this one read them.</summary>
    byte IStateSection.Version => _beyondVersion1 == 0 ? (byte)1 : (byte)2;
    byte IStateSection.VersionMax => 2;

    /// <summary>What was answered before, when this write must not be applied (again); null when it must.</summary>
    internal CommandResult? AnsweredBefore(RequestId id)
    {
        var answered = _byName.TryGet(id.Session, out var session) && id.Sequence <= session.Sequence
            ? id.Sequence == session.Sequence
                ? session.Result
                : new CommandResult.Rejected($"session {id.Session} has gone on to write {session.Sequence}; the outcome of {id.Sequence} is not kept")
            : null;
#if VERIFY_MUTANTS
        if (Mutant.Is("M23", deviates: answered is not null)) answered = null;
#endif
        return answered;
    }

    internal void Remember(RequestId id, CommandResult result, long index)
    {
        if (_byName.TryGet(id.Session, out var session))
        {
            _byLastIndex.Remove(session.Index);
            Tally(session.Result, -1);
        }

        _byName.Set(new(id.Session, id.Sequence, result, index));
        Tally(result, 1);
        _byLastIndex.Add(index, id.Session);
        Ages.Wrote(index);
        if (Ages.Terms is null && _byName.Count > formerMax) Forget(_byLastIndex.First());
    }

    /// <summary>Makes room for a session's write. Not null: there is none, because every session that is remembered may still have to answer
    /// for a write that is sent again; nothing is applied.</summary>
    internal CommandResult.Busy? MakeRoom(string session, long nowMs)
    {
        if (Ages.Terms is not { } terms || _byName.TryGet(session, out _)) return null;
        while (_byName.Count >= terms.CountMax)
        {
            var oldest = _byLastIndex.First();
            if (oldest.Key > Ages.ForgettableUpTo)
                return new($"{_byName.Count} sessions have written within the last {terms.KeptMs / 1_000} s, and no more are remembered; use sessions again, or fewer of them", Ages.WaitMs(nowMs));
            Forget(oldest);
        }

        return null;
    }

    /// <summary>From this entry on nobody is forgotten early. Where the table was full by the former rule, the sessions in it had been promised
    /// nothing, and make room at once: an upgrade refuses nobody.</summary>
    internal CommandResult Keep(SessionTerms terms, long index)
    {
        Ages.Begin(terms, Ages.Terms is null && _byName.Count >= formerMax ? index : 0);
        return new CommandResult.Done(index);
    }

    private void Forget(KeyValuePair<long, string> oldest)
    {
        var (index, name) = oldest;
        _byLastIndex.Remove(index);
        if (_byName.TryGet(name, out var forgotten)) Tally(forgotten.Result, -1);
        _byName.Remove(name);
    }

    private void Tally(CommandResult result, int change) => _beyondVersion1 += result is CommandResult.Kv ? change : 0;

    FrozenSection IStateSection.Freeze()
    {
        var image = _byName.Freeze();
        return FrozenSection.Of(this, image.Count, image.Items, static (to, session) =>
        {
            to.Text(session.Name);
            to.Number(session.Sequence);
            to.Number(session.Index);
            WriteResult(to, session.Result);
        });
    }

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        var (name, sequence, index) = (from.Text(), from.Number(), from.Number());
        if (!_byLastIndex.TryAdd(index, name) || _byName.TryGet(name, out _)) throw from.Malformed($"session {name} or its entry {index} is there twice");
        var result = ReadResult(ref from);
        _byName.Set(new(name, sequence, result, index));
        Tally(result, 1);
        Ages.Wrote(index);
    }

    private static void WriteResult(WireWriter to, CommandResult result)
    {
        switch (result)
        {
            case CommandResult.Done(var index):
                to.Byte(1);
                to.Number(index);
                break;
            case CommandResult.CasConflict(var index):
                to.Byte(2);
                to.Number(index);
                break;
            case CommandResult.NotFound:
                to.Byte(3);
                break;
            case CommandResult.Rejected(var why):
                to.Byte(4);
                to.Text(why);
                break;
            case CommandResult.Kv(var outcome):
                to.Byte(5);
                Kv.KvOpCodec.WriteOutcome(to, outcome);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static CommandResult ReadResult(ref WireReader from) => from.Byte() switch
    {
        1 => new CommandResult.Done(from.Number()),
        2 => new CommandResult.CasConflict(from.Number()),
        3 => new CommandResult.NotFound(),
        4 => new CommandResult.Rejected(from.Text()),
        5 => new CommandResult.Kv(Kv.KvOpCodec.ReadOutcome(ref from)),
        var kind => throw from.Malformed($"a result of kind {kind}"),
    };

    private sealed record Session(string Name, long Sequence, CommandResult Result, long Index);
}
