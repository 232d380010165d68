using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>What a node is in its term. Each case holds exactly the data that exists in it, so that none can outlive it.</summary>
internal abstract class RoleState
{
    private RoleState() { }

    /// <summary>Follows a leader, or waits for one.</summary>
    internal sealed class Follower(NodeId? leader) : RoleState
    {
        public NodeId? Following { get; set; } = leader;
    }

    /// <summary>Asks whether it would win an election (thesis §9.6).</summary>
    internal sealed class PreCandidate(VoteTally votes) : RoleState
    {
        public VoteTally Votes { get; } = votes;
    }

    /// <summary>Stands for election in its term.</summary>
    internal sealed class Candidate(VoteTally votes) : RoleState
    {
        public VoteTally Votes { get; } = votes;
    }

    /// <summary>Leads its term.</summary>
    internal sealed class Leader(ImmutableArray<Progress> peers, LogIndex barrier, long now) : RoleState
    {
        /// <summary>The other voters, in the order of the voters.</summary>
        public ImmutableArray<Progress> Peers { get; } = peers;

        /// <summary>The first entry of this term; once it is committed, everything before it is too.</summary>
        public LogIndex Barrier { get; } = barrier;
        public ReadRounds Rounds { get; } = new();
        public Transfer? Transfer { get; set; }

        /// <summary>TimeoutNow has left in this term. It may arrive at any time and start an election that no follower's
        /// patience holds back, so there is no lease any more until the term ends.</summary>
        public bool HasAskedForElection { get; set; }

        /// <summary>A quorum was certainly heard at this tick (refreshed when it seems too long ago).</summary>
        public long QuorumHeardTick { get; set; } = now;
    }
}

/// <summary>Leadership is being handed over (thesis §3.10).</summary>
internal sealed record Transfer(NodeId To, long DeadlineTick)
{
    /// <summary>The target was caught up and has been asked to stand for election.</summary>
    public bool HasBeenSent { get; init; }
}

/// <summary>Counts votes, each voter once: the first answer stands.</summary>
internal sealed class VoteTally
{
    private readonly Answer[] _answers;
    private int _granted;
    private int _refused;

    /// <param name="self">The place of the node that asks; it votes for itself.</param>
    public VoteTally(int voters, int self)
    {
        _answers = new Answer[voters];
        Record(self, granted: true);
    }

    private enum Answer : byte { None, Granted, Refused }

    public VoteOutcome Outcome => Quorum.Outcome(_answers.Length, _granted, _refused);

    public void Record(int voter, bool granted)
    {
#if VERIFY_MUTANTS
        if (Mutant.Is("M07", deviates: granted && _answers[voter] == Answer.Granted)) _granted++;
#endif
        if (_answers[voter] != Answer.None) return;
        _answers[voter] = granted ? Answer.Granted : Answer.Refused;
        if (granted) _granted++;
        else _refused++;
    }
}
