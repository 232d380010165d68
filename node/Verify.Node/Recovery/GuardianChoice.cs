using Verify.Node.Loop;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Recovery;

/// <summary>Who guards a primary: a member in its data centre, because only that one can close it when the data centre is cut off.
/// A guardian elsewhere holds a lease whose end proves nothing. Voters come before learners.</summary>
internal static class GuardianChoice
{
    /// <summary>Reports that a guardian may leave out before another one takes its place.</summary>
    private const int MissedReportsMax = 3;

    /// <summary>Entries that a member may lack and still know soon enough that it is the guardian.</summary>
    private const long EntriesBehindMax = 1000;

    /// <summary>The first member by name in that data centre that was heard from lately and follows the log; null for none.</summary>
    public static NodeId? Near(string dataCenter, INodeServices services, TopologyModel model)
    {
        foreach (var member in Members(dataCenter, services))
            if (IsHeard(member.Id, services, model) && KeepsUp(member.Id, services.Raft)) return member.Id;
        return null;
    }

    /// <summary>Its reports come.</summary>
    public static bool IsHeard(NodeId member, INodeServices services, TopologyModel model) =>
        model.HasHeard(member, services.Now - (MissedReportsMax * services.Config.Timing.ReportInterval));

    /// <summary>Not one that probes and reports but has lost its log: it would not learn of its office, and nobody would hold the lease.
    /// Where this node does not lead, it does not know.</summary>
    private static bool KeepsUp(NodeId member, RaftStatus raft) =>
        raft.Peers.FirstOrDefault(p => p.Peer == member) is not { } progress
            || (string.Equals(progress.State, PeerProgress.Streaming, StringComparison.Ordinal) && progress.Match.Value + EntriesBehindMax >= raft.Commit.Value);

    public static bool HasMembers(string dataCenter, INodeServices services) => Members(dataCenter, services).Any();

    /// <summary>This node stands in that data centre. One that was taken out of the group meanwhile is still known by its configuration: it
    /// closes what it guarded before it leaves.</summary>
    public static bool IsNear(NodeId node, string dataCenter, INodeServices services) => string.Equals(
        LiveMembers.DataCenterOf(node, services.Raft.Membership, services.Config), dataCenter, StringComparison.Ordinal);

    /// <summary>The one member that looks after a data centre's servers without being asked: the first by name.</summary>
    public static bool IsWatchman(string dataCenter, INodeServices services) =>
        Members(dataCenter, services).FirstOrDefault().Id == services.Config.Self;

    private static IEnumerable<LiveMember> Members(string dataCenter, INodeServices services) =>
        LiveMembers.Of(services.Raft.Membership, services.Config)
            .Where(m => string.Equals(m.DataCenter, dataCenter, StringComparison.Ordinal))
            .OrderByDescending(m => m.IsVoter).ThenBy(m => m.Id);
}
