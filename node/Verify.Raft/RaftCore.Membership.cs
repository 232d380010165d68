using System.Collections.Immutable;

#pragma warning disable CA1822, MA0015 // signatures first
namespace Verify.Raft;

/// <summary>Change of the group's members while it runs (thesis §4): learners first, one voter at a time behind the own-term barrier,
/// several at once by joint consensus (paper §6).</summary>
public sealed partial class RaftCore
{
    /// <summary>The latest membership in this node's log, committed or not: the one it acts on.</summary>
    public Membership Membership => Membership.OfVoters(_voters);

    /// <summary>Proposes that the group becomes <paramref name="target"/> (never joint itself: the core goes through the joint phase by
    /// itself when more than one voter changes, and ends it by itself). Accepted means "in my log".</summary>
    /// <returns>Overloaded while an earlier change is not finished, or before the leader has committed an entry of its own term (Ongaro's
    /// correction of 2015 to single-server changes); Refused for a target without a voter or with a duplicate.</returns>
    public ProposeResult ChangeMembership(Membership target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return new ProposeResult.Refused("changes of membership are not built yet");
    }
}
