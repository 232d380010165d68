using Verify.Node.Peers;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Questions that this node passed on to the leader. One hop: the receiver answers or says that it does not lead. Lives on
/// the loop.</summary>
internal sealed class LeaderForwarding(PeerMesh mesh)
{
    private readonly SortedDictionary<long, (NodeId Leader, Question Question)> _sent = [];
    private long _numbers;

    /// <summary>The node that was asked does not lead, so nothing has happened. True: the question is taken care of otherwise.</summary>
    public Func<Question, bool> TakeBack { get; set; } = static _ => false;

    /// <summary>False: it was not sent, so nothing has happened.</summary>
    public bool TrySend(NodeId leader, Question question)
    {
        var number = ++_numbers;
        if (!mesh.Tell(leader, new PeerFrame.Request(number, question.Request!))) return false;
        _sent.Add(number, (leader, question));
        return true;
    }

    public void Replied(NodeId from, long number, LeaderReply reply)
    {
        if (!_sent.TryGetValue(number, out var sent) || sent.Leader != from) return;
        _sent.Remove(number);
        if (!sent.Question.Takes(reply)) return;
        if (reply is LeaderReply.Client(ApiReply.NoLeader) && sent.Question.IsOpen && TakeBack(sent.Question)) return;
        sent.Question.Give(reply);
    }

    public void LinkLost(NodeId peer)
    {
        foreach (var (number, sent) in _sent.ToArray())
        {
            if (sent.Leader != peer) continue;
            _sent.Remove(number);
            sent.Question.Answer(new ApiReply.Unknown($"the link to the leader {peer} broke before its answer came"));
        }
    }

    /// <summary>Forgets what was answered otherwise, by time-out.</summary>
    public void Tidy()
    {
        while (_sent.Count > 0 && _sent.First() is var oldest && !oldest.Value.Question.IsOpen) _sent.Remove(oldest.Key);
    }
}
