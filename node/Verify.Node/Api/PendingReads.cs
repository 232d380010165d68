using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Reads on their way: on the leader first a round to a quorum (ReadIndex, thesis §6.4), then, on any node, the wait for the
/// state to be as new as the index that was given. Lives on the loop.</summary>
internal sealed class PendingReads(ApiParts parts)
{
    private readonly SortedDictionary<long, (Question Question, TimeSpan Since)> _inRound = [];
    private readonly PriorityQueue<Question, (LogIndex Index, long Number)> _awaitingApply = new();
    private long _numbers;

    /// <summary>Begins a round (or joins one that has not left yet).</summary>
    public void AskQuorum(Question question)
    {
        var ticket = new ReadTicket(++_numbers);
        _inRound.Add(ticket.Value, (question, parts.Pulse.Now));
        parts.Raft.RequestRead(ticket);
    }

    /// <summary>The quorum has answered; null when nobody waits for that any more.</summary>
    public Question? Granted(ReadGrant grant)
    {
        if (!_inRound.Remove(grant.Ticket.Value, out var asked)) return null;
        parts.Metrics.QuorumRound(parts.Pulse.Now - asked.Since);
        return asked.Question.IsOpen ? asked.Question : null;
    }

    public Question? Refused(ReadTicket ticket) => _inRound.Remove(ticket.Value, out var asked) ? asked.Question : null;

    /// <summary>True when the state is new enough already; otherwise the question comes out of <see cref="TakeReady"/>.</summary>
    public bool IsReady(Question question, LogIndex index, LogIndex applied)
    {
        if (index <= applied) return true;
        _awaitingApply.Enqueue(question, (index, ++_numbers));
        return false;
    }

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
