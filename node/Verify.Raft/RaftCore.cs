using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Verify.Raft;

/// <summary>The consensus rules and nothing else: no clock, no socket, no file, no task, no lock. The algorithm is Raft
/// (Ongaro and Ousterhout, USENIX ATC 2014, "the paper"; Ongaro's dissertation, Stanford 2014, "the thesis") with pre-vote,
/// quorum check, leader lease, linearizable reads by read index, leadership transfer, snapshots, and change of members.</summary>
/// <remarks>One owner feeds it inputs (<see cref="Tick"/>, <see cref="Receive"/>, <see cref="Propose"/>, …) and after each
/// takes the work that follows from them (<see cref="TryTakeWork"/>).</remarks>
public sealed partial class RaftCore
{
    private readonly RaftOptions _options;
    private readonly RaftLog _log;
    private readonly MembershipHistory _history;
    private readonly PendingWork _pending = new();
    private readonly Queue<ReadTicket> _readsBeforeBarrier = new();

    private Electorate _electorate;
    private long[] _reached;
    private SnapshotMark? _snapshot;
    private Term _term;
    private NodeId? _votedFor;
    private RoleState _role = new RoleState.Follower(leader: null);
    private long _tick;
    private long _timerTick;
    private int? _patience;
    private long _heardLeaderTick;
    private bool _hasLostLeader;

    // Whether a follower may say that it hears its leader although its disk is behind (RaftCore.SlowDisk.cs).
    private bool _isHardStateDurable = true;
    private long _diskAnsweredTick;

    /// <summary>Where a snapshot ends that took the log's place and is not on the disk yet; zero when there is none. Should the node crash before it
    /// is, a leader that had been told of it would take every later word of this node for an old one.</summary>
    private LogIndex _installing;
    private long _roundAnsweredEarly;

    /// <param name="log">Every durable entry, in order, from index 1.</param>
    /// <exception cref="ArgumentException">Options, hard state and log do not fit together.</exception>
    public RaftCore(RaftOptions options, HardState hardState, IReadOnlyList<Entry> log)
        : this(options, hardState, snapshot: null, log)
    {
    }

    /// <param name="snapshot">The newest durable snapshot; null when there is none.</param>
    /// <param name="log">Every durable entry, in order. It begins at or before the entry that follows the snapshot; entries that are in
    /// the snapshot may still be there.</param>
    /// <exception cref="ArgumentException">Options, hard state, snapshot and log do not fit together.</exception>
    public RaftCore(RaftOptions options, HardState hardState, SnapshotMark? snapshot, IReadOnlyList<Entry> log)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(log);
        options.Validate();
        StartState.Validate(hardState, snapshot, log);
        _options = options;
        _snapshot = snapshot;
        _log = new RaftLog(snapshot?.Last ?? EntryId.Zero, log);
        _history = StartState.Memberships(options, snapshot, log);
        _electorate = new Electorate(_history.Latest, Self);
        _reached = new long[_electorate.All.Length];
        (_term, _votedFor) = (hardState.Term, hardState.VotedFor);
        // A node that has been in the group before may have followed a leader right up to its restart, and that leader's
        // lease counts on its patience: it starts as if it had heard from one just now. A new node owes nothing.
        _heardLeaderTick = _term == Term.Zero ? -options.ElectionTicks : 0;
    }

    public NodeId Self => _options.Self;
    public Term Term => _term;

    /// <summary>Term and vote as they are now, durable or on their way to it.</summary>
    public HardState HardState => new(_term, _votedFor);
    public bool IsLeader => _role is RoleState.Leader;
    public LogIndex Commit => _log.Commit;
    public EntryId Last => _log.Last;

    /// <summary>The first entry that is still in the log; one more than the last when there is none.</summary>
    public LogIndex First => _log.First;

    /// <summary>An entry of this node's log, committed or not, from <see cref="First"/> on; for checks and pages.</summary>
    public Entry EntryAt(LogIndex index) => _log.At(index);

    public RaftRole Role => _role switch
    {
        RoleState.Follower => RaftRole.Follower,
        RoleState.PreCandidate => RaftRole.PreCandidate,
        RoleState.Candidate => RaftRole.Candidate,
        RoleState.Leader => RaftRole.Leader,
        _ => throw new UnreachableException(),
    };

    /// <summary>Who leads this node's term, as far as it knows.</summary>
    public NodeId? Leader => _role switch
    {
        RoleState.Leader => Self,
        RoleState.Follower follower => follower.Following,
        _ => null,
    };

    /// <inheritdoc cref="RaftStatus" path="/summary"/>
    public RaftStatus Status => StatusWith(DescribePeers([]));

    /// <summary>The same as <see cref="Status"/>; the one before when nothing in it has changed.</summary>
    public RaftStatus StatusSince(RaftStatus before)
    {
        ArgumentNullException.ThrowIfNull(before);
        var peers = AreAsTold(before.Peers) ? before.Peers : DescribePeers(before.Peers);
        var isSame = peers == before.Peers && before.Role == Role && before.Term == _term && before.HasLease == HasLease && before.IsInQuorum == IsInQuorum
            && before.Last == _log.Last && before.Durable == _log.Durable && before.Commit == _log.Commit && before.Applied == _log.Applied
            && before.Leader == Leader && before.VotedFor == _votedFor && before.First == _log.First && before.Snapshot == NewestSnapshot
            && before.MembershipIndex == _history.LatestIndex && ReferenceEquals(before.Membership, Membership);
        return isSame ? before : StatusWith(peers);
    }

    /// <summary>One beat of the node's own monotonic time.</summary>
    public void Tick()
    {
        _tick++;
        if (_log.Durable == _log.Last.Index) _diskAnsweredTick = _tick;
        if (_role is RoleState.Leader leader) TickLeader(leader);
        else TickElection();
    }

    /// <summary>A peer spoke. Messages of the past, or without sense, are dropped. Who speaks need not be a member as far as this node
    /// knows: its own log may be behind (thesis §4.1). That it is who it says is the link's business.</summary>
    public void Receive(in Envelope envelope)
    {
        if (envelope.From == Self || envelope.To != Self) return;
#if VERIFY_MUTANTS
        if (FaultPoint.Fires("a message is dropped", perMille: 30)) return;
#endif

        // A request for a vote has rules of its own for terms: it must not disturb a group that is well led.
        if (envelope.Body is Message.VoteRequest request)
        {
            ReceiveVoteRequest(envelope, request);
            return;
        }
        if (envelope.Term < _term)
        {
            ReceiveFromThePast(envelope);
            return;
        }
        // A granted pre-vote carries the term that was asked about, which nobody is in yet.
        if (envelope.Term > _term && envelope.Body is not Message.VoteReply { IsPreVote: true, Granted: true })
        {
            // Only a leader, or a member, can know of a term that matters to this group (thesis §4.2.3).
            if (envelope.Body is not (Message.Append or Message.SnapshotChunk) && !Membership.Contains(envelope.From)) return;
#if VERIFY_MUTANTS
            if (Mutant.Is("M10", deviates: _role is RoleState.Leader or RoleState.Candidate)) return;
#endif
            Mark.ReachedIf(_role is RoleState.Leader, "a leader heard of a later term");
            StepDown(envelope.Term);
        }

        switch (envelope.Body)
        {
            case Message.VoteReply reply: ReceiveVoteReply(envelope.From, envelope.Term, reply); break;
            case Message.Append append: ReceiveAppend(envelope.From, append); break;
            case Message.AppendReply reply: ReceiveAppendReply(envelope.From, reply); break;
            case Message.SnapshotChunk chunk: ReceiveSnapshotChunk(envelope.From, chunk); break;
            case Message.SnapshotReply reply: ReceiveSnapshotReply(envelope.From, reply); break;
            case Message.TimeoutNow: ReceiveTimeoutNow(); break;
            default: throw new UnreachableException();
        }
    }

    private void ReceiveFromThePast(in Envelope envelope)
    {
        Mark.ReachedIf(envelope.Body is Message.Append, "a leader of the past spoke");
        Mark.ReachedIf(envelope.Body is Message.SnapshotChunk, "a snapshot met a newer term");
        if (envelope.Body is Message.Append append) RefuseFromThePast(envelope.From, append.Previous.Index, append.ReadRound);
        else if (envelope.Body is Message.SnapshotChunk chunk) RefuseFromThePast(envelope.From, chunk.Id.Last.Index, chunk.ReadRound);
#if VERIFY_MUTANTS
        else if (_role is RoleState.Candidate && envelope.Body is Message.VoteReply { IsPreVote: false, Granted: true } vote
            && Mutant.Is("M06", deviates: true)) ReceiveVoteReply(envelope.From, _term, vote);
#endif
    }

    /// <summary>Appends a command to the log if this node leads.</summary>
    public ProposeResult Propose(ReadOnlyMemory<byte> command)
    {
        if (_role is not RoleState.Leader leader) return new ProposeResult.NotLeader(Leader);
        if (leader.Transfer is { } transfer)
            return new ProposeResult.Overloaded($"leadership is being handed to {transfer.To}; ask again in a moment");
#if VERIFY_MUTANTS
        if (FaultPoint.Fires("a proposal is pushed back", perMille: 50)) return new ProposeResult.Overloaded("a fault point pushes back");
#endif
        if (_log.Last.Index.Value - _log.Commit.Value >= _options.UncommittedEntriesMax)
            return new ProposeResult.Overloaded($"{_options.UncommittedEntriesMax} entries wait for a majority; ask again later");
        return new ProposeResult.Accepted(_log.Append(_term, EntryKind.Command, command).Id);
    }

    /// <summary>The disk answered: everything up to this entry is durable here, be it in the log or in a snapshot that was installed.</summary>
    public void Appended(EntryId last)
    {
        _log.BecameDurable(last);
        _diskAnsweredTick = _tick;
        if (last.Index >= _installing && _log.Holds(last)) _installing = LogIndex.Zero;
        if (_role is not RoleState.Leader leader) return;
        leader.MovedTick = _tick;
        CommitWhatAMajorityHolds(leader);
    }

    /// <summary>The state machine has applied everything up to here.</summary>
    public void Applied(LogIndex index) => _log.BecameApplied(index);

    /// <summary>Gives out what the outside must now do; false when there is nothing. Works must be carried out in the
    /// order in which they were taken.</summary>
    public bool TryTakeWork(out RaftWork work)
    {
        if (_role is RoleState.Leader leader) SendAppends(leader);
        if (_pending.IsEmpty && !_log.HasEntriesForDisk && !_log.HasEntriesToApply)
        {
            work = RaftWork.Nothing;
            return false;
        }
        work = _pending.Take(
            HardState,
            _log.HasEntriesForDisk ? _log.TakeEntriesForDisk() : [],
            _log.HasEntriesToApply ? _log.TakeEntriesToApply() : []);
        return true;
    }

    private void SendNow(NodeId to, Message body) => _pending.SendNow.Add(new Envelope(Self, to, _term, body));

    private void SendWhenDurable(NodeId to, Term term, Message body) =>
        _pending.SendWhenDurable.Add(new Envelope(Self, to, term, body));

    private static string WordOf(ProgressState state) => state switch
    {
        ProgressState.Probe => "probe",
        ProgressState.Replicate => PeerProgress.Streaming,
        ProgressState.Snapshot => "snapshot",
        _ => throw new UnreachableException(),
    };

    private bool AreAsTold(ImmutableArray<PeerProgress> told)
    {
        if (_role is not RoleState.Leader leader) return told.IsEmpty;
        if (told.Length != leader.Peers.Length) return false;
        for (var i = 0; i < told.Length; i++)
        {
            if (!IsAsTold(leader.Peers[i], told[i])) return false;
        }

        return true;
    }

    private bool IsAsTold(Progress peer, PeerProgress told) => told.Peer == peer.Peer && told.Match == peer.Match && told.Next == peer.Next
        && told.TicksSinceHeard == _tick - peer.HeardTick && string.Equals(told.State, WordOf(peer.State), StringComparison.Ordinal);

    private RaftStatus StatusWith(ImmutableArray<PeerProgress> peers) => new(
        Self, Role, _term, _votedFor, Leader, _log.Last, _log.Durable, _log.Commit, _log.Applied, HasLease, IsInQuorum, peers)
    {
        Membership = Membership, MembershipIndex = _history.LatestIndex, Snapshot = NewestSnapshot, First = _log.First,
    };

    /// <param name="told">What is still true of it is used again: after each batch, mostly one peer has moved.</param>
    private ImmutableArray<PeerProgress> DescribePeers(ImmutableArray<PeerProgress> told)
    {
        if (_role is not RoleState.Leader leader) return [];
        var peers = new PeerProgress[leader.Peers.Length];
        for (var i = 0; i < peers.Length; i++)
        {
            var peer = leader.Peers[i];
            peers[i] = i < told.Length && IsAsTold(peer, told[i])
                ? told[i] : new PeerProgress(peer.Peer, peer.Match, peer.Next, WordOf(peer.State), _tick - peer.HeardTick);
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(peers);
    }
}
