using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Fleet;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Loop;

/// <summary>What the high-availability part may ask of the node around it. Every member is used on the loop only,
/// except <see cref="Post"/>, which drivers call when something finished.</summary>
public interface INodeServices
{
    NodeConfig Config { get; }
    NodeSeam Seam { get; }

    /// <summary>Monotonic time since the node started, on the node's own clock.</summary>
    TimeSpan Now { get; }

    /// <summary>This node leads, has applied an entry of its own term, and holds its lease right now.</summary>
    bool IsLeader { get; }
    RaftStatus Raft { get; }

    /// <summary>This node's disk has not answered for long.</summary>
    bool IsDiskSilent { get; }

    /// <summary>The replicated high-availability state, as applied here.</summary>
    HaState Ha { get; }

    /// <summary>What operators allow, as applied here.</summary>
    State.Policy.PolicyState Policy { get; }

    /// <summary>The group's time, as this node counts it. To be asked only while it leads.</summary>
    State.Time.TimeStamp GroupTime { get; }
    /// <summary>What is agreed on the servers, as applied here.</summary>
    FleetState Fleet { get; }

    /// <summary>What is known of the means inside the servers, as applied here.</summary>
    State.Fencing.FencingState Fencing { get; }

    /// <summary>All clusters and their servers: those of the configuration and those that were found. The same array until something
    /// changes.</summary>
    ImmutableArray<ClusterSpec> Clusters { get; }

    /// <summary>Why the group cannot take this command yet: a member runs an older program, which would stop at it. Null when it can, as far as this
    /// node knows. What is proposed again and again asks first.</summary>
    string? ObjectionTo(Command command);

    /// <summary>As <see cref="Submit(HaCommand, Action{CommandResult})"/>, for any other command that needs no stamp.</summary>
    void Submit(Command command, Action<CommandResult> done);

    /// <summary>Proposes here or forwards to the leader. <paramref name="done"/> runs on the loop, exactly once; Unknown after
    /// Timing.RequestTimeout, or when the leader changed.</summary>
    void Submit(HaCommand command, Action<CommandResult> done);

    /// <summary>Best effort, newest wins: what this node sees, to every other member.</summary>
    void TellPeers(ReadOnlyMemory<byte> report);

    /// <summary>Runs the action on the loop. False when the inbox is full or the node is stopping.</summary>
    bool Post(Action action);

    /// <summary>Runs on the loop after this long.</summary>
    void After(TimeSpan delay, Action action);

    /// <summary>Cancelled when the node stops.</summary>
    CancellationToken Stopping { get; }

    void Emit(NodeEvent happened);
    ILogger Log { get; }
}

/// <summary>The high-availability part as the node drives it. All calls come on the loop.</summary>
public interface IHaPart
{
    void Start();

    /// <summary>Once per Raft tick.</summary>
    void Tick();

    /// <summary>A high-availability command was applied here.</summary>
    void Applied(HaCommand command, ApplyContext context, CommandResult result);

    /// <summary>The state was replaced by that of a snapshot: what was applied in between was not told.</summary>
    void Restored();

    /// <summary>What is agreed on the servers has changed (<see cref="INodeServices.Fleet"/>).</summary>
    void FleetChanged();

    /// <summary>Raft's role, term or lease changed.</summary>
    void RaftChanged(RaftStatus status);
    void HeardFrom(NodeId peer, ReadOnlyMemory<byte> report);

    /// <summary>Somebody may hold the write lease of this cluster's primary, by this node's clock and what it has applied.</summary>
    bool IsLeaseHeld(string cluster);
    IReadOnlyList<Api.ClusterPicture> Clusters();
    IReadOnlyList<Api.AnalysisPicture> Analysis();

    /// <summary>The verdict on every server that has replicas or is a primary, in every cluster.</summary>
    IReadOnlyList<Api.AnalysisEntry> TopologyAnalysis();
    IReadOnlyList<Api.RecoveryPicture> Recoveries();

    /// <summary>On the leader: what an operator's wish comes to.</summary>
    Recovery.RecoveryAnswer Plan(Api.ApiRequest.StartRecovery wish);

    /// <summary>On the leader: what is called for and not begun.</summary>
    IReadOnlyList<Api.SkippedPicture> Skipped();
}
