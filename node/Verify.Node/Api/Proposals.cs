using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Who waits for an entry: a question, or a part of this node.</summary>
internal readonly record struct Proposer(Question? Question, Action<CommandResult>? Part)
{
    public static implicit operator Proposer(Question question) => new(question, null);

    public void Tell(CommandResult result, long applied)
    {
        Question?.Answer(result, applied);
        Part?.Invoke(result);
    }

    public void TellUnknown(string why)
    {
        Question?.Answer(new ApiReply.Unknown(why));
        Part?.Invoke(new CommandResult.Unknown(why));
    }
}

/// <summary>Writes that this node put into its log as leader and that wait for their commit. A write is answered only by the entry that
/// is its own: the same index with the same term. A node that stops leading goes on waiting for a moment: its successor may commit
/// what is in both logs (after a planned transfer it does), and this node sees that as it applies. After that the outcome is unknown,
/// never "failed". Lives on the loop.</summary>
internal sealed class Proposals(TimeSpan graceAfterLoss)
{
    private readonly SortedDictionary<LogIndex, Waiting> _waiting = [];
    private Term? _leads;
    private TimeSpan? _lostAt;

    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>Keys and values that wait.</summary>
    public long Bytes { get; private set; }

    public void Wait(EntryId id, Proposer proposer, int bytes, TimeSpan now)
    {
        if (_waiting.TryGetValue(id.Index, out var displaced)) Give(id.Index, displaced).TellUnknown("another entry took its place in the log");
        _waiting.Add(id.Index, new(id.Term, proposer, bytes, now));
        Bytes += bytes;
    }

    /// <summary>An entry was applied here; null when it was no command. Tells how long it took from its proposal to its commit, when it was proposed here.</summary>
    public TimeSpan? Applied(EntryId id, CommandResult? result, TimeSpan committedAt)
    {
        if (!_waiting.TryGetValue(id.Index, out var waiting)) return null;
        var proposer = Give(id.Index, waiting);
        var isOwn = waiting.Term == id.Term;
#if VERIFY_MUTANTS
        if (Mutant.Is("M20", deviates: !isOwn)) isOwn = true;
#endif
        if (isOwn && result is not null)
        {
            proposer.Tell(result, id.Index.Value);
            return committedAt - waiting.Since;
        }

        proposer.TellUnknown("another leader's entry took its place in the log");
        return null;
    }

    /// <summary>The state took a snapshot's place: what lies before it was or was not applied, nobody here saw which.</summary>
    public void SkippedTo(LogIndex index)
    {
        foreach (var (at, waiting) in _waiting.TakeWhile(w => w.Key <= index).ToArray())
            Give(at, waiting).TellUnknown("this node has taken a snapshot from the leader meanwhile");
    }

    /// <summary>This node leads in this term, or (null) not at all.</summary>
    public void Leads(Term? term, TimeSpan now)
    {
        if (term == _leads) return;
        _leads = term;
        _lostAt = _waiting.Count > 0 ? now : null;
    }

    /// <summary>What was proposed as leader of an earlier term, and was not seen committed since, is out of this node's hands.</summary>
    public void Tick(TimeSpan now)
    {
        if (_lostAt is not { } lost || now - lost < graceAfterLoss) return;
        _lostAt = null;
        foreach (var (at, waiting) in _waiting.Where(w => w.Value.Term != _leads).ToArray())
            Give(at, waiting).TellUnknown("this node stopped leading while the write was under way");
    }

    private Proposer Give(LogIndex at, Waiting waiting)
    {
        _waiting.Remove(at);
        Bytes -= waiting.Bytes;
        return waiting.Proposer;
    }

    private readonly record struct Waiting(Term Term, Proposer Proposer, int Bytes, TimeSpan Since);
}
