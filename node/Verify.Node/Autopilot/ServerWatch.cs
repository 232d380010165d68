using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Raft;

namespace Verify.Node.Autopilot;

/// <summary>Remembers, while this node leads, since when each member is known and since when it is as healthy or unhealthy as it is.</summary>
internal sealed class ServerWatch(AutopilotSettings settings, TimeSpan tick)
{
    private readonly SortedDictionary<NodeId, Memory> _members = [];
    private TimeSpan _leadingSince;

    /// <summary>A new term as leader: what an earlier one saw is no measure.</summary>
    public void Begin(TimeSpan now)
    {
        _members.Clear();
        _leadingSince = now;
    }

    /// <summary>All members at this moment, sorted by name.</summary>
    public ImmutableArray<ServerSight> Look(RaftStatus raft, Membership membership, TimeSpan now)
    {
        var all = membership.All;
        if (_members.Count > all.Length || !all.All(_members.ContainsKey))
            foreach (var gone in _members.Keys.Where(node => !all.Contains(node)).ToArray()) _members.Remove(gone);
        var sights = ImmutableArray.CreateBuilder<ServerSight>(all.Length);
        foreach (var node in all) sights.Add(Look(node, raft, now));
        return sights.MoveToImmutable();
    }

    private ServerSight Look(NodeId node, RaftStatus raft, TimeSpan now)
    {
        if (!_members.TryGetValue(node, out var memory)) memory = _members[node] = new(now, null, now);
        var progress = ProgressOf(node, raft);
        var (contact, behind) = (default(TimeSpan?), raft.Commit.Value);
        if (node == raft.Self) (contact, behind) = (TimeSpan.Zero, 0);
        else if (progress is not null)
        {
            behind = Math.Max(0, raft.Commit.Value - progress.Match.Value);

            // The core counts from when the leader began with this member; that is no sign of life.
            var silence = tick * progress.TicksSinceHeard;
            if (silence + tick < now - TimeSpan.FromTicks(Math.Max(_leadingSince.Ticks, memory.KnownSince.Ticks)) || progress.Match > LogIndex.Zero) contact = silence;
        }

        var why = Illness(node, raft, progress, contact, behind);
        if (memory.WasHealthy != why.Length < 1) memory = _members[node] = memory with { WasHealthy = why.Length < 1, Since = now };
        return new(node, contact, contact ?? now - memory.KnownSince, behind, why.Length == 0, now - memory.Since, why);
    }

    private static PeerProgress? ProgressOf(NodeId node, RaftStatus raft)
    {
        foreach (var peer in raft.Peers)
            if (peer.Peer == node) return peer;
        return null;
    }

    private string Illness(NodeId node, RaftStatus raft, PeerProgress? progress, TimeSpan? contact, long behind)
    {
        if (node == raft.Self) return "";
        if (contact is not { } since) return "not heard yet";
        if (since > settings.LastContactMax) return $"not heard for {since.TotalMilliseconds:0} ms";
        return behind > settings.TrailingEntriesMax ? $"{behind} entries behind" : progress is { Match: var match } && match > LogIndex.Zero ? "" : "has received nothing yet";
    }

    private sealed record Memory(TimeSpan KnownSince, bool? WasHealthy, TimeSpan Since);
}
