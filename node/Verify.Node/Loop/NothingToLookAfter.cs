using Verify.Node.Api;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Raft;

namespace Verify.Node.Loop;

/// <summary>The high-availability part of a node that has no MySQL servers to look after: a key-value store with a leader.</summary>
internal sealed class NothingToLookAfter : IHaPart
{
    public void Start() { }
    public void Tick() { }
    public void Applied(HaCommand command, ApplyContext context, CommandResult result) { }
    public void RaftChanged(RaftStatus status) { }
    public void HeardFrom(NodeId peer, ReadOnlyMemory<byte> report) { }
    public IReadOnlyList<ClusterPicture> Clusters() => [];
    public IReadOnlyList<AnalysisPicture> Analysis() => [];
    public IReadOnlyList<RecoveryPicture> Recoveries() => [];
}
