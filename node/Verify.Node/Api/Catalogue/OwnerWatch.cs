using Verify.Node.State;
using Verify.Node.State.Catalogue;
using Verify.Raft;

namespace Verify.Node.Api.Catalogue;

/// <summary>On the leader: notices that a node which runs checks has been away for too long, and proposes that another takes them over.
/// The bound from the moment the node falls silent: <see cref="Loop.CatalogueSettings.OwnerGoneAfter"/>, one tick and one commit; when the leader falls with it, an
/// election more. Lives on the loop.</summary>
internal sealed class OwnerWatch(ApiParts parts, LeaderClock clock, Writes writes)
{
    private readonly SortedDictionary<string, TimeSpan> _goneSince = new(StringComparer.Ordinal);
    private TimeSpan _next;
    private bool _isWriting;
    private Term? _watches;

    public void Tick(TimeSpan now)
    {
        if (!parts.LeadsSettled)
        {
            _watches = null;
            return;
        }

        if (_watches != parts.Raft.Term)
        {
            // What an earlier leadership saw says nothing of now.
            (_watches, _isWriting) = (parts.Raft.Term, false);
            _goneSince.Clear();
        }

        if (now < _next || _isWriting) return;
        _next = now + parts.Config.Timing.Tick * parts.Config.Timing.HeartbeatTicks;
        Look(now);
    }

    private void Look(TimeSpan now)
    {
        if (parts.State.Catalogue.Count == 0) return;
        var present = Present();
        foreach (var owner in parts.State.Catalogue.Owners)
        {
            if (present.Contains(owner))
            {
                _goneSince.Remove(owner);
                continue;
            }

            if (!_goneSince.TryGetValue(owner, out var since)) _goneSince[owner] = since = now;
            if (now - since < parts.Config.Catalogue.OwnerGoneAfter) continue;
            Propose(owner, present);
            return;
        }
    }

    /// <summary>This node, and all members that it has heard within an election time.</summary>
    private List<string> Present()
    {
        var members = parts.Raft.Membership.All;
        var heard = parts.Raft.Status.Peers
            .Where(peer => peer.TicksSinceHeard < parts.Config.Timing.ElectionTicks && members.Contains(peer.Peer))
            .Select(static peer => peer.Peer.Name);
        return [.. heard.Append(parts.Config.Self.Name).Order(StringComparer.Ordinal)];
    }

    /// <summary>The heir is one in the same data centre, if there is one, and of those the one that has fewest to look after.</summary>
    private void Propose(string owner, IReadOnlyList<string> present)
    {
        var owned = parts.State.Catalogue.OwnedBy;
        var members = parts.Raft.Membership;
        var there = members.ContactOf(new(owner)).DataCenter;
        var near = present.Where(node => there is { Length: > 0 } && members.ContactOf(new(node)).DataCenter == there).ToArray();
        var heir = (near.Length > 0 ? near : present).MinBy(owned);
        _goneSince.Remove(owner);
        _isWriting = writes.Enter(
            new Command.Catalogue(new CatalogueCommand.OwnerGone(owner, heir), clock.Now, Id: null), new Proposer(null, _ => _isWriting = false)) is null;
    }
}
