using Verify.Node.Loop;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Recovery;

/// <summary>Who guards a primary: a member in its data centre, because only that one can close it when the data centre is cut off.
/// A guardian elsewhere holds a lease whose end proves nothing.</summary>
internal static class GuardianChoice
{
    private const int MissedReportsMax = 3;

    /// <summary>The first member by name in that data centre that was heard from lately; null for none.</summary>
    public static Member? Near(string dataCenter, NodeConfig config, TopologyModel model, TimeSpan now) => Members(dataCenter, config)
        .FirstOrDefault(m => model.HasHeard(m.Id, now - (MissedReportsMax * config.Timing.ReportInterval)));

    public static bool HasMembers(string dataCenter, NodeConfig config) => Members(dataCenter, config).Any();

    public static bool IsMember(NodeId node, string dataCenter, NodeConfig config) => Members(dataCenter, config).Any(m => m.Id == node);

    /// <summary>The one member that looks after a data centre's servers without being asked: the first by name.</summary>
    public static bool IsWatchman(string dataCenter, NodeConfig config) =>
        Members(dataCenter, config).FirstOrDefault()?.Id == config.Self;

    private static IEnumerable<Member> Members(string dataCenter, NodeConfig config) => config.Members
        .Where(m => string.Equals(m.DataCenter, dataCenter, StringComparison.Ordinal))
        .OrderBy(m => m.Id);
}
