using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>Who must agree under one membership: a majority of the voters, and during a joint change also a majority of the outgoing
/// voters (Raft paper §6). Learners are not in it, and a node that is no voter does not count itself (thesis §4.2.2).</summary>
internal sealed class Electorate
{
    public Electorate(Membership membership, NodeId self)
    {
        (Incoming, Outgoing) = (membership.Voters, membership.Outgoing);
        IsSelfVoter = membership.IsVoter(self);
#if VERIFY_MUTANTS
        if (Mutant.Is("M36", deviates: !Outgoing.IsEmpty)) Outgoing = [];
        if (Mutant.Is("M37", deviates: !membership.IsEmpty && (!membership.Learners.IsEmpty || !membership.IsVoter(self))))
            Incoming = [.. Incoming.Concat(membership.Learners).Append(self).Distinct().Order()];
#endif
        IsSelfIncoming = Incoming.Contains(self);
        IsSelfOutgoing = Outgoing.Contains(self);
    }

    public ImmutableArray<NodeId> Incoming { get; }

    /// <summary>Empty but for the time of a joint change.</summary>
    public ImmutableArray<NodeId> Outgoing { get; }

    /// <summary>This node is a voter at all, and in which of the two.</summary>
    public bool IsSelfVoter { get; }
    public bool IsSelfIncoming { get; }
    public bool IsSelfOutgoing { get; }
    public bool IsJoint => !Outgoing.IsEmpty;

    /// <summary>Nobody else is needed for anything.</summary>
    public bool IsSelfAlone => IsSelfIncoming && Incoming.Length == 1 && !IsJoint;

    /// <summary>Everybody whose vote counts, sorted.</summary>
    public ImmutableArray<NodeId> All => IsJoint ? [.. Incoming.Concat(Outgoing).Distinct().Order()] : Incoming;
}

/// <summary>Counts the votes of an electorate, each voter once: the first answer stands.</summary>
internal sealed partial class VoteTally
{
    private readonly Electorate _electorate;
    private readonly Ballot _incoming;
    private readonly Ballot? _outgoing;

    /// <param name="self">The node that asks; it votes for itself where it is a voter.</param>
    public VoteTally(Electorate electorate, NodeId self)
    {
        _electorate = electorate;
        _incoming = new Ballot(electorate.Incoming);
        _outgoing = electorate.IsJoint ? new Ballot(electorate.Outgoing) : null;
        Record(self, granted: true);
    }

    public VoteOutcome Outcome => _outgoing is null ? _incoming.Outcome : JointQuorum.Both(_incoming.Outcome, _outgoing.Outcome);

    public ImmutableArray<NodeId> Voters => _electorate.All;

    /// <summary>Takes down an answer; that of a node without a vote counts nowhere.</summary>
    public void Record(NodeId voter, bool granted)
    {
        _incoming.Record(voter, granted);
        _outgoing?.Record(voter, granted);
    }

    private sealed partial class Ballot(ImmutableArray<NodeId> voters)
    {
        private readonly Answer[] _answers = new Answer[voters.Length];
        private int _granted;
        private int _refused;

        private enum Answer : byte { None, Granted, Refused }

        public VoteOutcome Outcome => Quorum.Outcome(voters.Length, _granted, _refused);

        public void Record(NodeId voter, bool granted)
        {
            var place = voters.IndexOf(voter);
            if (place < 0) return;
#if VERIFY_MUTANTS
            if (Mutant.Is("M07", deviates: granted && _answers[place] == Answer.Granted)) _granted++;
#endif
            if (_answers[place] != Answer.None) return;
            _answers[place] = granted ? Answer.Granted : Answer.Refused;
            if (granted) _granted++;
            else _refused++;
        }
    }
}
