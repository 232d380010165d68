namespace Verify.Raft;

/// <summary>Snapshots and compaction (paper §7, thesis §5): the outside makes them of what it has applied; the core decides what the log
/// may forget, who needs one, and where a transfer goes on.</summary>
public sealed partial class RaftCore
{
    private EntryId NewestSnapshot => _snapshot?.Last ?? EntryId.Zero;

    /// <summary>Where the newest snapshot that the core knows of ends; it may be one that is just being installed.</summary>
    public LogIndex SnapshotIndex => NewestSnapshot.Index;

    /// <summary>The last membership at or before this entry, which is what a snapshot of it must hold.</summary>
    /// <returns>Empty on a node that was let in by a later entry and never knew the members of that time; a snapshot may hold that: it
    /// stands for the membership that the group began with.</returns>
    /// <remarks>The entry must be applied, and not older than this node's newest snapshot of its own: ask when the state is frozen, not when
    /// it is written.</remarks>
    public Membership MembershipAt(LogIndex index) => _history.At(index);

    /// <summary>A snapshot of the own state is durable. Entries up to it, but for <see cref="RaftOptions.TrailingEntries"/>, leave the log.</summary>
    /// <param name="mark">What is in it; must be applied here. Older than the newest snapshot: ignored.</param>
    public void SnapshotTaken(SnapshotMark mark)
    {
        ArgumentNullException.ThrowIfNull(mark);
        // An installed one, or a later one of its own, has overtaken it.
        if (mark.Last.Index <= NewestSnapshot.Index) return;
        Invariant.Holds(mark.Last.Index <= _log.Applied, "a snapshot holds only what was applied");
        Invariant.Holds(_log.IdAt(mark.Last.Index) == mark.Last, "a snapshot is named after the entry that was applied last");
        _snapshot = mark;
        _history.ForgetBefore(mark.Last.Index);
        var discarded = _log.Base.Index;
        _log.DiscardUpTo(mark.Last.Index.Plus(-_options.TrailingEntries));
        if (_log.Base.Index > discarded) _pending.DiscardUpTo = _log.Base.Index;
    }

    /// <summary>So much of the snapshot that the leader sends is stored (0: start again, the pieces did not fit).</summary>
    public void SnapshotPieceStored(SnapshotPiece piece, long received)
    {
        if (!IsFromMyLeader(piece)) return;
        SendWhenDurable(piece.From, _term, new Message.SnapshotReply(piece.Chunk.Id, received, piece.Chunk.ReadRound));
    }

    /// <summary>The snapshot that came with these pieces is whole, checked and durable under a name of its own. It will be handed back as
    /// <see cref="RaftWork.Install"/> when it is newer than what is committed here, and dropped otherwise.</summary>
    public void SnapshotArrived(SnapshotPiece last, SnapshotMark mark)
    {
        ArgumentNullException.ThrowIfNull(mark);
        var isNews = mark.Last.Index > _log.Commit;
#if VERIFY_MUTANTS
        if (Mutant.Is("M29", deviates: !isNews)) isNews = true;
#endif
        if (isNews) TakeOver(mark);
        if (IsFromMyLeader(last)) ConfirmCommitted(last.From, last.Chunk.ReadRound);
    }

    /// <summary>What the snapshot holds is committed, whoever sent it. A log that contains its last entry is right up to there, and
    /// keeps its own tail: only the commit moves on, and nothing is installed. A log that does not contain it holds nothing behind
    /// it that could be right (log matching), so the snapshot takes the place of all of it.</summary>
    private void TakeOver(SnapshotMark mark)
    {
        if (mark.Last.Index > _log.Commit && _log.Holds(mark.Last))
        {
            CommitFromSnapshot(mark.Last.Index);
            return;
        }
        Invariant.Holds(_role is not RoleState.Leader, "a leader holds everything that is committed");
        if (_role is not RoleState.Follower) BecomeFollower(_term, leader: null);
        _history.ReplaceBy(mark.Last.Index, StartState.At(_options, mark), _log.Commit);
        _log.ReplaceBy(mark.Last);
        (_snapshot, _pending.Install, _pending.DiscardUpTo, _installing) = (mark, mark, LogIndex.Zero, mark.Last.Index);
        TakeEffect();
    }

    /// <summary>A leader learns of commits by counting alone; others may believe a snapshot.</summary>
    private void CommitFromSnapshot(LogIndex index)
    {
        if (_role is not RoleState.Leader) _log.CommitUpTo(index);
    }

    private void ReceiveSnapshotChunk(NodeId from, Message.SnapshotChunk chunk)
    {
        if (!IsWellFormed(chunk)) return;
        HearFromLeader(from);
        if (chunk.Id.Last.Index > _log.Commit && _log.Holds(chunk.Id.Last)) CommitFromSnapshot(chunk.Id.Last.Index);
        if (chunk.Id.Last.Index <= _log.Commit) ConfirmCommitted(from, chunk.ReadRound);
        else _pending.SnapshotPieces.Add(new SnapshotPiece(from, _term, chunk));
    }

    private bool IsWellFormed(Message.SnapshotChunk chunk) =>
        chunk.Offset >= 0 && chunk.Offset <= chunk.Id.Bytes - chunk.Bytes.Length && chunk.Id.Last.Index > LogIndex.Zero
        && chunk.Id.Last.Term > Term.Zero && chunk.Id.Last.Term <= _term;

    /// <summary>The leader need not send what is committed here: every leader of this or a later term holds the same.</summary>
    private void ConfirmCommitted(NodeId leader, long readRound) =>
        SendWhenDurable(leader, _term, new Message.AppendReply(Accepted: true, _log.IdAt(_log.Commit), LogIndex.Zero, readRound));

    private bool IsFromMyLeader(SnapshotPiece piece) =>
        piece.Term == _term && _role is RoleState.Follower { Following: { } leader } && leader == piece.From;

    private void ReceiveSnapshotReply(NodeId from, Message.SnapshotReply reply)
    {
        if (_role is not RoleState.Leader leader || leader.PeerOf(from) is not { } peer) return;
        peer.HeardTick = _tick;
        if (peer.State == ProgressState.Snapshot && peer.Snapshot == reply.Id.Last && reply.Received >= 0 && reply.Received <= reply.Id.Bytes)
            peer.PieceStored(reply.Received);
        AnswerRound(leader, peer, reply.ReadRound);
    }

    /// <summary>One piece at a time; in between the round goes out as an Append that fits everywhere and says nothing.</summary>
    private void SendSnapshot(RoleState.Leader leader, Progress peer)
    {
        // A newer snapshot does not interrupt a transfer as long as the log still goes on where the older one ends.
        if (peer.Snapshot.Index < _log.Base.Index) peer.BeginSnapshot(NewestSnapshot);
        if (!peer.IsPieceUnderWay && _tick - peer.HeardTick < _options.ElectionTicks)
        {
            peer.PieceSent(_tick);
            _pending.SnapshotSends.Add(new SnapshotSend(peer.Peer, _term, peer.Snapshot, peer.Offset));
        }
        if (peer.RoundSent >= leader.Rounds.Latest) return;
        SendNow(peer.Peer, new Message.Append(EntryId.Zero, [], _log.Commit, leader.Rounds.Latest));
        peer.Sent(LogIndex.Zero, leader.Rounds.Latest, _log.Commit);
    }

    /// <summary>After ElectionTicks of silence the piece, or its answer, or the snapshot itself is taken for lost.</summary>
    private void TickSnapshot(Progress peer)
    {
        if (!peer.IsPieceUnderWay || _tick - peer.PieceTick < _options.ElectionTicks) return;
        if (peer.Snapshot == NewestSnapshot) peer.PieceLost();
        else peer.BeginSnapshot(NewestSnapshot);
    }
}
