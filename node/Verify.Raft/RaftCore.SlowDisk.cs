namespace Verify.Raft;

/// <summary>A follower whose disk stands still goes on saying that it hears its leader, and claims no entry for it.</summary>
/// <remarks>
/// What a round means is that the follower heard the leader in this term and refuses its vote for ElectionTicks from then on; entries have no
/// part in it. So the answer need not wait for entries, only for what keeps that refusal true through a crash:
/// 1. Term and vote are durable. A node that had forgotten its term altogether would start without patience ("a new node owes nothing"), and one
///    that had forgotten this term would have spoken in a term that it could enter again.
/// 2. A restart starts patient, as if it had heard the leader just then, which is later than it did. So the leader's lease, which counts from
///    when the round was sent, has ended before this node's patience does.
/// 3. A read index that is confirmed by this round was committed before the round was sent, by durable acknowledgements.
/// 4. The hint goes as far as the log is durable and known to fit the leader's: it is true of the disk, and Match never counts more. A snapshot
/// that is being installed is not: the log behind it counts from its end before the disk has it (hunt for M44, raft swarm, seed 1005).
/// A second answer per append would double the messages under load. So it is given only when the disk has not answered for a whole
/// heartbeat, and once per round. And it ends after some election times: a leader that can commit nothing because a majority of the disks is
/// dead must not lead for ever; its clients are better served by a clear refusal.
/// A full disk is not a dead one: it says that it is full, and may stay so for hours, in which the group should serve reads. So a node with
/// a full disk goes on answering rounds. The leader in turn gives up when nothing has moved for as long and a voter is silent: that voter may be
/// in reach of a majority that can write. Who hears every voter has no better successor.
/// </remarks>
public sealed partial class RaftCore
{
    /// <summary>With the usual 250 ms these are two seconds.</summary>
    private const int SilentElectionTimesMax = 8;

    /// <summary>The driver says that the disk has no space, or has some again.</summary>
    public bool IsDiskFull { get; set; }

    /// <summary>The disk answered: this term and vote are durable. Only a driver that says so has early answers from this core.</summary>
    public void HardStateDurable(HardState state)
    {
        if (state == new HardState(_term, _votedFor)) _isHardStateDurable = true;
    }

    private void HardStateChanged()
    {
        _pending.HardStateChanged = true;
        (_isHardStateDurable, _roundAnsweredEarly) = (false, 0);
    }

    private bool IsDiskSilent => _log.Durable < _log.Last.Index && _tick - _diskAnsweredTick >= _options.HeartbeatTicks
        && (IsDiskFull || _tick - _diskAnsweredTick < SilentElectionTimesMax * _options.ElectionTicks);

    /// <summary>Entries wait, nobody has written anything for long, nobody is being sent a snapshot, and there may be others who can do better.</summary>
    private bool IsStuck(RoleState.Leader leader)
    {
        if (_log.Commit == _log.Last.Index) leader.MovedTick = _tick;
        if (_tick - leader.MovedTick < SilentElectionTimesMax * _options.ElectionTicks) return false;
        var isVoterSilent = false;
        foreach (var peer in leader.Peers)
        {
            if (peer.State == ProgressState.Snapshot) return false;
            isVoterSilent |= (peer.IsIncoming || peer.IsOutgoing) && _tick - peer.HeardTick >= _options.ElectionTicks;
        }

        return isVoterSilent;
    }

    private void AnswerRoundBeforeDisk(NodeId leader, LogIndex matches, long round)
    {
        if (!IsDiskSilent || round <= _roundAnsweredEarly) return;
        var mayAnswer = _isHardStateDurable && _installing == LogIndex.Zero;
        var durable = LogIndex.Min(matches, _log.Durable);
#if VERIFY_MUTANTS
        if (Mutant.Is("M63", deviates: mayAnswer)) return;
        if (Mutant.Is("M61", deviates: !mayAnswer)) mayAnswer = true;
        if (Mutant.Is("M62", deviates: durable < matches)) durable = matches;
#endif
        if (!mayAnswer) return;
        _roundAnsweredEarly = round;
        SendNow(leader, new Message.AppendReply(Accepted: true, _log.IdAt(durable), LogIndex.Zero, round));
    }
}
