using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Linearizable reads on their way: first they wait for their quorum round, then for the state to be as new as the index
/// that the round gave them. Lives on the loop.</summary>
internal sealed class PendingReads(RaftCore raft)
{
    private readonly SortedDictionary<long, Question> _inRound = [];
    private readonly PriorityQueue<Question, (LogIndex Index, long Ticket)> _awaitingApply = new();
    private long _tickets;

    public void Request(Question question)
    {
        var ticket = new ReadTicket(++_tickets);
        _inRound.Add(ticket.Value, question);
        raft.RequestRead(ticket);
    }

    /// <summary>The read may be answered once the index is applied. Returns it when that is so already.</summary>
    public Question? Granted(ReadGrant grant, LogIndex applied)
    {
        if (!_inRound.Remove(grant.Ticket.Value, out var question) || !question.IsOpen) return null;
        if (grant.Index <= applied) return question;
        _awaitingApply.Enqueue(question, (grant.Index, grant.Ticket.Value));
        return null;
    }

    public Question? Refused(ReadTicket ticket) => _inRound.Remove(ticket.Value, out var question) ? question : null;

    /// <summary>The next read that the state is now new enough for.</summary>
    public Question? TakeReady(LogIndex applied)
    {
        while (_awaitingApply.TryPeek(out var question, out var need) && need.Index <= applied)
        {
            _awaitingApply.Dequeue();
            if (question.IsOpen) return question;
        }

        return null;
    }
}
