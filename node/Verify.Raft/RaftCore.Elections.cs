namespace Verify.Raft;

/// <summary>Elections (paper §5.2 and §5.4.1), pre-vote (thesis §9.6), quorum check and patience with a living leader
/// (thesis §6.2 and §4.2.3). The only places where term, vote and role change are at the end of this file.</summary>
public sealed partial class RaftCore
{
    /// <summary>A leader is alive as far as this node can tell, so elections that nobody asked for are refused.</summary>
    private bool IsPatientWithLeader => _role is RoleState.Leader || _tick - _heardLeaderTick < _options.ElectionTicks;

    /// <summary>A voter does; and one that is no voter any more by an entry that may never be committed, because that entry may be in its
    /// log alone, and then nobody else can win (thesis §4.2.2 and figure 4.6). A learner, a node that has left, and one that waits to be
    /// let in do not.</summary>
    private bool MayCampaign
    {
        get
        {
            // After a restart nothing is known to be committed, so any membership behind the commit may be the one that counts.
            var may = _history.IsVoterSince(_log.Commit, Self);
#if VERIFY_MUTANTS
            if (Mutant.Is("M48", deviates: !may && !Membership.IsEmpty)) may = true;
#endif
            return may;
        }
    }

    private void TickElection()
    {
        var waited = _tick - _timerTick;
        if (_electorate.IsSelfAlone)
        {
            // Nobody needs to be waited for, unless it became alone by a change whose author may still lead and hold a lease.
            if (_history.LatestIndex > _log.Commit && IsPatientWithLeader) return;
        }
        else
        {
            if (waited < _options.ElectionTicks || !MayCampaign) return;
            // Drawn only when it begins to matter: most timers are reset long before.
            _patience ??= _hasLostLeader ? Turn() : DrawPatience();
            if (waited < _options.ElectionTicks + _patience) return;
        }
        BecomePreCandidate();
    }

    private int DrawPatience()
    {
        var patience = _options.Draw(_options.ElectionTicks);
#if VERIFY_MUTANTS
        if (FaultPoint.Fires("a node is impatient")) patience = 0;
#endif
#if VERIFY_MUTANTS
        if (Mutant.Is("M46", deviates: patience != 0)) patience = 0;
#endif
        return patience;
    }

    /// <summary>The connection to this node broke. When it is the leader, its process has most likely ended, and all its followers have been
    /// told in the same moment. Nobody's refusal to vote ends sooner for that, since the lease counts on it; but then they need not draw who
    /// goes first: they take turns. A leader that is alive after all is heard again before the first turn.</summary>
    public void LinkLost(NodeId peer)
    {
        if (_role is RoleState.Follower { Following: { } leader } && leader == peer) _hasLostLeader = true;
    }

    /// <summary>The voters but the leader by name, a quarter of ElectionTicks (62 ms) apart: time for a pre-vote and a vote over 30 ms of
    /// network and a sync. The first waits two ticks more than its own patience: it may have heard the leader's last word a tick before the
    /// others, who would refuse it (7 of 16 elections, measured without). Drawn, the first of two would be 73 ms later than its patience in
    /// the median, and now and then they would split the votes.</summary>
    private int Turn()
    {
        Mark.Reached("a follower whose link to the leader broke waits for its turn");
        var before = 0;
        foreach (var voter in Membership.Voters)
            if (voter != Leader && voter.CompareTo(Self) < 0) before++;
        return Math.Min(2 + (before * _options.ElectionTicks / 4), _options.ElectionTicks - 1);
    }

    private void ResetElectionTimer()
    {
        (_timerTick, _patience, _hasLostLeader) = (_tick, null, false);
    }

    private void ReceiveVoteRequest(in Envelope envelope, Message.VoteRequest request)
    {
        var isPatient = IsPatientWithLeader;
#if VERIFY_MUTANTS
        if (!request.IsTransfer && Mutant.Is("M42", deviates: isPatient)) isPatient = false;
#endif
        var refuses = envelope.Term < _term || (isPatient && !request.IsTransfer);
        Mark.ReachedIf(isPatient && envelope.Term >= _term && !request.IsTransfer, "a patient voter refused an election");
        if (!refuses && !request.IsPreVote && envelope.Term > _term) StepDown(envelope.Term);
        var granted = !refuses && WouldVoteFor(envelope.From, envelope.Term) && IsUpToDate(request.LastEntry);
        Mark.ReachedIf(!refuses && !IsUpToDate(request.LastEntry), "a candidate lacked entries");
#if VERIFY_MUTANTS
        if (granted && FaultPoint.Fires("a vote is withheld", perMille: 100)) granted = false;
#endif
        if (granted && !request.IsPreVote) Vote(envelope.From);
#if VERIFY_MUTANTS
        if (granted && request.IsPreVote && Mutant.Is("M11", deviates: envelope.Term > _term)) StepDown(envelope.Term);
#endif
        // A granted pre-vote answers in the term that was asked about; everything else speaks of this node's own term.
        var term = granted ? envelope.Term : _term;
        SendWhenDurable(envelope.From, term, new Message.VoteReply(granted, request.IsPreVote));
        if (_role is RoleState.Leader leader) TellThatItHasLeft(leader, envelope.From);
    }

    private bool WouldVoteFor(NodeId candidate, Term term)
    {
        var free = term > _term || _votedFor == candidate || (_votedFor is null && Leader is null);
#if VERIFY_MUTANTS
        if (Mutant.Is("M01", deviates: !free)) free = true;
#endif
        return free;
    }

    private bool IsUpToDate(EntryId last)
    {
        var upToDate = last.IsAtLeastAsUpToDateAs(_log.Last);
#if VERIFY_MUTANTS
        if (Mutant.Is("M09", deviates: last.Index >= _log.Last.Index != upToDate)) upToDate = !upToDate;
#endif
        return upToDate;
    }

    private void ReceiveVoteReply(NodeId from, Term term, Message.VoteReply reply)
    {
        switch (_role)
        {
            case RoleState.PreCandidate candidate when reply.IsPreVote && term == (reply.Granted ? _term.Next : _term):
                candidate.Votes.Record(from, reply.Granted);
                if (candidate.Votes.Outcome == VoteOutcome.Won) BecomeCandidate(isTransfer: false);
                else if (candidate.Votes.Outcome == VoteOutcome.Lost)
                {
                    Mark.Reached("a pre-vote was lost");
                    BecomeFollower(_term, leader: null);
                }

                break;
            case RoleState.Candidate candidate when !reply.IsPreVote && term == _term:
                candidate.Votes.Record(from, reply.Granted);
                if (candidate.Votes.Outcome == VoteOutcome.Won) BecomeLeader();
                else if (candidate.Votes.Outcome == VoteOutcome.Lost)
                {
                    Mark.Reached("an election was lost");
                    BecomeFollower(_term, leader: null);
                }

                break;
            default:
                break; // The answer to a question that is no longer asked.
        }
    }

    private void ReceiveTimeoutNow()
    {
        if (_role is (RoleState.Follower or RoleState.PreCandidate) && MayCampaign)
        {
            Mark.Reached("a node was asked to lead");
            BecomeCandidate(isTransfer: true);
        }
    }

    /// <summary>A message of this term's leader arrived.</summary>
    private void HearFromLeader(NodeId leader)
    {
        Invariant.Holds(_role is not RoleState.Leader, "a term has one leader: this node leads, and another speaks as leader");
        if (_role is RoleState.Follower follower)
        {
            Invariant.Holds(follower.Following is null || follower.Following == leader, "a term has one leader: two speak as leader");
            follower.Following = leader;
        }
        else
        {
            Mark.Reached("a candidate met a leader of its term");
            BecomeFollower(_term, leader);
        }
        _heardLeaderTick = _tick;
        ResetElectionTimer();
    }

    /// <summary>A later term exists: whatever this node was, it now follows, and knows no leader yet.</summary>
    private void StepDown(Term term)
    {
        Invariant.Holds(term > _term, "a node steps down for a later term only");
        BecomeFollower(term, leader: null);
    }

    private void Vote(NodeId candidate)
    {
        ResetElectionTimer();
        if (_votedFor == candidate) return;
        _votedFor = candidate;
        HardStateChanged();
    }

    private void EnterTerm(Term term, NodeId? vote)
    {
        Invariant.Holds(term > _term, "a term never goes back");
        (_term, _votedFor) = (term, vote);
        HardStateChanged();
    }

    /// <summary>Within the same term the vote stays: a node that stood for election and gave up must not vote again.</summary>
    private void BecomeFollower(Term term, NodeId? leader)
    {
        if (_role is RoleState.Leader)
        {
            RefuseWaitingReads();
            ResetElectionTimer();
        }
        if (term != _term) EnterTerm(term, vote: null);
#if VERIFY_MUTANTS
        else if (_role is RoleState.Candidate or RoleState.PreCandidate && Mutant.Is("M02", deviates: _votedFor is not null)) _votedFor = null;
#endif
        _role = new RoleState.Follower(leader);
    }

    private void BecomePreCandidate()
    {
        Invariant.Holds(_role is not RoleState.Leader, "a leader does not stand for election");
        ResetElectionTimer();
        var votes = new VoteTally(_electorate, Self);
        _role = new RoleState.PreCandidate(votes);
        var isSure = votes.Outcome == VoteOutcome.Won;
#if VERIFY_MUTANTS
        if (Mutant.Is("M45", deviates: !isSure)) isSure = true;
#endif
        if (isSure)
        {
            BecomeCandidate(isTransfer: false);
            return;
        }
        var request = new Message.VoteRequest(_log.Last, IsPreVote: true, IsTransfer: false);
        foreach (var voter in votes.Voters)
            if (voter != Self) _pending.SendNow.Add(new Envelope(Self, voter, _term.Next, request));
    }

    private void BecomeCandidate(bool isTransfer)
    {
        Invariant.Holds(
            _role is RoleState.PreCandidate || (isTransfer && _role is RoleState.Follower),
            "only a node that won the pre-vote, or was asked by its leader, stands for election");
        ResetElectionTimer();
        EnterTerm(_term.Next, vote: Self);
        var votes = new VoteTally(_electorate, Self);
        _role = new RoleState.Candidate(votes);
        if (votes.Outcome == VoteOutcome.Won)
        {
            BecomeLeader();
            return;
        }
        // The own vote counts too, so it must be durable before anyone else's can arrive.
        var request = new Message.VoteRequest(_log.Last, IsPreVote: false, isTransfer);
        foreach (var voter in votes.Voters)
            if (voter != Self) SendWhenDurable(voter, _term, request);
    }

    private void BecomeLeader()
    {
        Invariant.Holds(_role is RoleState.Candidate, "only a candidate becomes leader");
        var next = _log.Last.Index.Next;
        var barrier = _log.Append(_term, EntryKind.Barrier, default);
        var leader = new RoleState.Leader(barrier.Index, _tick) { WaitsForDisk = _electorate.IsSelfAlone };
        _role = leader;
        // A change that is not committed yet may be unknown to those whom it takes out.
        if (_history.LatestIndex > _log.Commit) Follow(leader, CommittedMembership.All, next);
        Follow(leader, Membership.All, next);
        StartRound(leader);
    }
}
