using Verify.Raft;

namespace Verify.Node.State.Cluster;

/// <summary>Everything that is written into the replicated state about who may join the group. A closed list. Times are the wall clock
/// of the leader that proposed, in milliseconds since 1970, put into the command: applying reads no clock.</summary>
public abstract record ClusterCommand
{
    private ClusterCommand() { }

    /// <summary>Keeps the hash of a new join token.</summary>
    public sealed record CreateToken(string TokenId, ReadOnlyMemory<byte> SecretHash, long ExpiresAtMs, long NowMs) : ClusterCommand
    {
        /// <summary>Without the hash.</summary>
        public override string ToString() => $"CreateToken {{ {TokenId}, ExpiresAtMs = {ExpiresAtMs} }}";
    }

    /// <summary>Lets a node in: autopilot makes it a learner, later a voter, and finishes the replacement. A token that is shown is used up
    /// by the same entry, so that there is no moment in which it is used and nobody was let in.</summary>
    public sealed record Admit(NodeId Node, Contact Contact, bool StaysLearner, NodeId? Replaces, TokenProof? Proof, long NowMs) : ClusterCommand;

    /// <summary>What was to be done about this node is done, or no longer wanted.</summary>
    public sealed record Forget(NodeId Node) : ClusterCommand;
}

/// <summary>What a joiner shows: which token, and the SHA-256 of the secret it holds.</summary>
public sealed record TokenProof(string TokenId, ReadOnlyMemory<byte> SecretHash)
{
    /// <summary>Without the hash.</summary>
    public override string ToString() => $"token {TokenId}";
}

/// <summary>A node that was let in and for which something remains to be done or to be remembered.</summary>
/// <param name="StaysLearner">It must not become a voter.</param>
/// <param name="Replaces">The member whose place it takes.</param>
/// <param name="Index">The entry that let it in.</param>
public sealed record Admission(NodeId Node, Contact Contact, bool StaysLearner, NodeId? Replaces, long Index);

/// <summary>A join token as the group keeps it: never the secret.</summary>
/// <param name="UsedBy">The node that was let in with it; null while it is unused.</param>
public sealed record JoinToken(string Id, ReadOnlyMemory<byte> SecretHash, long ExpiresAtMs, NodeId? UsedBy)
{
    /// <summary>Without the hash.</summary>
    public override string ToString() => $"token {Id}";
}
