using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Fleet;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Loop;

/// <summary>The node as its high-availability part sees it.</summary>
internal sealed class NodeServices(NodeCore node) : INodeServices
{
    private readonly KnownClusters _known = new(node.Config);

    public NodeConfig Config => node.Config;
    public NodeSeam Seam => node.Seam;
    public TimeSpan Now => node.Pulse.Now;
    public bool IsLeader => node.LeadsForSure;
    public RaftStatus Raft => node.StatusApplied;
    public bool IsDiskSilent => node.IsDiskSilent;
    public HaState Ha => node.State.Ha;
    public State.Policy.PolicyState Policy => node.State.Policy;
    public State.Time.TimeStamp GroupTime => node.Api.GroupTime;
    public FleetState Fleet => node.State.Fleet;
    public State.Fencing.FencingState Fencing => node.State.Fencing;
    public ImmutableArray<ClusterSpec> Clusters => _known.Of(node.State.Fleet);
    public CancellationToken Stopping => node.Stopping;
    public ILogger Log => node.HaLog;

    public string? ObjectionTo(Command command) => node.Protocol.ObjectionTo(command);

    public void Submit(HaCommand command, Action<CommandResult> done) => node.Api.Ask(new(
        new LeaderRequest.Ha(command), wasForwarded: false, Now + Config.Timing.RequestTimeout,
        reply => done(((LeaderReply.Ha)reply).Result)));

    public void Submit(Command command, Action<CommandResult> done) => node.Api.Ask(new(
        new LeaderRequest.Own(command), wasForwarded: false, Now + Config.Timing.RequestTimeout,
        reply => done(((LeaderReply.Ha)reply).Result)));

    public void TellPeers(ReadOnlyMemory<byte> report) => node.Mesh.TellAll(new Peers.PeerFrame.Report(report));

    public bool Post(Action action) => node.Loop.TryPost(new NodeInput.HaPosted(action));

    public void After(TimeSpan delay, Action action) => node.Deadlines.At(Now + delay, action);

    public void Emit(NodeEvent happened)
    {
        node.Metrics.Happened(happened);
        node.Seam.Events.Emit(happened);
    }
}
