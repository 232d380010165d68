using System.Diagnostics;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.State;

/// <summary>Which write of each client session was applied last, and with what result, so that a write that is sent again is
/// applied once (Raft thesis §6.3). A session's writes are numbered upwards and sent one after the other. When there are too
/// many sessions, the one that wrote longest ago (by log index, so on all nodes the same) is forgotten.</summary>
public sealed class Sessions(int sessionsMax) : IStateSection
{
    private readonly VersionedTree<string, Session> _byName = new(static session => session.Name, StringComparer.Ordinal);

    /// <summary>The same sessions by the index of their last write; built again from the records, not kept in them.</summary>
    private readonly SortedDictionary<long, string> _byLastIndex = [];

    /// <summary>Results that records of version 1 cannot hold.</summary>
    private int _beyondVersion1;

    public int Count => _byName.Count;

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
        if (_byName.Count <= sessionsMax) return;
        var (oldest, name) = _byLastIndex.First();
        _byLastIndex.Remove(oldest);
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
