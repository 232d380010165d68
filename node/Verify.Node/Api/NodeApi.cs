using System.Diagnostics;
using Verify.Node.Loop;
using Verify.Node.Peers;
using Verify.Node.State;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>What <see cref="NodeApi"/> answers from and acts on.</summary>
internal sealed record ApiParts(
    NodeConfig Config, RaftCore Raft, ReplicatedState State, PeerMesh Mesh, IHaPart Ha, NodeMetrics Metrics, Pulse Pulse)
{
    public required Func<bool> IsDiskFull { get; init; }
}

/// <summary>Answers every question: from what this node has applied, as leader through the log or a read round, or by asking the
/// leader. Each question gets one answer, at the latest when its time is up. Lives on the loop.</summary>
internal sealed class NodeApi(ApiParts parts)
{
    private readonly Proposals _proposals = new();
    private readonly PendingReads _reads = new(parts.Raft);
    private readonly LeaderForwarding _forwarding = new(parts.Mesh);

    /// <summary>All have the same time, so they come in the order of their deadlines.</summary>
    private readonly Queue<Question> _deadlines = new();
    private int _open;

    /// <summary>When a client may try again: a new leader is there after an election, at the latest after two.</summary>
    private TimeSpan RetryAfter => parts.Config.Timing.Tick * parts.Config.Timing.ElectionTicks;

    private LogIndex Applied => parts.State.Applied.Index;

    public void Ask(Question question)
    {
        question.WhenAnswered = Count;
        _open++;
        if (_open > parts.Config.Limits.PendingRequestsMax)
        {
            question.Answer(new ApiReply.Overloaded($"{parts.Config.Limits.PendingRequestsMax} requests wait already", RetryAfter));
            return;
        }

        _deadlines.Enqueue(question);
        switch (question.Request)
        {
            case LeaderRequest.Ha(var command):
                if (parts.Raft.Role == RaftRole.Leader) Propose(new Command.Ha(command), question);
                else Forward(question);
                break;
            case LeaderRequest.Client(var request):
                if (RequestLimits.Objection(request, parts.Config.Limits) is { } objection) question.Answer(new ApiReply.Refused(objection));
                else if (!request.IsForLeader) question.Answer(Here(request));
                else if (parts.Raft.Role == RaftRole.Leader) Lead(request, question);
                else Forward(question);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>A peer asks this node as leader.</summary>
    public void PeerAsks(NodeId peer, PeerFrame.Request request) => Ask(new(
        request.Body, wasForwarded: true, parts.Pulse.Now + parts.Config.Timing.RequestTimeout,
        reply => parts.Mesh.Tell(peer, new PeerFrame.Reply(request.Id, reply))));

    public void PeerReplies(NodeId peer, PeerFrame.Reply reply) => _forwarding.Replied(peer, reply.Id, reply.Body);

    public void LinkLost(NodeId peer) => _forwarding.LinkLost(peer);

    /// <summary>An entry was applied here; the result is null when it was no command.</summary>
    public void EntryApplied(EntryId id, CommandResult? result)
    {
        _proposals.Applied(id, result);
        while (_reads.TakeReady(id.Index) is { } ready) AnswerRead(ready);
    }

    public void ReadGranted(ReadGrant grant)
    {
        if (_reads.Granted(grant, Applied) is { } ready) AnswerRead(ready);
    }

    /// <summary>A read changes nothing, so "no leader here" is the whole truth.</summary>
    public void ReadRefused(ReadTicket ticket) => _reads.Refused(ticket)?.Answer(new ApiReply.NoLeader(RetryAfter));

    public void RaftChanged(RaftStatus status) => _proposals.LeadsOnly(status.Role == RaftRole.Leader ? status.Term : null);

    public void Tick(TimeSpan now)
    {
        while (_deadlines.TryPeek(out var question) && (!question.IsOpen || question.Deadline <= now))
        {
            _deadlines.Dequeue();
            question.Answer(new ApiReply.Unknown("no answer came within the time for a request"));
        }

        _forwarding.Tidy();
    }

    /// <summary>The node stops: what is open stays open for ever.</summary>
    public void Close()
    {
        while (_deadlines.TryDequeue(out var question)) question.Answer(new ApiReply.Unknown("the node stopped"));
    }

    private ApiReply Here(ApiRequest request)
    {
        switch (request)
        {
            case ApiRequest.KvGet get:
                return Read(get.Key);
            case ApiRequest.KvList list:
                return new ApiReply.Values(parts.State.Kv.List(list.Prefix), Applied.Value);
            case ApiRequest.RaftStatus:
                return new ApiReply.Raft(new(parts.Raft.Status, [.. parts.Config.Members.Select(m => m.Id)], parts.IsDiskFull()));
            case ApiRequest.Clusters:
                return new ApiReply.ClusterList(parts.Ha.Clusters());
            case ApiRequest.Cluster(var alias):
                var named = parts.Ha.Clusters().Where(c => string.Equals(c.Alias, alias, StringComparison.Ordinal)).ToArray();
                return named.Length == 0 ? new ApiReply.NotFound(Applied.Value) : new ApiReply.ClusterList(named);
            case ApiRequest.Recoveries:
                return new ApiReply.RecoveryList(parts.Ha.Recoveries());
            default:
                throw new UnreachableException();
        }
    }

    private void Lead(ApiRequest request, Question question)
    {
        switch (request)
        {
            case ApiRequest.KvPut put:
                Propose(new Command.KvPut(put.Key, put.Value, put.Flags, put.ExpectedIndex, put.Id), question);
                break;
            case ApiRequest.KvDelete delete:
                Propose(new Command.KvDelete(delete.Key, delete.ExpectedIndex, delete.Id), question);
                break;
            case ApiRequest.KvGet:
                _reads.Request(question);
                break;
            case ApiRequest.ReplicationAnalysis:
                question.Answer(new ApiReply.Analysis(parts.Ha.Analysis()));
                break;
            case ApiRequest.TransferLeadership({ } to):
                question.Answer(parts.Raft.TransferLeadership(to)
                    ? new ApiReply.Done(Applied.Value)
                    : new ApiReply.Refused($"leadership cannot be handed to {to}: it is no other member of this group"));
                break;
            default:
                throw new UnreachableException();
        }
    }

    private void Propose(Command command, Question question)
    {
        if (parts.IsDiskFull())
        {
            parts.Metrics.Proposed("disk full");
            question.Answer(new ApiReply.Refused($"disk full on {parts.Config.Self}"));
            return;
        }

        switch (parts.Raft.Propose(CommandCodec.Encode(command)))
        {
            case ProposeResult.Accepted(var id):
                parts.Metrics.Proposed("accepted");
                _proposals.Wait(id, question);
                break;
            case ProposeResult.NotLeader:
                parts.Metrics.Proposed("not leader");
                Forward(question);
                break;
            case ProposeResult.Refused(var reason):
                question.Answer(new ApiReply.Refused(reason));
                break;
            case ProposeResult.Overloaded(var reason):
                parts.Metrics.Proposed("overloaded");
                question.Answer(new ApiReply.Overloaded(reason, RetryAfter));
                break;
            default:
                throw new UnreachableException();
        }
    }

    private void Forward(Question question)
    {
        var leader = parts.Raft.Leader;
        if (question.WasForwarded || leader is null || leader == parts.Config.Self || !_forwarding.TrySend(leader.Value, question))
            question.Answer(new ApiReply.NoLeader(RetryAfter));
    }

    private void AnswerRead(Question question)
    {
        if (question.Request is LeaderRequest.Client(ApiRequest.KvGet(var key, _))) question.Answer(Read(key));
    }

    private ApiReply Read(string key) => parts.State.Kv.Get(key) is { } pair
        ? new ApiReply.Value(pair, Applied.Value)
        : new ApiReply.NotFound(Applied.Value);

    private void Count(LeaderRequest request, LeaderReply reply)
    {
        _open--;
        var kind = request is LeaderRequest.Client(var asked) ? asked.GetType().Name : "Ha";
        var outcome = reply switch
        {
            LeaderReply.Client(var answer) => answer.GetType().Name,
            LeaderReply.Ha(var result) => result.GetType().Name,
            _ => throw new UnreachableException(),
        };
        parts.Metrics.Answered(kind, outcome);
    }
}
