using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Raft;

namespace Verify.Node.Topology;

/// <summary>A member of the group and where it stands.</summary>
internal readonly record struct LiveMember(NodeId Id, string DataCenter, bool IsVoter);

/// <summary>Who the members are right now, by the latest membership in this node's log: the voters, whose majority judges servers, and
/// the learners, which see and may guard but are not counted. During a joint change old and new voters count alike, so that a verdict
/// needs more than half of all of them. A contact that names no data centre is completed from the configuration.</summary>
internal static class LiveMembers
{
    /// <summary>Sorted by name.</summary>
    public static ImmutableArray<LiveMember> Of(Membership membership, NodeConfig config)
    {
        if (membership.IsEmpty) return [.. config.Members.OrderBy(m => m.Id).Select(m => new LiveMember(m.Id, m.DataCenter, IsVoter: true))];
        return [.. membership.All.Select(id => new LiveMember(id, PlaceOf(id, membership, config), membership.IsVoter(id)))];
    }

    /// <summary>The data centre of a node that is a member, or was one when the configuration was written; null for a stranger.</summary>
    public static string? DataCenterOf(NodeId id, Membership membership, NodeConfig config) =>
        membership.Contains(id) || config.Members.Any(m => m.Id == id) ? PlaceOf(id, membership, config) : null;

    private static string PlaceOf(NodeId id, Membership membership, NodeConfig config)
    {
        if (id == config.Self) return config.DataCenter;
        var known = membership.ContactOf(id).DataCenter;
        return known.Length > 0 ? known : config.Members.FirstOrDefault(m => m.Id == id)?.DataCenter ?? "";
    }
}
