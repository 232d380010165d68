namespace Verify.Raft;

/// <summary>Log replication and commit (paper §5.3 and §5.4.2).</summary>
public sealed partial class RaftCore
{
    private void TickLeader(RoleState.Leader leader)
    {
        if (leader.Transfer is { } transfer && _tick >= transfer.DeadlineTick)
        {
            leader.Transfer = null;
            if (transfer.IsFarewell)
            {
                // One that is no voter any more has waited long enough for somebody to take over.
                BecomeFollower(_term, leader: null);
                return;
            }
        }
        // The request may still arrive one day, so this leader can never again be sure of its lease: a new term can. With a full disk it
        // stays: it may be that all disks are full, then nobody can be elected, and reads need rounds only.
        if (leader is { HasAskedForElection: true, Transfer: null } && !IsDiskFull)
        {
            BecomeFollower(_term, leader: null);
            return;
        }
        var isAlone = _tick - QuorumHeardTick(leader) >= _options.ElectionTicks;
#if VERIFY_MUTANTS
        if (Mutant.Is("M44", deviates: isAlone)) isAlone = false;
#endif
        if (isAlone)
        {
            Mark.Reached("a leader without a quorum stepped down");
            BecomeFollower(_term, leader: null);
            return;
        }
        var isStuck = IsStuck(leader);
#if VERIFY_MUTANTS
        if (Mutant.Is("M44", deviates: isStuck)) isStuck = false;
#endif
        if (isStuck)
        {
            Mark.Reached("a leader that got nothing written stepped down");
            BecomeFollower(_term, leader: null);
            return;
        }
        if (_tick - leader.Rounds.LatestTick < _options.HeartbeatTicks) return;
#if VERIFY_MUTANTS
        if (FaultPoint.Fires("a leader steps down", perMille: 5))
        {
            BecomeFollower(_term, leader: null);
            return;
        }
#endif
        foreach (var peer in leader.Peers)
        {
#if VERIFY_MUTANTS
            if (peer.State == ProgressState.Replicate && FaultPoint.Fires("a leader goes back to probing", perMille: 50)) peer.BackToProbe();
#endif
            // Streaming to a node that does not answer fills buffers only; find the place again when it is back.
            if (peer.State == ProgressState.Replicate && _tick - peer.HeardTick >= _options.ElectionTicks) peer.BackToProbe();
            if (peer.State == ProgressState.Snapshot) TickSnapshot(peer);
        }
        LetGoOfWhoHasLeft(leader);
        StartRound(leader);
    }

    /// <summary>Sends to each follower what it lacks and may have now: entries, the running round, the commit.</summary>
    private void SendAppends(RoleState.Leader leader)
    {
        if (leader.WaitsForDisk)
        {
            if (_log.Durable < leader.Barrier) return;
            leader.WaitsForDisk = false;
        }
        if (leader.Rounds.NeedsRound) StartRound(leader);
        foreach (var peer in leader.Peers)
        {
            // The entry before Next is gone, so nothing that this log still holds can be shown to fit.
            if (peer.Next <= _log.Base.Index && peer.State != ProgressState.Snapshot) peer.BeginSnapshot(NewestSnapshot);
            if (peer.State == ProgressState.Snapshot)
            {
                Mark.Reached("a follower needed a snapshot");
                SendSnapshot(leader, peer);
                continue;
            }
            while (peer.MayCarryEntries && (peer.Next <= _log.Last.Index || peer.State == ProgressState.Probe))
                SendAppend(leader, peer);
            var commitIsNews = peer.CommitSent < _log.Commit && peer.MayCarryEntries;
            if (commitIsNews || peer.RoundSent < leader.Rounds.Latest) SendAppend(leader, peer);
        }
    }

    private void SendAppend(RoleState.Leader leader, Progress peer)
    {
        var previous = _log.IdAt(peer.Next.Previous);
        var entriesMax = _options.AppendEntriesMax;
#if VERIFY_MUTANTS
        if (FaultPoint.Fires("an append carries one entry")) entriesMax = 1;
#endif
        var entries = peer.MayCarryEntries ? _log.Slice(peer.Next, entriesMax, _options.AppendBytesMax) : [];
        SendNow(peer.Peer, new Message.Append(previous, entries, _log.Commit, leader.Rounds.Latest));
        peer.Sent(previous.Index.Plus(entries.Length), leader.Rounds.Latest, _log.Commit);
    }

    /// <summary>A leader of an earlier term learns of the later one.</summary>
    private void RefuseFromThePast(NodeId to, LogIndex refused, long readRound) =>
        SendWhenDurable(to, _term, new Message.AppendReply(Accepted: false, EntryId.Zero, refused, readRound));

    private void ReceiveAppend(NodeId from, Message.Append append)
    {
        if (!IsWellFormed(append)) return;
        HearFromLeader(from);
        if (!HoldsPrevious(append))
        {
            Mark.Reached("an append did not fit the log");
            var hint = _log.LastNotAfter(new EntryId(append.Previous.Term, LogIndex.Min(append.Previous.Index, _log.Last.Index)));
            hint = LogIndex.Max(hint, _log.Base.Index);
            SendWhenDurable(from, _term, new Message.AppendReply(Accepted: false, _log.IdAt(hint), append.Previous.Index, append.ReadRound));
            return;
        }
#if VERIFY_MUTANTS
        var keeps = append.Previous.Index.Plus(append.Entries.Length) < _log.Last.Index && append.Previous.Index >= _log.Base.Index;
        if (append.Entries.Length > 0 && Mutant.Is("M14", deviates: keeps)) _log.TruncateFrom(append.Previous.Index.Next);
#endif
        Merge(append);
        // Behind these entries the own tail may differ from the leader's log: neither the commit nor the reply goes there.
        var lastNew = append.Previous.Index.Plus(append.Entries.Length);
        var commit = LogIndex.Min(append.Commit, lastNew);
#if VERIFY_MUTANTS
        var loose = LogIndex.Min(append.Commit, _log.Last.Index);
        if (Mutant.Is("M13", deviates: loose > commit && loose > _log.Commit)) commit = loose;
#endif
        if (commit > _log.Commit) _log.CommitUpTo(commit);
        // Of entries that are in a snapshot only the index is known; but whatever is committed here, every later leader holds too.
        var matches = lastNew < _log.Base.Index ? _log.Commit : lastNew;
#if VERIFY_MUTANTS
        if (Mutant.Is("M17", deviates: _log.Last.Index != matches)) matches = _log.Last.Index;
#endif
        AnswerRoundBeforeDisk(from, matches, append.ReadRound);
        SendWhenDurable(from, _term, new Message.AppendReply(Accepted: true, _log.IdAt(matches), LogIndex.Zero, append.ReadRound));
    }

    private bool HoldsPrevious(Message.Append append)
    {
        var holds = _log.Holds(append.Previous);
#if VERIFY_MUTANTS
        if (Mutant.Is("M16", deviates: !holds && append.Previous.Index <= _log.Last.Index)) holds = true;
        if (Mutant.Is("M31", deviates: append.Previous.Index < _log.Base.Index))
        {
            holds = false;
            _log.TruncateFrom(_log.First);
        }
#endif
        return holds;
    }

    /// <summary>Takes the entries over, and with them the memberships that they bring or take away.</summary>
    private void Merge(Message.Append append)
    {
        var before = _log.Last.Index;
        var first = _log.Merge(append.Entries);
        if (first == LogIndex.Zero) return;
        Mark.ReachedIf(first <= before, "entries that were not committed were replaced");
        var hasChanged = _history.TruncateFrom(first);
        for (var i = (int)(first.Value - append.Entries[0].Index.Value); i < append.Entries.Length; i++)
        {
            var entry = append.Entries[i];
            if (entry.Kind != EntryKind.Membership) continue;
            _history.Add(entry.Index, MembershipHistory.Read(entry) ?? throw new InvariantBrokenException(
                $"entry {entry.Id} holds a membership that this program cannot read; is the leader a newer one?"));
            hasChanged = true;
        }
        if (hasChanged) TakeEffect();
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
        if (leader.PeerOf(from) is not { } peer) return;
        peer.HeardTick = _tick;
        var isAccepted = reply.Accepted;
#if VERIFY_MUTANTS
        if (!isAccepted && Mutant.Is("M18", deviates: reply.Hint.Index > peer.Match && _log.Holds(reply.Hint))) isAccepted = true;
#endif
        if (isAccepted)
        {
            if (!_log.Holds(reply.Hint)) return;
            var isNews = peer.Accepted(reply.Hint.Index);
            // Whatever it has received or not: the entries behind what it holds are here.
            if (peer.State == ProgressState.Snapshot && peer.Match >= _log.Base.Index) peer.Stream();
            if (isNews)
            {
                leader.MovedTick = _tick;
                CommitWhatAMajorityHolds(leader);
            }
            FinishTransferIfCaughtUp(leader);
        }
        else
        {
            Refused(peer, reply);
        }
        AnswerRound(leader, peer, reply.ReadRound);
    }

    private void Refused(Progress peer, Message.AppendReply reply)
    {
        // Refused behind what is known to match: an old message.
        if (reply.Refused <= peer.Match) return;
        if (peer.State == ProgressState.Replicate)
        {
            peer.BackToProbe();
        }
        else if (peer.State == ProgressState.Probe && reply.Refused == peer.Next.Previous)
        {
            var common = _log.LastNotAfter(reply.Hint);
#if VERIFY_MUTANTS
            if (Mutant.Is("M47", deviates: true)) return;
#endif
            peer.Retreat(LogIndex.Max(peer.Match.Next, LogIndex.Min(reply.Refused, common.Next)));
        }
    }

    /// <summary>A leader counts replicas only for entries of its own term; older ones are committed with them (paper §5.4.2
    /// and figure 8). Itself it counts by what its own disk has confirmed.</summary>
    private void CommitWhatAMajorityHolds(RoleState.Leader leader)
    {
        if (_role != leader) return;
        var own = _log.Durable;
#if VERIFY_MUTANTS
        if (Mutant.Is("M19", deviates: own < _log.Last.Index)) own = _log.Last.Index;
#endif
        var index = new LogIndex(ReachedByQuorum(leader, own.Value, static peer => peer.Match.Value));
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
        GoOnWithChange(leader);
    }

    /// <summary>The largest number that a majority of the voters has reached, and during a joint change a majority of the outgoing ones
    /// as well.</summary>
    private long ReachedByQuorum(RoleState.Leader leader, long own, Func<Progress, long> of)
    {
        var count = 0;
        if (_electorate.IsSelfIncoming) _reached[count++] = own;
        foreach (var peer in leader.Peers)
            if (peer.IsIncoming) _reached[count++] = of(peer);
        Invariant.Holds(count == _electorate.Incoming.Length, "a leader counts every voter once");
        var incoming = Quorum.ReachedByMajority(_reached.AsSpan(0, count));
        return _electorate.IsJoint ? Math.Min(incoming, ReachedByOutgoing(leader, own, of)) : incoming;
    }

    private long ReachedByOutgoing(RoleState.Leader leader, long own, Func<Progress, long> of)
    {
        var count = 0;
        if (_electorate.IsSelfOutgoing) _reached[count++] = own;
        foreach (var peer in leader.Peers)
            if (peer.IsOutgoing) _reached[count++] = of(peer);
        Invariant.Holds(count == _electorate.Outgoing.Length, "a leader counts every outgoing voter once");
        return Quorum.ReachedByMajority(_reached.AsSpan(0, count));
    }
}
