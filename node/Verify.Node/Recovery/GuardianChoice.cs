using Verify.Node.Loop;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Who guards a primary: a member in its data centre, because that one can reach it when the data centre is cut off; one
/// that was heard from lately comes first. Where there is none, the leader itself.</summary>
internal static class GuardianChoice
{
    public static string For(string dataCenter, NodeConfig config, TopologyModel model, TimeSpan now)
    {
        var heardSince = now - config.Timing.ObservationAgeMax;
        var local = config.Members
            .Where(m => string.Equals(m.DataCenter, dataCenter, StringComparison.Ordinal))
            .OrderByDescending(m => model.HasHeard(m.Id, heardSince))
            .ThenBy(m => m.Id)
            .FirstOrDefault();
        return local is not null && model.HasHeard(local.Id, heardSince) ? local.Id.Name : config.Self.Name;
    }

    /// <summary>The one member that looks after a data centre's servers without being asked: the first by name.</summary>
    public static bool IsWatchman(string dataCenter, NodeConfig config) => config.Members
        .Where(m => string.Equals(m.DataCenter, dataCenter, StringComparison.Ordinal))
        .OrderBy(m => m.Id)
        .FirstOrDefault()?.Id == config.Self;
}
