using Verify.Node.Api;
using Verify.Node.Consensus;
using Verify.Node.Peers;
using Verify.Raft;

namespace Verify.Node.Loop;

/// <summary>Everything that can happen to a node. The list is closed: whoever wants to tell the node something says it in one
/// of these words, and the node answers them one at a time.</summary>
internal abstract record NodeInput
{
    private NodeInput() { }

    /// <summary>The node's one timer fired. How many ticks that is, the clock says (<see cref="Pulse"/>).</summary>
    internal sealed record Ticked : NodeInput;

    /// <summary>A whole, well-formed frame came from a member that has introduced itself.</summary>
    internal sealed record PeerSaid(NodeId From, PeerFrame Frame) : NodeInput;

    /// <summary>A member has dialled us and introduced itself.</summary>
    internal sealed record PeerCame(PeerInlet Inlet) : NodeInput;

    /// <summary>A node wants to be let into the group, and waits on its stream for the answer.</summary>
    internal sealed record JoinAsked(PeerInlet Inlet, PeerFrame.Join Join) : NodeInput;

    /// <summary>What a member says to this node's wish to be let in.</summary>
    internal sealed record JoinAnswered(Seam.Endpoint Via, PeerFrame.JoinAnswer Answer) : NodeInput;

    /// <summary>The stream on which a member spoke to us has ended.</summary>
    internal sealed record PeerWent(PeerInlet Inlet, string Why) : NodeInput;

    /// <summary>What became of a stream that we dialled.</summary>
    internal sealed record LinkNews(PeerLink Link, LinkChange Change) : NodeInput;

    /// <summary>The disk has answered for one group of writes.</summary>
    internal sealed record LogSynced(DiskGroup Group, DiskOutcome Outcome) : NodeInput;

    /// <summary>What became of a job with the snapshots on disk.</summary>
    internal sealed record SnapshotNews(SnapshotOutcome Outcome) : NodeInput;

    /// <summary>A client wants something.</summary>
    internal sealed record ClientAsked(Question Question) : NodeInput;

    /// <summary>A driver of the high-availability part, or the host, wants this done on the loop.</summary>
    internal sealed record HaPosted(Action Run) : NodeInput;

    /// <summary>A driver met something it has no name for. The node halts.</summary>
    internal sealed record DriverFailed(string Driver, Exception Cause) : NodeInput;
}
