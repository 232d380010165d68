using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Linearizable reads on a node that does not lead: it asks the leader how new its state must be, and answers from its own.
/// A few such questions are under way at once; reads that come meanwhile share the next. Lives on the loop.</summary>
internal sealed class FollowerReads(ApiParts parts, LeaderForwarding forwarding, Action<Question> watchDeadline)
{
    private const int UnderWayMax = 8;
    private readonly List<Question> _nextRound = [];
    private readonly List<Question> _nextLease = [];
    private int _underWay;

    /// <summary>The leader named the index for these reads, which were asked at that moment of this node's clock or before.</summary>
    public required Action<IReadOnlyList<Question>, LogIndex, TimeSpan> Indexed { get; init; }

    /// <summary>When the leader was last asked.</summary>
    public TimeSpan LastAsked { get; private set; }

    public void Ask(Question question, bool underLease)
    {
        if (LeaderIsOld)
        {
            SendOn(question);
            return;
        }

        if (_underWay >= UnderWayMax) (underLease ? _nextLease : _nextRound).Add(question);
        else Send([question], underLease);
    }

    /// <summary>Only to learn how new the own state is.</summary>
    public void AskForFreshness()
    {
        if (_underWay == 0 && !LeaderIsOld) Send([], underLease: true);
    }

    /// <summary>The leader runs the release before this one, which knows no read index for others.</summary>
    private bool LeaderIsOld => parts.Raft.Leader is { } leader && parts.Mesh.VersionOf(leader) == 1;

    /// <summary>The whole read goes to the leader, as it did in that release.</summary>
    private void SendOn(Question question)
    {
        if (question.Request is LeaderRequest.Client(ApiRequest.KvGet(var key, _)) && parts.Raft.Leader is { } leader)
        {
            var whole = new Question(
                new LeaderRequest.Client(new ApiRequest.KvGet(key, ReadConsistency.Consistent)), wasForwarded: false, question.Deadline, question.Give);
            watchDeadline(whole);
            if (forwarding.TrySend(leader, whole)) return;
        }

        question.Answer(new ApiReply.NoLeader(parts.RetryAfter));
    }

    private void Send(Question[] reads, bool underLease)
    {
        var asked = LastAsked = parts.Pulse.Now;
        var question = new Question(new LeaderRequest.ReadIndex(underLease), wasForwarded: false, asked + parts.Config.Timing.RequestTimeout, reply =>
        {
            _underWay--;
            if (reply is LeaderReply.ReadIndex(var index)) Indexed(reads, index, asked);
            else Fail(reads, reply);
            SendNext();
        });
        if (parts.Raft.Leader is { } leader && leader != parts.Config.Self && forwarding.TrySend(leader, question))
        {
            _underWay++;
            watchDeadline(question);
            return;
        }

        foreach (var read in reads) read.Answer(new ApiReply.NoLeader(parts.RetryAfter));
    }

    private void SendNext()
    {
        foreach (var next in (ReadOnlySpan<List<Question>>)[_nextRound, _nextLease])
        {
            if (next.Count == 0 || _underWay >= UnderWayMax) continue;
            var reads = next.FindAll(static read => read.IsOpen).ToArray();
            next.Clear();
            if (reads.Length > 0) Send(reads, underLease: next == _nextLease);
        }
    }

    /// <summary>A read changes nothing: whatever went wrong, it may be asked again.</summary>
    private void Fail(Question[] reads, LeaderReply reply)
    {
        foreach (var read in reads)
            read.Answer(reply is LeaderReply.Client(ApiReply.Overloaded overloaded) ? overloaded : new ApiReply.NoLeader(parts.RetryAfter));
    }
}
