namespace Verify.Raft;

/// <summary>Linearizable reads by read index (thesis §6.4), the leader's lease (thesis §6.4.1) and the quorum check
/// (thesis §6.2): all three live on the rounds that followers answer.</summary>
public sealed partial class RaftCore
{
    /// <summary>This node leads, and a quorum answered a round that was sent less than ElectionTicks ago (by its own ticks,
    /// less <see cref="RaftOptions.LeaseMarginTicks"/>). No other node can be elected meanwhile: each node of that quorum
    /// refuses its vote for ElectionTicks from when the round arrived, which was after it was sent.</summary>
    public bool HasLease => LeaseTicksLeft > 0;

    /// <summary>How many ticks from now the lease ends if nobody answers any more; 0: there is none. A lease may end earlier only by a deed
    /// of this node itself (it asks another one to stand for election, or leaves), never by somebody else's.</summary>
    public long LeaseTicksLeft
    {
        get
        {
            if (_role is not RoleState.Leader leader) return 0;
            // Whom it has asked for an election, or left the group to, needs no patience with it.
            var isGoing = leader.HasAskedForElection || leader.Transfer is { IsFarewell: true };
#if VERIFY_MUTANTS
            if (Mutant.Is("M38", deviates: isGoing)) isGoing = false;
#endif
            var whole = _options.ElectionTicks - _options.LeaseMarginTicks;
            if (isGoing) return 0;
            if (_electorate.IsSelfAlone) return whole;
            return leader.Rounds.AnsweredSentTick is { } sent ? Math.Max(0, whole - (_tick - sent)) : 0;
        }
    }

    /// <summary>The node has the lease, or follows a leader that it heard less than ElectionTicks ago.</summary>
    public bool IsInQuorum => _role switch
    {
        RoleState.Leader => HasLease,
        RoleState.Follower { Following: not null } => _tick - _heardLeaderTick < _options.ElectionTicks,
        _ => false,
    };

    /// <summary>Asks for a linearizable read (ReadIndex, Raft thesis §6.4). Answered in <see cref="RaftWork.ReadsGranted"/>,
    /// or in <see cref="RaftWork.ReadsRefused"/> when this node does not lead or stops leading first.</summary>
    public void RequestRead(ReadTicket ticket)
    {
        if (_role is not RoleState.Leader leader) _pending.ReadsRefused.Add(ticket);
        // Until an entry of its own term is committed, a leader does not know what was committed before it.
        else if (IsBeforeBarrier(leader)) _readsBeforeBarrier.Enqueue(ticket);
        else WaitForRound(leader, ticket);
    }

    /// <summary>A read under the leader's lease (thesis §6.4.1): no round, but trust in bounded drift. False when this node does not lead, has
    /// no lease, or has not yet committed an entry of its own term.</summary>
    /// <param name="index">The state must be at least this new.</param>
    public bool TryLeaseRead(out LogIndex index)
    {
        index = _log.Commit;
        return _role is RoleState.Leader leader && HasLease && !IsBeforeBarrier(leader);
    }

    /// <summary>A new leader has every committed entry, and does not know which of its entries are (thesis §6.4). It knows when one of its own term
    /// is, and just as well when all of those before it are: so reads need no disk when those who elected it had nothing open.</summary>
    private bool IsBeforeBarrier(RoleState.Leader leader)
    {
        var isBefore = _log.Commit < leader.Barrier.Previous;
#if VERIFY_MUTANTS
        if (Mutant.Is("M40", deviates: isBefore)) isBefore = false;
#endif
        return isBefore;
    }

    private void WaitForRound(RoleState.Leader leader, ReadTicket ticket)
    {
#if VERIFY_MUTANTS
        if (Mutant.Is("M39", deviates: !_electorate.IsSelfAlone))
        {
            _pending.ReadsGranted.Add(new ReadGrant(ticket, _log.Commit));
            return;
        }
#endif
        leader.Rounds.Wait(ticket, _log.Commit);
    }

    private void LetReadsPassTheBarrier(RoleState.Leader leader)
    {
        if (IsBeforeBarrier(leader)) return;
        while (_readsBeforeBarrier.TryDequeue(out var ticket)) WaitForRound(leader, ticket);
    }

    private void StartRound(RoleState.Leader leader)
    {
        leader.Rounds.Start(_tick);
        if (_electorate.IsSelfAlone) CountRound(leader);
    }

    private void AnswerRound(RoleState.Leader leader, Progress peer, long round)
    {
        if (round <= peer.RoundAnswered || round > leader.Rounds.Latest) return;
        peer.RoundAnswered = round;
        CountRound(leader);
    }

    private void CountRound(RoleState.Leader leader)
    {
        var answered = ReachedByQuorum(leader, leader.Rounds.Latest, static peer => peer.RoundAnswered);
#if VERIFY_MUTANTS
        var isNews = answered > leader.Rounds.Answered;
#endif
        leader.Rounds.QuorumAnswered(answered);
#if VERIFY_MUTANTS
        if (isNews && Mutant.Is("M41", deviates: leader.Rounds.AnsweredSentTick != _tick)) leader.Rounds.MeasureFrom(_tick);
#endif
        while (leader.Rounds.TryTakeAnswered(out var grant)) _pending.ReadsGranted.Add(grant);
    }

    /// <summary>The latest tick by which a quorum, this node included, has been heard.</summary>
    private long QuorumHeardTick(RoleState.Leader leader)
    {
        if (_tick - leader.QuorumHeardTick < _options.ElectionTicks) return leader.QuorumHeardTick;
        return leader.QuorumHeardTick = ReachedByQuorum(leader, _tick, static peer => peer.HeardTick);
    }

    private void RefuseWaitingReads()
    {
        Mark.ReachedIf(_readsBeforeBarrier.Count > 0, "reads waited for a barrier that did not come");
        while (_readsBeforeBarrier.TryDequeue(out var ticket)) _pending.ReadsRefused.Add(ticket);
        if (_role is not RoleState.Leader leader) return;
        while (leader.Rounds.TryTakeAny(out var ticket))
        {
            Mark.Reached("a leader that stepped down refused a read");
            _pending.ReadsRefused.Add(ticket);
        }
    }
}
