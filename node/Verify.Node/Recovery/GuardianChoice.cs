using Verify.Node.Loop;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Who guards a primary: a member in its data centre, because that one can reach it when the data centre is cut off; one
/// that was heard from lately comes first. Where there is none, the leader itself.</summary>
internal static class GuardianChoice
{
    private const int MissedReportsMax = 3;

    public static string For(string dataCenter, NodeConfig config, TopologyModel model, TimeSpan now) =>
        Near(dataCenter, config, model, now)?.Id.Name ?? config.Self.Name;

    /// <summary>A member in that data centre was heard from lately.</summary>
    public static bool IsNear(string dataCenter, NodeConfig config, TopologyModel model, TimeSpan now) =>
        Near(dataCenter, config, model, now) is not null;

    /// <summary>The one member that looks after a data centre's servers without being asked: the first by name.</summary>
    public static bool IsWatchman(string dataCenter, NodeConfig config) => config.Members
        .Where(m => string.Equals(m.DataCenter, dataCenter, StringComparison.Ordinal))
        .OrderBy(m => m.Id)
        .FirstOrDefault()?.Id == config.Self;

    private static Member? Near(string dataCenter, NodeConfig config, TopologyModel model, TimeSpan now) => config.Members
        .Where(m => string.Equals(m.DataCenter, dataCenter, StringComparison.Ordinal))
        .OrderBy(m => m.Id)
        .FirstOrDefault(m => model.HasHeard(m.Id, now - (MissedReportsMax * config.Timing.ReportInterval)));
}
