using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>The group as this node knows it at a moment. The loop makes it; the drivers of streams only read it.</summary>
/// <param name="Membership">The latest in this node's log.</param>
/// <param name="Index">The place of the entry that set it.</param>
/// <param name="IsCommitted">It will not be taken back.</param>
/// <param name="IsInQuorum">This node leads, or follows a living leader: what it knows is not of yesterday.</param>
internal sealed record GroupPicture(Membership Membership, LogIndex Index, bool IsCommitted, bool IsInQuorum)
{
    public static GroupPicture Of(RaftStatus status) =>
        new(status.Membership, status.MembershipIndex, status.MembershipIndex <= status.Commit, status.IsInQuorum);

    /// <summary>This node knows no group yet.</summary>
    public bool IsWaitingToBeLetIn => Membership.IsEmpty;

    /// <summary>Where a member is dialled: what the membership says, else the configuration, else its name; null when none is an address.</summary>
    public static Endpoint? AddressOf(NodeConfig config, Membership membership, NodeId id)
    {
        if (Endpoint.TryParse(membership.ContactOf(id).Address, defaultPort: null, out var known)) return known;
        if (config.Members.FirstOrDefault(m => m.Id == id) is { } configured) return configured.Endpoint;
        return Endpoint.TryParse(id.Name, defaultPort: null, out var named) ? named : null;
    }

    /// <summary>What this node says of itself.</summary>
    public static Contact SelfContact(NodeConfig config)
    {
        var address = config.PeerAdvertise ?? config.Members.FirstOrDefault(m => m.Id == config.Self)?.Endpoint ?? config.PeerBind;
        return new(address.ToString(), config.DataCenter, config.ApiAdvertise?.ToString() ?? "", config.Zone);
    }

    /// <summary>The members with which a new group begins.</summary>
    public static Membership Bootstrap(NodeConfig config)
    {
        var membership = Membership.OfVoters(config.Members.Select(m => m.Id));
        return config.Members.Aggregate(membership, (group, m) => group.With(m.Id, new(m.Endpoint.ToString(), m.DataCenter, "", "")));
    }
}

/// <summary>The latest <see cref="GroupPicture"/>. Written by the loop alone, read by anybody.</summary>
internal sealed class GroupView(GroupPicture first)
{
    private volatile GroupPicture _now = first;

    public GroupPicture Now { get => _now; set => _now = value; }
}
