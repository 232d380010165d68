using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Writes that are in this leader's log and wait for their commit. A write is answered only by the entry that is its own:
/// the same index with the same term. If another entry takes that place, or leadership is lost, the outcome is unknown, never
/// "failed": the entry may still be committed by the next leader. Lives on the loop.</summary>
internal sealed class Proposals
{
    private readonly SortedDictionary<LogIndex, (Term Term, Question Question)> _waiting = [];

    public void Wait(EntryId id, Question question)
    {
        if (_waiting.Remove(id.Index, out var displaced)) displaced.Question.Answer(new ApiReply.Unknown("another entry took its place in the log"));
        _waiting.Add(id.Index, (id.Term, question));
    }

    /// <summary>An entry was applied here; null when it was no command.</summary>
    public void Applied(EntryId id, CommandResult? result)
    {
        if (!_waiting.Remove(id.Index, out var waiting)) return;
        if (waiting.Term == id.Term && result is not null) waiting.Question.Answer(result, id.Index.Value);
        else waiting.Question.Answer(new ApiReply.Unknown("another leader's entry took its place in the log"));
    }

    /// <summary>This node leads in this term, or (null) not at all: what it proposed as leader of an earlier term is out of its hands.</summary>
    public void LeadsOnly(Term? term)
    {
        if (_waiting.Count == 0) return;
        foreach (var (index, (proposed, question)) in _waiting.ToArray())
        {
            if (proposed == term) continue;
            _waiting.Remove(index);
            question.Answer(new ApiReply.Unknown("this node stopped leading while the write was under way"));
        }
    }
}
