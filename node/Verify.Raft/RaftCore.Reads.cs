namespace Verify.Raft;

/// <summary>Linearizable reads by read index (thesis §6.4), the leader's lease (thesis §6.4.1) and the quorum check
/// (thesis §6.2): all three live on the rounds that followers answer.</summary>
public sealed partial class RaftCore
{
    /// <summary>This node leads, and a quorum answered a round that was sent less than ElectionTicks ago (by its own ticks,
    /// less <see cref="RaftOptions.LeaseMarginTicks"/>). No other node can be elected meanwhile: each node of that quorum
    /// refuses its vote for ElectionTicks from when the round arrived, which was after it was sent.</summary>
    public bool HasLease
    {
        get
        {
            if (_role is not RoleState.Leader { HasAskedForElection: false } leader) return false;
            if (_voters.Length == 1) return true;
            return leader.Rounds.AnsweredSentTick is { } sent
                && _tick - sent < _options.ElectionTicks - _options.LeaseMarginTicks;
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
        else if (_log.Commit < leader.Barrier) _readsBeforeBarrier.Enqueue(ticket);
        else WaitForRound(leader, ticket);
    }

    private void WaitForRound(RoleState.Leader leader, ReadTicket ticket)
    {
#if VERIFY_MUTANTS
        if (Mutant.Is("M39", deviates: _voters.Length > 1))
        {
            _pending.ReadsGranted.Add(new ReadGrant(ticket, _log.Commit));
            return;
        }
#endif
        leader.Rounds.Wait(ticket, _log.Commit);
    }

    private void LetReadsPassTheBarrier(RoleState.Leader leader)
    {
        if (_log.Commit < leader.Barrier) return;
        while (_readsBeforeBarrier.TryDequeue(out var ticket)) WaitForRound(leader, ticket);
    }

    private void StartRound(RoleState.Leader leader)
    {
        leader.Rounds.Start(_tick);
        if (_voters.Length == 1) CountRound(leader);
    }

    private void AnswerRound(RoleState.Leader leader, Progress peer, long round)
    {
        if (round <= peer.RoundAnswered || round > leader.Rounds.Latest) return;
        peer.RoundAnswered = round;
        CountRound(leader);
    }

    private void CountRound(RoleState.Leader leader)
    {
        _reached[^1] = leader.Rounds.Latest;
        for (var i = 0; i < leader.Peers.Length; i++) _reached[i] = leader.Peers[i].RoundAnswered;
        leader.Rounds.QuorumAnswered(Quorum.ReachedByMajority(_reached));
        while (leader.Rounds.TryTakeAnswered(out var grant)) _pending.ReadsGranted.Add(grant);
    }

    /// <summary>The latest tick by which a quorum, this node included, has been heard.</summary>
    private long QuorumHeardTick(RoleState.Leader leader)
    {
        if (_tick - leader.QuorumHeardTick < _options.ElectionTicks) return leader.QuorumHeardTick;
        _reached[^1] = _tick;
        for (var i = 0; i < leader.Peers.Length; i++) _reached[i] = leader.Peers[i].HeardTick;
        return leader.QuorumHeardTick = Quorum.ReachedByMajority(_reached);
    }

    private void RefuseWaitingReads()
    {
        while (_readsBeforeBarrier.TryDequeue(out var ticket)) _pending.ReadsRefused.Add(ticket);
        if (_role is not RoleState.Leader leader) return;
        while (leader.Rounds.TryTakeAny(out var ticket)) _pending.ReadsRefused.Add(ticket);
    }
}
