using System.Collections.Immutable;
using Verify.Node.State.Cluster;
using Verify.Raft;

namespace Verify.Node.Autopilot;

/// <summary>One member as the leader sees it at this moment.</summary>
/// <param name="LastContact">Since it was heard in this term; null: not once.</param>
/// <param name="UnheardFor">Since it was heard, or, when never, since the leader knows it.</param>
/// <param name="EntriesBehind">Committed entries that it is not known to hold.</param>
/// <param name="StableFor">For how long it has been as healthy or unhealthy as it is.</param>
/// <param name="Why">Why it is unhealthy; empty when it is healthy.</param>
internal sealed record ServerSight(
    NodeId Node, TimeSpan? LastContact, TimeSpan UnheardFor, long EntriesBehind, bool IsHealthy, TimeSpan StableFor, string Why);

/// <summary>All that <see cref="AutopilotRules"/> looks at: no clock, no state of its own.</summary>
/// <param name="Self">The leader.</param>
/// <param name="IsSettled">The membership is committed and no change is under way.</param>
/// <param name="Servers">One for each member, sorted by name.</param>
/// <param name="Admissions">Sorted by node.</param>
internal sealed record AutopilotView(
    NodeId Self, Membership Membership, bool IsSettled, ImmutableArray<ServerSight> Servers, ImmutableArray<Admission> Admissions)
{
    public ServerSight? Of(NodeId node)
    {
        foreach (var server in Servers)
            if (server.Node == node) return server;
        return null;
    }

    public bool IsHealthy(NodeId node) => Of(node) is { IsHealthy: true };

    public Admission? AdmissionOf(NodeId node)
    {
        foreach (var admission in Admissions)
            if (admission.Node == node) return admission;
        return null;
    }

    /// <summary>These voters could go on: a majority of them is healthy.</summary>
    public bool HasHealthyQuorum(ImmutableArray<NodeId> voters) => !voters.IsEmpty && voters.Count(IsHealthy) > voters.Length / 2;

    /// <summary>The failure domain; a member that has named none is one of its own.</summary>
    public string ZoneOf(NodeId node)
    {
        var contact = Membership.ContactOf(node);
        return contact.Zone is { Length: > 0 } zone ? zone : contact.DataCenter is { Length: > 0 } center ? center : $"only {node}";
    }
}

/// <summary>What the leader does next about the members. One thing at a time; a closed list.</summary>
internal abstract record AutopilotDecision
{
    private AutopilotDecision() { }

    /// <summary>Nothing.</summary>
    internal sealed record Wait(string Why) : AutopilotDecision;

    /// <param name="Kind">For counting: learner, promote, demote, remove, replace, spare.</param>
    internal sealed record Change(Membership Target, string Kind, string Why) : AutopilotDecision;

    /// <summary>The admission is fulfilled or void.</summary>
    internal sealed record Forget(NodeId Node, string Why) : AutopilotDecision;
}
