using Verify.Raft;
using Verify.Sim.RaftOnly.Promises;

namespace Verify.Sim.RaftOnly;

/// <summary>All promises of one schedule, told of everything that happens in the order in which it happens.</summary>
internal sealed class SwarmPromises
{
    private readonly SwarmNode[] _nodes;
    private readonly Membership _start;
    private readonly CommittedLog _committed = new();
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
    private readonly SnapshotIsExact _snapshots;
    private readonly ExactlyOnce _once = new();
    private readonly MembershipInForce _inForce = new();
    private readonly QuorumsOverlap _overlap = new();
    private readonly Monotonic _monotonic;
    private readonly LeaseOverlap _leases = new();
    private readonly LinearizableReads _reads;
    private readonly Promise[] _all;

    public SwarmPromises(SwarmNode[] nodes, Membership start)
    {
        (_nodes, _start) = (nodes, start);
        _completeness = new LeaderCompleteness(_committed);
        _upToDate = new MoreUpToDateCorrect(_committed);
        _durable = new CommittedIsDurable(_committed);
        _stateMachine = new StateMachineSafety(_committed);
        _snapshots = new SnapshotIsExact(start);
        _monotonic = new Monotonic(nodes.Length);
        _reads = new LinearizableReads(_committed);
        _all =
        [
            _leaders, _electionQuorum, _electionSafety, _completeness, _upToDate, _quorumLog, _durable, _persist, _stateMachine, _snapshots, _once,
            _matching, _inForce, _overlap, _monotonic, _reads, _leases,
        ];
    }

    public int Elections => _leaders.Elections;
    public int Commits => (int)_committed.Last.Value;
    public int ReadsGranted => _reads.Granted;

    public Promise? FirstBroken()
    {
        foreach (var promise in _all)
            if (promise.Broken is not null) return promise;
        return null;
    }

    /// <summary>A node has had an input: role, term, commit and lease may have changed.</summary>
    public void Observe(SwarmNode node)
    {
        var core = node.Core;
        _monotonic.Observe(node.Number, core.Term, core.Commit);
        if (core.IsLeader)
        {
            if (_leaders.Leads(node.Number, core.Term))
            {
                _electionQuorum.Elected(node);
                _completeness.Elected(node);
            }
            _leases.Observe(node, _nodes);
        }
        if (node.CommitSeen >= core.Commit) return;
        for (; node.CommitSeen < core.Commit; node.CommitSeen = node.CommitSeen.Next) Committed(node, core.EntryAt(node.CommitSeen.Next).Id);
        if (_committed.Holds(node.CommitSeen)) _quorumLog.Committed(node, _committed[node.CommitSeen], _nodes);
    }

    /// <summary>The leader has heard from a follower: what it knows of it may have changed.</summary>
    public void ObservePeers(SwarmNode leader)
    {
        if (!leader.Core.IsLeader) return;
        var peers = leader.Core.Status.Peers;
        _monotonic.ObservePeers(leader.Number, leader.Core.Term, leader.InForce, peers);
        foreach (var peer in peers) _quorumLog.Matches(leader, _nodes[SwarmNames.NumberOf(peer.Peer)], peer.Match);
    }

    /// <summary>Before the work is carried out. <paramref name="installs"/>: the snapshot that it puts in the place of log and state.</summary>
    public void Took(SwarmNode node, RaftWork work, SwarmSnapshot? installs)
    {
        if (installs is not null)
        {
            _snapshots.Check(node, installs);
            _monotonic.Installed(node.Number, node.CommitSeen, installs.Last.Index);
            node.CommitSeen = LogIndex.Max(node.CommitSeen, installs.Last.Index);
        }
        if (!work.Append.IsEmpty) Appended(node, work);
        if (installs is not null || !work.Append.IsEmpty) _inForce.Observe(node);
        if (work.DiscardUpTo > LogIndex.Zero) _persist.Discards(node, work.DiscardUpTo);
        foreach (var grant in work.ReadsGranted) _reads.Grant(node.Number, grant);
    }

    public void Apply(SwarmNode node, Entry entry)
    {
        _stateMachine.Applied(node, entry);
        node.State.Apply(entry);
        _snapshots.Applied(node, entry);
        _once.Applied(node, entry);
    }

    public void Spoke(SwarmNode node, in Envelope envelope)
    {
        _monotonic.Spoke(node.Number, envelope);
        _electionQuorum.Spoke(node.Number, envelope);
        _persist.Spoke(node, envelope);
    }

    /// <summary>A write has become durable.</summary>
    public void Synced(SwarmNode node, RaftWork work, LogIndex replacedFrom)
    {
        if (!work.Append.IsEmpty) _matching.Durable(node, work.Append[0].Index);
        DiskReplaced(replacedFrom);
    }

    public void DiskReplaced(LogIndex from)
    {
        if (from > LogIndex.Zero) _durable.Replaced(from, _nodes);
    }

    public void SnapshotMade(SwarmNode node, SwarmSnapshot snapshot) => _snapshots.Check(node, snapshot);

    public void Restarted(SwarmNode node)
    {
        _monotonic.Restarted(node.Number, node.Disk.HardState.Term, node.Applied);
        _inForce.Observe(node);
        _matching.Durable(node, node.Disk.First);
    }

    /// <summary>A false witness, for canaries: two nodes that do not exist lead a term that nobody has reached.
    /// Node 999 by number is <see cref="SwarmWatch.FalseNode"/> by name.</summary>
    public void Falsify()
    {
        var term = _leaders.NextTerm;
        foreach (var node in new[] { 998, 999 }) _leaders.Leads(node, term);
    }

    public ReadTicket AskRead() => _reads.Ask();

    public void LeaseRead(SwarmNode node, LogIndex index) => _reads.GrantedByLease(node.Number, index);

    private void Committed(SwarmNode node, EntryId id)
    {
        if (_committed.Holds(id.Index))
        {
            _stateMachine.Committed(node, id);
            return;
        }
        _committed.Add(id, node.Core.Term, node.InForce);
        _durable.Committed(id.Index, _nodes);
        _completeness.Committed(id.Index, _nodes);
    }

    private void Appended(SwarmNode node, RaftWork work)
    {
        foreach (var entry in work.Append)
        {
            if (!node.Core.IsLeader) _matching.Appended(node, entry);
            if (entry.Kind != EntryKind.Membership) continue;
            _overlap.Appended(node, _start);
            ObservePeers(node);
        }
        _electionSafety.Appended(node, work.Append[^1], _nodes);
        _upToDate.Appended(node);
    }
}
