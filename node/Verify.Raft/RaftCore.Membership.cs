using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>Change of the group's members while it runs (thesis §4): learners first, one voter at a time behind the own-term barrier,
/// several at once by joint consensus (paper §6).</summary>
public sealed partial class RaftCore
{
    /// <summary>For how many ElectionTicks a leader goes on speaking to a node whose removal is committed, so that it learns of it.</summary>
    private const int FarewellElections = 4;

    /// <summary>The latest membership in this node's log, committed or not: the one it acts on.</summary>
    public Membership Membership => _history.Latest;

    /// <summary>The latest membership that this node knows to be committed.</summary>
    public Membership CommittedMembership => _history.At(_log.Commit);

    /// <summary>Proposes that the group becomes <paramref name="target"/> (never joint itself: the core goes through the joint phase by
    /// itself when more than one voter changes, and ends it by itself). Accepted means "in my log".</summary>
    /// <returns>Overloaded while an earlier change is not finished, or before the leader has committed an entry of its own term (Ongaro's
    /// correction of 2015 to single-server changes); Refused for a target without a voter, with a duplicate, or that is so already.</returns>
    public ProposeResult ChangeMembership(Membership target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (_role is not RoleState.Leader leader) return new ProposeResult.NotLeader(Leader);
        if (target.WhyNot() is { } why) return new ProposeResult.Refused(why);
        if (target.Equals(Membership)) return new ProposeResult.Refused("the group has these members already");
        if (leader.Transfer is { } transfer)
            return new ProposeResult.Overloaded($"leadership is being handed to {transfer.To}; ask again in a moment");
        if (!MayChangeMembers(leader))
            return new ProposeResult.Overloaded("the leader has not yet committed an entry of its own term; ask again in a moment");
        if (Membership.IsJoint || _history.LatestIndex > _log.Commit)
            return new ProposeResult.Overloaded("an earlier change of members is not finished; ask again in a moment");
        return new ProposeResult.Accepted(AppendMembership(leader, Toward(target)).Id);
    }

    /// <summary>Two majorities of sets that differ by one voter have a member in common; for more than that both must agree.</summary>
    private Membership Toward(Membership target)
    {
        var old = Membership;
        var difference = target.Voters.Count(v => !old.Voters.Contains(v)) + old.Voters.Count(v => !target.Voters.Contains(v));
        if (difference <= 1) return target;
        var joint = target with { Outgoing = old.Voters };
        foreach (var voter in old.Voters)
            if (!target.Contains(voter) && old.ContactOf(voter) is var contact && contact != Contact.Unknown) joint = joint.With(voter, contact);
        return joint;
    }

    /// <summary>A leader that has not committed an entry of its own term may stand on a change that another leader is about to make undone,
    /// and one more change on top of that need not overlap with it (Ongaro, raft-dev, 10 July 2015).</summary>
    private bool MayChangeMembers(RoleState.Leader leader)
    {
        var may = _log.Commit >= leader.Barrier;
#if VERIFY_MUTANTS
        if (Mutant.Is("M34", deviates: !may)) may = true;
#endif
        return may;
    }

    private Entry AppendMembership(RoleState.Leader leader, Membership membership)
    {
        Invariant.Holds(MayChangeMembers(leader), "members change only when the leader has committed an entry of its own term");
        Invariant.Holds(_history.LatestIndex <= _log.Commit, "members change one change at a time");
        var entry = _log.Append(_term, EntryKind.Membership, MembershipCodec.Encode(membership));
        _history.Add(entry.Index, membership);
        TakeEffect();
        return entry;
    }

    /// <summary>Another membership is in force: from now on it decides, for what is under way as well.</summary>
    private void TakeEffect()
    {
        _electorate = new Electorate(Membership, Self);
        var voters = _electorate.All.Length;
        if (_reached.Length < voters) _reached = new long[voters];
        if (_role is not RoleState.Leader leader) return;
        Follow(leader, Membership.All, _log.Last.Index);
        if (leader.Transfer is { HasBeenSent: false } transfer && !Membership.Voters.Contains(transfer.To)) leader.Transfer = null;
        CountRound(leader);
        CommitWhatAMajorityHolds(leader);
    }

    /// <summary>The leader speaks to these members, and goes on speaking to those to whom it spoke before.</summary>
    private void Follow(RoleState.Leader leader, ImmutableArray<NodeId> members, LogIndex next)
    {
        var (before, at) = (leader.Peers, 0);
        var peers = ImmutableArray.CreateBuilder<Progress>(before.Length + members.Length);
        foreach (var id in members)
        {
            if (id == Self) continue;
            while (at < before.Length && before[at].Peer.CompareTo(id) < 0) peers.Add(Gone(before[at++]));
            var peer = at < before.Length && before[at].Peer == id ? before[at++] : new Progress(id, next, _tick, _options.InflightMax);
            peer.ComeBack();
            peers.Add(peer);
        }
        while (at < before.Length) peers.Add(Gone(before[at++]));
        foreach (var peer in peers) peer.CountIn(_electorate);
        leader.Peers = peers.DrainToImmutable();
    }

    private Progress Gone(Progress peer)
    {
        if (peer.RemovedAt is null) peer.Remove(_history.LatestIndex);
        return peer;
    }

    /// <summary>A membership that is committed may ask for a next step: out of the joint phase, or the leader out of its office.</summary>
    private void GoOnWithChange(RoleState.Leader leader)
    {
        if (_history.LatestIndex > _log.Commit) return;
        if (Membership.IsJoint) AppendMembership(leader, AfterJoint(Membership));
        else if (!_electorate.IsSelfVoter) HandOverForGood(leader);
    }

    private static Membership AfterJoint(Membership joint)
    {
        var after = joint with { Outgoing = ImmutableArray<NodeId>.Empty };
        return after with { Contacts = [.. joint.Contacts.Where(m => after.Contains(m.Id))] };
    }

    /// <summary>A node that has left asks for votes, so it does not know: the leader sends it the log once more.</summary>
    private void TellThatItHasLeft(RoleState.Leader leader, NodeId stranger)
    {
        if (_history.LatestIndex == LogIndex.Zero || _history.LatestIndex > _log.Commit) return;
        if (Membership.Contains(stranger) || leader.PeerOf(stranger) is not null) return;
        var peer = new Progress(stranger, _log.Last.Index.Next, _tick, _options.InflightMax);
        peer.Remove(_history.LatestIndex);
        leader.Peers = [.. leader.Peers.Append(peer).OrderBy(p => p.Peer)];
    }

    private void LetGoOfWhoHasLeft(RoleState.Leader leader)
    {
        var hasDone = false;
        foreach (var peer in leader.Peers)
        {
            if (peer.RemovedAt is not { } removed || removed > _log.Commit) continue;
            peer.SayFarewell(_tick);
            hasDone |= IsDone(peer);
        }
        if (hasDone) leader.Peers = [.. leader.Peers.Where(p => !IsDone(p))];
    }

    private bool IsDone(Progress peer) => peer.FarewellTick is { } said
        && (peer.KnowsThatItHasLeft || _tick - said >= FarewellElections * _options.ElectionTicks);
}
