namespace Verify.Raft;

/// <summary>Leadership changes hands without an election timeout: because somebody asks for it (thesis §3.10), or because the leader has
/// left the group (thesis §4.2.2).</summary>
public sealed partial class RaftCore
{
    /// <summary>This node leads and is handing leadership on: it proposes nothing until that has happened or failed.</summary>
    public bool IsHandingOver => _role is RoleState.Leader { Transfer: not null };

    /// <summary>Hands leadership to a voter that is caught up, as soon as it is (thesis §3.10). Until then, and for
    /// ElectionTicks at the most, proposals are refused. False when this node does not lead or the target is no other
    /// voter.</summary>
    public bool TransferLeadership(NodeId to)
    {
        if (_role is not RoleState.Leader leader || to == Self || !Membership.Voters.Contains(to)) return false;
        if (leader.Transfer?.To == to) return true;
        var isFarewell = leader.Transfer is { IsFarewell: true };
        leader.Transfer = new Transfer(to, _tick + _options.ElectionTicks) { IsFarewell = isFarewell };
        FinishTransferIfCaughtUp(leader);
        return true;
    }

    private void FinishTransferIfCaughtUp(RoleState.Leader leader)
    {
        if (_role != leader || leader.Transfer is not { HasBeenSent: false } transfer) return;
        if (leader.PeerOf(transfer.To) is not { } target || target.Match != _log.Last.Index) return;
        if (transfer.IsFarewell && _log.Commit != _log.Last.Index) return;
        leader.Transfer = transfer with { HasBeenSent = true };
        leader.HasAskedForElection = true;
        Mark.Reached("leadership was handed over");
        // A leader that goes for good tells everybody what is committed, and goes.
        if (transfer.IsFarewell) SendAppends(leader);
        SendNow(transfer.To, new Message.TimeoutNow());
        if (transfer.IsFarewell) BecomeFollower(_term, leader: null);
    }

    /// <summary>The leader's own removal is committed: it has nothing more to say here (thesis §4.2.2). It hands over to the voter that is
    /// furthest, once everything is committed and that voter has it all, and after ElectionTicks it goes in any case.</summary>
    private void HandOverForGood(RoleState.Leader leader)
    {
        if (leader.Transfer is { IsFarewell: true }) return;
        Progress? best = null;
        foreach (var peer in leader.Peers)
            if (peer.IsIncoming && (best is null || peer.Match > best.Match)) best = peer;
        Invariant.Holds(best is not null, "a group that goes on without its leader has a voter");
        leader.Transfer = new Transfer(best.Peer, _tick + _options.ElectionTicks) { IsFarewell = true };
        FinishTransferIfCaughtUp(leader);
    }
}
