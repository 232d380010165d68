using Verify.Raft;
using Verify.Sim.RaftOnly.Promises;

namespace Verify.Sim.RaftOnly;

/// <summary>The promises of Raft that can be judged of any group whose cores and disks are seen, told of everything that happens in the order in
/// which it happens: the core alone (<see cref="SwarmPromises"/>) or whole nodes (<see cref="Watching.RaftWatch"/>).</summary>
internal class RaftPromises
{
    private readonly WatchedNode[] _nodes;
    private readonly MoreThanOneLeader _leaders = new();
    private readonly ElectionQuorum _electionQuorum = new();
    private readonly ElectionSafety _electionSafety = new();
    private readonly LeaderCompleteness _completeness;
    private readonly MoreUpToDateCorrect _upToDate;
    private readonly LogMatching _matching = new();
    private readonly QuorumLog _quorumLog = new();
    private readonly CommittedIsDurable _durable;
    private readonly Persist _persist = new();
    private readonly StateMachineSafety _stateMachine;
    private readonly MembershipInForce _inForce = new();
    private readonly QuorumsOverlap _overlap = new();
    private readonly Monotonic _monotonic;
    private readonly Promise[] _all;

    /// <param name="more">Further promises that <see cref="FirstBroken"/> asks.</param>
    public RaftPromises(WatchedNode[] nodes, CommittedLog committed, params ReadOnlySpan<Promise> more)
    {
        (_nodes, Committed) = (nodes, committed);
        _completeness = new LeaderCompleteness(committed);
        _upToDate = new MoreUpToDateCorrect(committed);
        _durable = new CommittedIsDurable(committed);
        _stateMachine = new StateMachineSafety(committed);
        _monotonic = new Monotonic(nodes.Length);
        _all =
        [
            _leaders, _electionQuorum, _electionSafety, _completeness, _upToDate, _quorumLog, _durable, _persist, _stateMachine, _matching, _inForce, _overlap, _monotonic,
            .. more,
        ];
    }

    public int Elections => _leaders.Elections;
    public int Commits => (int)Committed.Last.Value;
    protected CommittedLog Committed { get; }

    public Promise? FirstBroken()
    {
        foreach (var promise in _all)
            if (promise.Broken is not null) return promise;
        return null;
    }

    /// <summary>A node has had an input: role, term and commit may have changed.</summary>
    public void Observe(WatchedNode node)
    {
        var core = node.Core;
        _monotonic.Observe(node.Number, core.Term, core.Commit);
        if (core.IsLeader && _leaders.Leads(node.Number, core.Term))
        {
            _electionQuorum.Elected(node);
            _completeness.Elected(node);
        }

        if (node.CommitSeen >= core.Commit) return;
        for (; node.CommitSeen < core.Commit; node.CommitSeen = node.CommitSeen.Next) CommitMoved(node, core.EntryAt(node.CommitSeen.Next).Id);
        if (Committed.Holds(node.CommitSeen)) _quorumLog.Committed(node, Committed[node.CommitSeen], _nodes);
    }

    /// <summary>The leader has heard from a follower: what it knows of it may have changed.</summary>
    public void ObservePeers(WatchedNode leader)
    {
        if (leader.Core.IsLeader) ObservePeers(leader, leader.Core.Status);
    }

    /// <param name="status">The leader's core as it is now.</param>
    public void ObservePeers(WatchedNode leader, RaftStatus status)
    {
        if (!leader.Core.IsLeader) return;
        _monotonic.ObservePeers(leader.Number, leader.Core.Term, leader.InForce, status.Peers);
        foreach (var peer in status.Peers) _quorumLog.Matches(leader, _nodes[SwarmNames.NumberOf(peer.Peer)], peer.Match);
    }

    /// <summary>Before the work is carried out, after the log took note of it.</summary>
    /// <param name="installs">The snapshot that it puts in the place of log and state.</param>
    public void Took(WatchedNode node, RaftWork work, SnapshotMark? installs)
    {
        if (installs is not null)
        {
            _monotonic.Installed(node.Number, node.CommitSeen, installs.Last.Index);
            node.CommitSeen = LogIndex.Max(node.CommitSeen, installs.Last.Index);
        }

        if (!work.Append.IsEmpty) Appended(node, work);
        if (installs is not null || !work.Append.IsEmpty) _inForce.Observe(node);
        if (work.DiscardUpTo > LogIndex.Zero) _persist.Discards(node, work.DiscardUpTo);
    }

    /// <summary>Before the state machine applies it.</summary>
    public void Applies(WatchedNode node, Entry entry) => _stateMachine.Applied(node, entry);

    public void Spoke(WatchedNode node, in Envelope envelope)
    {
        _monotonic.Spoke(node.Number, envelope);
        _electionQuorum.Spoke(node.Number, envelope);
        _persist.Spoke(node, envelope);
    }

    /// <summary>A write has become durable.</summary>
    public void Synced(WatchedNode node, RaftWork work, LogIndex replacedFrom)
    {
        if (!work.Append.IsEmpty) _matching.Durable(node, work.Append[0].Index);
        DiskReplaced(replacedFrom);
    }

    /// <summary>The node goes on as if a write were durable, and a file is not.</summary>
    public void NotSynced(WatchedNode node, string file) => _persist.NotSynced(node, file);

    public void DiskReplaced(LogIndex from)
    {
        if (from > LogIndex.Zero) _durable.Replaced(from, _nodes);
    }

    public void Restarted(WatchedNode node)
    {
        _monotonic.Restarted(node.Number, node.Disk.HardState.Term, node.Applied);
        _inForce.Observe(node);
        _matching.Durable(node, node.Disk.First);
    }

    /// <summary>Started again from what its disk really holds. Before <see cref="Restarted"/>.</summary>
    /// <param name="before">Term and vote that were durable there when it was last seen.</param>
    public void Found(WatchedNode node, HardState before)
    {
        if (node.IsDamaged) _monotonic.Forget(node.Number);
        else _persist.Found(node, before);
        DiskReplaced(new LogIndex(1));
    }

    /// <summary>A false witness, for canaries: two nodes that do not exist lead a term that nobody has reached.
    /// Node 999 by number is <see cref="SwarmWatch.FalseNode"/> by name.</summary>
    public void Falsify()
    {
        var term = _leaders.NextTerm;
        foreach (var node in new[] { 998, 999 }) _leaders.Leads(node, term);
    }

    private void CommitMoved(WatchedNode node, EntryId id)
    {
        if (Committed.Holds(id.Index))
        {
            _stateMachine.Committed(node, id);
            return;
        }

        Committed.Add(id, node.Core.Term, node.InForce);
        _durable.Committed(id.Index, _nodes);
        _completeness.Committed(id.Index, _nodes);
    }

    private void Appended(WatchedNode node, RaftWork work)
    {
        foreach (var entry in work.Append)
        {
            if (!node.Core.IsLeader) _matching.Appended(node, entry);
            if (entry.Kind != EntryKind.Membership) continue;
            _overlap.Appended(node, node.Start);
            ObservePeers(node);
        }

        _electionSafety.Appended(node, work.Append[^1], _nodes);
        _upToDate.Appended(node);
    }
}
