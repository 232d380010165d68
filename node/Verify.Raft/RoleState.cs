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
    internal sealed class Leader(LogIndex barrier, long now) : RoleState
    {
        /// <summary>Everybody else who receives the log, sorted: the other members, and those who have just left, until they know.</summary>
        public ImmutableArray<Progress> Peers { get; set; } = [];

        /// <summary>The first entry of this term; once it is committed, everything before it is too.</summary>
        public LogIndex Barrier { get; } = barrier;
        public ReadRounds Rounds { get; } = new();

        /// <summary>Nobody else voted, so nothing shows yet that term and vote are on this node's disk. Were they lost in a crash, the
        /// same term would be led twice, with other entries under the same ids; so nobody hears of it before the barrier is durable.</summary>
        public bool WaitsForDisk { get; set; }
        public Transfer? Transfer { get; set; }

        /// <summary>TimeoutNow has left in this term. It may arrive at any time and start an election that no follower's
        /// patience holds back, so there is no lease any more until the term ends.</summary>
        public bool HasAskedForElection { get; set; }

        /// <summary>Null when this node has nothing to do with the leader's group (any more).</summary>
        public Progress? PeerOf(NodeId id)
        {
            foreach (var peer in Peers)
                if (peer.Peer == id) return peer;
            return null;
        }

        /// <summary>A quorum was certainly heard at this tick (refreshed when it seems too long ago).</summary>
        public long QuorumHeardTick { get; set; } = now;

        /// <summary>When last nothing waited for a majority, or a disk of the group confirmed an entry.</summary>
        public long MovedTick { get; set; } = now;
    }
}

/// <summary>Leadership is being handed over (thesis §3.10).</summary>
internal sealed record Transfer(NodeId To, long DeadlineTick)
{
    /// <summary>The target was caught up and has been asked to stand for election.</summary>
    public bool HasBeenSent { get; init; }

    /// <summary>The leader is no voter any more and hands over because it must go (thesis §4.2.2).</summary>
    public bool IsFarewell { get; init; }
}
