namespace Verify.Raft;

/// <summary>Log replication and commit (paper §5.3 and §5.4.2), and leadership transfer (thesis §3.10).</summary>
public sealed partial class RaftCore
{
    private void TickLeader(RoleState.Leader leader)
    {
        if (leader.Transfer is { } transfer && _tick >= transfer.DeadlineTick)
        {
            leader.Transfer = null;
            if (leader.HasAskedForElection)
            {
                // The request may still arrive one day, so this leader can never again be sure of its lease: a new term can.
                BecomeFollower(_term, leader: null);
                return;
            }
        }
        if (_tick - QuorumHeardTick(leader) >= _options.ElectionTicks)
        {
            BecomeFollower(_term, leader: null);
            return;
        }
        if (_tick - leader.Rounds.LatestTick < _options.HeartbeatTicks) return;
        foreach (var peer in leader.Peers)
        {
            // Streaming to a node that does not answer fills buffers only; find the place again when it is back.
            if (peer.State == ProgressState.Replicate && _tick - peer.HeardTick >= _options.ElectionTicks) peer.BackToProbe();
        }
        StartRound(leader);
    }

    /// <summary>Sends to each follower what it lacks and may have now: entries, the running round, the commit.</summary>
    private void SendAppends(RoleState.Leader leader)
    {
        if (leader.Rounds.NeedsRound) StartRound(leader);
        foreach (var peer in leader.Peers)
        {
            while (peer.MayCarryEntries && (peer.Next <= _log.Last.Index || peer.State == ProgressState.Probe))
                SendAppend(leader, peer);
            var commitIsNews = peer.CommitSent < _log.Commit && peer.MayCarryEntries;
            if (commitIsNews || peer.RoundSent < leader.Rounds.Latest) SendAppend(leader, peer);
        }
    }

    private void SendAppend(RoleState.Leader leader, Progress peer)
    {
        var previous = _log.IdAt(peer.Next.Previous);
        var entries = peer.MayCarryEntries ? _log.Slice(peer.Next, _options.AppendEntriesMax, _options.AppendBytesMax) : [];
        SendNow(peer.Peer, new Message.Append(previous, entries, _log.Commit, leader.Rounds.Latest));
        peer.Sent(previous.Index.Plus(entries.Length), leader.Rounds.Latest, _log.Commit);
    }

    private void RefuseStaleAppend(NodeId to, Message.Append stale) =>
        SendWhenDurable(to, _term, new Message.AppendReply(Accepted: false, EntryId.Zero, stale.Previous.Index, stale.ReadRound));

    private void ReceiveAppend(NodeId from, Message.Append append)
    {
        if (!IsWellFormed(append)) return;
        HearFromLeader(from);
        if (!_log.Holds(append.Previous))
        {
            var hint = _log.LastNotAfter(new EntryId(append.Previous.Term, LogIndex.Min(append.Previous.Index, _log.Last.Index)));
            SendWhenDurable(from, _term, new Message.AppendReply(Accepted: false, hint, append.Previous.Index, append.ReadRound));
            return;
        }
#if VERIFY_MUTANTS
        var keeps = append.Previous.Index.Plus(append.Entries.Length) < _log.Last.Index;
        if (append.Entries.Length > 0 && Mutant.Is("M14", deviates: keeps)) _log.TruncateFrom(append.Previous.Index.Next);
#endif
        _log.Merge(append.Entries);
        // Behind these entries the own tail may differ from the leader's log: neither the commit nor the reply goes there.
        var lastNew = append.Previous.Index.Plus(append.Entries.Length);
        var commit = LogIndex.Min(append.Commit, lastNew);
        if (commit > _log.Commit) _log.CommitUpTo(commit);
        SendWhenDurable(from, _term, new Message.AppendReply(Accepted: true, _log.IdAt(lastNew), LogIndex.Zero, append.ReadRound));
    }

    /// <summary>Entries follow each other and Previous, and belong to no term after the sender's.</summary>
    private bool IsWellFormed(Message.Append append)
    {
        if (append.Entries.IsDefault || append.Previous.Index < LogIndex.Zero) return false;
        var (term, index) = (append.Previous.Term, append.Previous.Index);
        foreach (var entry in append.Entries)
        {
            index = index.Next;
            if (entry.Index != index || entry.Term < term) return false;
            term = entry.Term;
        }
        return term <= _term;
    }

    private void ReceiveAppendReply(NodeId from, Message.AppendReply reply)
    {
        if (_role is not RoleState.Leader leader) return;
        var peer = PeerOf(leader, from);
        peer.HeardTick = _tick;
        if (reply.Accepted)
        {
            if (!_log.Holds(reply.Hint)) return;
            if (peer.Accepted(reply.Hint.Index)) CommitWhatAMajorityHolds(leader);
            FinishTransferIfCaughtUp(leader);
        }
        else if (peer.State == ProgressState.Replicate)
        {
            // Refused behind what is known to match: an old message.
            if (reply.Refused > peer.Match) peer.BackToProbe();
        }
        else if (reply.Refused == peer.Next.Previous && reply.Refused > peer.Match)
        {
            var common = _log.LastNotAfter(reply.Hint).Index;
            peer.Retreat(LogIndex.Max(peer.Match.Next, LogIndex.Min(reply.Refused, common.Next)));
        }
        AnswerRound(leader, peer, reply.ReadRound);
    }

    private static Progress PeerOf(RoleState.Leader leader, NodeId id)
    {
        foreach (var peer in leader.Peers)
            if (peer.Peer == id) return peer;
        throw new InvariantBrokenException("a leader knows every other voter");
    }

    /// <summary>A leader counts replicas only for entries of its own term; older ones are committed with them (paper §5.4.2
    /// and figure 8). Itself it counts by what its own disk has confirmed.</summary>
    private void CommitWhatAMajorityHolds(RoleState.Leader leader)
    {
        _reached[^1] = _log.Durable.Value;
        for (var i = 0; i < leader.Peers.Length; i++) _reached[i] = leader.Peers[i].Match.Value;
        var index = new LogIndex(Quorum.ReachedByMajority(_reached));
#if VERIFY_MUTANTS
        if (Mutant.Is("M21", deviates: index < _log.Durable)) index = _log.Durable;
#endif
        if (index <= _log.Commit) return;
        var isOwnTerm = _log.TermAt(index) == _term;
#if VERIFY_MUTANTS
        if (Mutant.Is("M12", deviates: !isOwnTerm)) isOwnTerm = true;
#endif
        if (!isOwnTerm) return;
        _log.CommitUpTo(index);
        LetReadsPassTheBarrier(leader);
    }

    /// <summary>Hands leadership to a voter that is caught up, as soon as it is (thesis §3.10). Until then, and for
    /// ElectionTicks at the most, proposals are refused. False when this node does not lead or the target is no other
    /// voter.</summary>
    public bool TransferLeadership(NodeId to)
    {
        if (_role is not RoleState.Leader leader || to == Self || IndexOf(to) < 0) return false;
        if (leader.Transfer?.To == to) return true;
        leader.Transfer = new Transfer(to, _tick + _options.ElectionTicks);
        FinishTransferIfCaughtUp(leader);
        return true;
    }

    private void FinishTransferIfCaughtUp(RoleState.Leader leader)
    {
        if (leader.Transfer is not { HasBeenSent: false } transfer) return;
        if (PeerOf(leader, transfer.To).Match != _log.Last.Index) return;
        leader.Transfer = transfer with { HasBeenSent = true };
        leader.HasAskedForElection = true;
        SendNow(transfer.To, new Message.TimeoutNow());
    }
}
