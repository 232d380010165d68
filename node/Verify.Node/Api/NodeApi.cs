using System.Diagnostics;
using Verify.Node.Api.Catalogue;
using Verify.Node.Autopilot;
using Verify.Node.Peers;
using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Answers every question: from what this node has applied, as leader through the log or a read round, or by asking the
/// leader. Each question gets one answer, at the latest when its time is up. Lives on the loop.</summary>
internal sealed class NodeApi
{
    private static readonly TimeSpan FiguresInterval = TimeSpan.FromMilliseconds(100);
    private readonly ApiParts _parts;
    private readonly LeaderForwarding _forwarding;
    private readonly Writes _writes;
    private readonly LeaderClock _clock;
    private readonly SessionKeeping _sessions;
    private readonly Watches _watches;
    private readonly Reads _reads;
    private readonly CatalogueDesk _catalogue;
    private readonly OwnerWatch _owners;
    private readonly MembershipPilot _pilot;
    private readonly MembershipRequests _members;
    private readonly FleetRequests _fleet;
    private readonly HeldWrites _held;
    private readonly RecoveryRequests _recoveries;
    private readonly ThrottleRequests _throttle;

    /// <summary>All have the same time, so they come in the order of their deadlines.</summary>
    private readonly Queue<Question> _deadlines = new();
    private int _open;
    private TimeSpan? _leaderHeard;
    private TimeSpan _figuresDue;

    /// <summary>When this node last knew a leader.</summary>
    private TimeSpan? _leaderKnown;

    public NodeApi(ApiParts parts)
    {
        _parts = parts;
        _forwarding = new(parts.Mesh) { TakeBack = question => TryHold(question) };
        _held = new(parts.RetryAfter, parts.Config.Limits);
        _writes = new(parts);
        _clock = new(parts, _writes);
        _sessions = new(parts, _writes);
        _catalogue = new(parts, _clock, Enter);
        _owners = new(parts, _clock, _writes);
        _reads = new(parts, _forwarding, _deadlines.Enqueue, _catalogue);
        _watches = new(parts);
        _pilot = new(parts, _writes);
        _members = new(parts, _writes, _pilot);
        _fleet = new(parts, _writes, _clock);
        _recoveries = new(parts, _writes, () => GroupTime);
        _throttle = new(parts, _clock, Enter);
    }

    /// <summary>The group's time as the leader counts it; elsewhere as it was told last.</summary>
    public State.Time.TimeStamp GroupTime => _parts.LeadsSettled ? _clock.Now : new(_parts.State.Time.NowMs, _parts.State.Time.WallMs);

    private LogIndex Applied => _parts.State.Applied.Index;

    public void Ask(Question question)
    {
        question.WhenAnswered = Count;
        var isPeersRead = question.Request is LeaderRequest.ReadIndex; // Each peer has a few at the most, for many reads of its own.
        if (!isPeersRead) _open++;
        if (!isPeersRead && _open > _parts.Config.Limits.PendingRequestsMax)
        {
            question.Answer(new ApiReply.Overloaded($"{_parts.Config.Limits.PendingRequestsMax} requests wait already", _parts.RetryAfter));
            return;
        }

        _deadlines.Enqueue(question);
        Route(question);
    }

    private void Route(Question question)
    {
        switch (question.Request)
        {
            case LeaderRequest.Ha(var command):
                if (_parts.Raft.Role == RaftRole.Leader) Enter(new Command.Ha(command.StampOf is null ? command : command.With(GroupTime)), question);
                else Forward(question);
                break;
            case LeaderRequest.Own(var command):
                if (_parts.Raft.Role == RaftRole.Leader) Enter(command, question);
                else Forward(question);
                break;
            case LeaderRequest.ReadIndex(var underLease):
                if (_parts.Raft.Role == RaftRole.Leader) _reads.Lead(question, underLease);
                else question.Answer(new ApiReply.NoLeader(_parts.RetryAfter));
                break;
            case LeaderRequest.Client(var request):
                if (RequestLimits.Objection(request, _parts.Config.Limits) is { } objection) question.Answer(new ApiReply.Refused(objection));
                else if (Reads.ConsistencyOf(request) is { } consistency) _reads.Ask(question, consistency);
                else if (!request.IsForLeader) AnswerHere(request, question);
                else if (_parts.Raft.Role == RaftRole.Leader) Lead(request, question);
                else Forward(question);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>A peer asks this node as leader.</summary>
    public void PeerAsks(NodeId peer, PeerFrame.Request request) => Ask(new(
        request.Body, wasForwarded: true, _parts.Pulse.Now + _parts.Config.Timing.RequestTimeout,
        reply => _parts.Mesh.Tell(peer, new PeerFrame.Reply(request.Id, reply))));

    public void PeerReplies(NodeId peer, PeerFrame.Reply reply) => _forwarding.Replied(peer, reply.Id, reply.Body);

    public void LinkLost(NodeId peer) => _forwarding.LinkLost(peer);

    /// <summary>A Raft message came from this peer and was taken.</summary>
    public void Heard(NodeId peer)
    {
        if (_parts.Raft.Leader == peer) _leaderHeard = _parts.Pulse.Now;
    }

    /// <summary>Entries are known to be committed, and are applied next.</summary>
    public void Committed() => _writes.Committed();

    /// <summary>An entry was applied here; the result is null when it was no command.</summary>
    public void EntryApplied(EntryId id, CommandResult? result)
    {
        _writes.Applied(id, result);
        _reads.AppliedUpTo(id.Index);
        _catalogue.Look();
        _watches.Look();
        if (result is null) _members.Look();
    }

    /// <summary>The state was taken from a snapshot that reaches up to this entry.</summary>
    public void StateRestored(EntryId last)
    {
        _writes.SkippedTo(last.Index);
        _reads.AppliedUpTo(last.Index);
        _catalogue.Look();
        _watches.Look();
        _members.Look();
    }

    public void ReadGranted(ReadGrant grant) => _reads.Granted(grant);
    public void ReadRefused(ReadTicket ticket) => _reads.Refused(ticket);

    public void RaftChanged(RaftStatus status)
    {
        _writes.RaftChanged(status);
        _pilot.RaftChanged(status);
        _members.RaftChanged(status);
        AskHeldAgain();
    }

    public void Tick(TimeSpan now)
    {
        while (_deadlines.TryPeek(out var question) && (!question.IsOpen || question.Deadline <= now))
        {
            _deadlines.Dequeue();
            question.Answer(new ApiReply.Unknown("no answer came within the time for a request"));
        }

        _forwarding.Tidy();
        _writes.Tick(now);
        _clock.Tick(now);
        _sessions.Tick();
        _catalogue.Tick(now);
        _owners.Tick(now);
        _watches.Tick(now);
        _reads.Tick(now);
        _pilot.Tick(now);
        _members.Look();
        if (_parts.Raft.Leader is not null) _leaderKnown = now;
        AskHeldAgain();
        if (now < _figuresDue) return;
        _figuresDue = now + FiguresInterval;
        var figures = _parts.LogFigures();
        _parts.Metrics.Log(figures.Entries, figures.Bytes);
        _parts.Metrics.LastContact(LastContact(now));
    }

    /// <summary>The node stops: what is open stays open for ever.</summary>
    public void Close()
    {
        foreach (var held in _held.TakeAll()) held.Answer(new ApiReply.NoLeader(_parts.RetryAfter));
        while (_deadlines.TryDequeue(out var question)) question.Answer(new ApiReply.Unknown("the node stopped"));
    }

    private void AnswerHere(ApiRequest request, Question question)
    {
        if (_catalogue.Waits(request, question)) return;
        if (Access.AccessDesk.Answers(request))
        {
            question.Answer(Access.AccessDesk.Answer(request, _parts.State.Access, Applied.Value));
            return;
        }

        if (request is ApiRequest.KvWatch watch) _watches.Ask(question, watch);
        else if (request is not ApiRequest.TakeSnapshot) question.Answer(Here(request));
        else if (_parts.TakeSnapshot is { } take) take(question.Answer);
        else question.Answer(new ApiReply.Refused("this node makes no snapshots"));
    }

    private ApiReply Here(ApiRequest request)
    {
        switch (request)
        {
            case ApiRequest.RaftStatus:
                var raft = _parts.Raft.Status;
#if VERIFY_MUTANTS
                if (Mutant.Is("M58", deviates: !raft.IsInQuorum)) raft = raft with { IsInQuorum = true };
#endif
                return new ApiReply.Raft(new(raft, _parts.Raft.Membership.All, _parts.IsDiskFull()));
            case ApiRequest.ClusterStatus:
                return new ApiReply.Cluster(View());
            case ApiRequest.Clusters:
                return new ApiReply.ClusterList(_parts.Ha.Clusters());
            case ApiRequest.Cluster(var alias):
                var named = _parts.Ha.Clusters().Where(c => string.Equals(c.Alias, alias, StringComparison.Ordinal)).ToArray();
                return named.Length == 0 ? new ApiReply.NotFound(Applied.Value) : new ApiReply.ClusterList(named);
            case ApiRequest.ReadPolicy:
                return _recoveries.Policy();
            case ApiRequest.ThrottleViewHere:
                return _throttle.Here();
            case ApiRequest.ThrottleLeader:
                return _throttle.Leadership();
            case ApiRequest.Fleet:
                return new ApiReply.Fleet(new(_parts.State.Fleet.Copy(), _parts.Ha.Clusters()));
            case ApiRequest.Recoveries:
                return new ApiReply.RecoveryList(_parts.Ha.Recoveries());
            default:
                throw new UnreachableException();
        }
    }

    private ClusterView View()
    {
        var raft = _parts.Raft.Status;
        var membership = _parts.Raft.Membership;
        var figures = _parts.LogFigures();
        return new(raft)
        {
            LeaderContact = raft.Leader is { } leader ? membership.ContactOf(leader) : Contact.Unknown,
            LastContact = LastContact(_parts.Pulse.Now),
            DiskFull = _parts.IsDiskFull(),
            LogEntries = figures.Entries,
            LogBytes = figures.Bytes,
            Snapshot = raft.Snapshot,
            SnapshotBytes = figures.SnapshotBytes,
            Reachable = _parts.Reachable(),
            PendingRequests = _open,
            KvPairs = _parts.State.Kv.Count,
            WireVersion = Math.Min(PeerCodec.VersionMax, _parts.Config.WireVersionMax),
            Autopilot = _pilot.Picture(),
        };
    }

    private TimeSpan? LastContact(TimeSpan now) => _parts.Raft.Role == RaftRole.Leader ? TimeSpan.Zero : now - _leaderHeard;

    private void Lead(ApiRequest request, Question question)
    {
        if (!_parts.LeadsSettled && IsTimed(request))
        {
            if (!TryHold(question)) question.Answer(new ApiReply.NoLeader(_parts.RetryAfter));
            return;
        }

        if (_catalogue.Leads(request, question)) return;
        if (request is ApiRequest.ChangeAccess access)
        {
            if (Access.AccessDesk.Limit(access, _parts.State.Access) is { } full) question.Answer(full);
            else Enter(new Command.Access(access.Command), question);
            return;
        }

        switch (request)
        {
            case ApiRequest.KvPut put:
                Enter(new Command.KvPut(put.Key, put.Value, put.Flags, put.ExpectedIndex, put.Id), question);
                break;
            case ApiRequest.KvDelete delete:
                Enter(new Command.KvDelete(delete.Key, delete.ExpectedIndex, delete.Id), question);
                break;
            case ApiRequest.ImportKv import:
                Enter(new Command.KvBatch([.. import.Writes], import.Id), question);
                break;
            case var recovery when RecoveryRequests.Takes(recovery):
                _recoveries.Lead(recovery, question);
                break;
            case ApiRequest.KvDo or ApiRequest.SessionDo:
                Enter(KvLimits.CommandOf(request, _clock.Now)!, question);
                break;
            case var _ when ThrottleRequests.Takes(request):
                _throttle.Lead(request, question);
                break;
            case ApiRequest.ReplicationAnalysis:
                question.Answer(new ApiReply.Analysis(_parts.Ha.Analysis()));
                break;
            case ApiRequest.FleetChange(var change):
                _fleet.Change(change, question);
                break;
            case ApiRequest.TopologyAnalysis:
                question.Answer(new ApiReply.Topology(_parts.Ha.TopologyAnalysis()));
                break;
            case ApiRequest.ClusterHealth:
                question.Answer(new ApiReply.Health(_pilot.Health()));
                break;
            case ApiRequest.ClusterJoin or ApiRequest.ClusterLeave or ApiRequest.CreateJoinToken or ApiRequest.TransferLeadership:
                _members.Ask(request, question);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>It needs the group's time, which a new leader knows when it has applied an entry of its own term.</summary>
    private static bool IsTimed(ApiRequest request) => CatalogueApiCodec.Knows(request);

    private void Enter(Command command, Question question)
    {
        if (_parts.Raft.IsHandingOver && !_parts.IsDiskFull() && TryHold(question)) return;
        switch (_writes.Enter(command, question))
        {
            case null:
                break;
            case ApiReply.NoLeader:
                Forward(question);
                break;
            case var refusal:
                question.Answer(refusal);
                break;
        }
    }

    private void Forward(Question question)
    {
        var leader = _parts.Raft.Leader;
        if (!question.WasForwarded && leader is { } other && ObjectionOf(other, question) is { } objection)
        {
            question.Answer(new ApiReply.Refused(objection));
            return;
        }

        if (question.WasForwarded || leader is null || leader == _parts.Config.Self || !_forwarding.TrySend(leader.Value, question))
        {
            if (question.WasForwarded || !TryHold(question)) question.Answer(new ApiReply.NoLeader(_parts.RetryAfter));
        }
    }

    /// <summary>Why this leader cannot be asked: it runs an older program, which does not know such a request.</summary>
    private string? ObjectionOf(NodeId leader, Question question)
    {
        var spoken = _parts.Mesh.VersionOf(leader);
        if (spoken == 0 || spoken >= PeerCodec.VersionMax || ApiCodec.VersionOf(question.Request!) <= spoken) return null;
        return $"the leader {leader} speaks only version {spoken} of the protocol between nodes and does not know this request; upgrade it, or hand leadership to a node that is upgraded";
    }

    /// <summary>Leadership changes hands at this moment: the write waits for the next leader, if there is one soon.</summary>
    private bool TryHold(Question question)
    {
        var now = _parts.Pulse.Now;
        return now - _leaderKnown < _parts.RetryAfter && _held.TryHold(question, now);
    }

    /// <summary>Held writes try again; what finds no way is held again or answered.</summary>
    private void AskHeldAgain()
    {
        foreach (var question in _held.TakeAll())
        {
            if (question.IsOpen) Route(question);
        }
    }

    private void Count(LeaderRequest request, LeaderReply reply)
    {
        if (request is not LeaderRequest.ReadIndex) _open--;
        var kind = request is LeaderRequest.Client(var asked) ? asked.GetType().Name : request.GetType().Name;
        var outcome = reply switch
        {
            LeaderReply.Client(var answer) => answer.GetType().Name,
            LeaderReply.Ha(var result) => result.GetType().Name,
            LeaderReply.ReadIndex => "Done",
            _ => throw new UnreachableException(),
        };
        _parts.Metrics.Answered(kind, outcome);
    }
}
