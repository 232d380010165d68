using System.Diagnostics;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.State;

/// <summary>Which write of each client session was applied last, and with what result, so that a write that is sent again is
/// applied once (Raft thesis §6.3). A session's writes are numbered upwards and sent one after the other. When there are too
/// many sessions, the one that wrote longest ago (by log index, so on all nodes the same) is forgotten.</summary>
public sealed class Sessions(int sessionsMax)
{
    private readonly SortedDictionary<string, Session> _byName = new(StringComparer.Ordinal);
    private readonly SortedDictionary<long, string> _byLastIndex = [];

    public int Count => _byName.Count;

    /// <summary>What was answered before, when this write must not be applied (again); null when it must.</summary>
    internal CommandResult? AnsweredBefore(RequestId id)
    {
        var answered = _byName.TryGetValue(id.Session, out var session) && id.Sequence <= session.Sequence
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
        if (_byName.TryGetValue(id.Session, out var session)) _byLastIndex.Remove(session.Index);
        _byName[id.Session] = new(id.Sequence, result, index);
        _byLastIndex.Add(index, id.Session);
        if (_byName.Count <= sessionsMax) return;
        var (oldest, name) = _byLastIndex.First();
        _byLastIndex.Remove(oldest);
        _byName.Remove(name);
    }

    internal void WriteTo(WireWriter to)
    {
        to.Number(_byName.Count);
        foreach (var (name, session) in _byName)
        {
            to.Text(name);
            to.Number(session.Sequence);
            to.Number(session.Index);
            WriteResult(to, session.Result);
        }
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
            default:
                throw new UnreachableException();
        }
    }

    private sealed record Session(long Sequence, CommandResult Result, long Index);
}
