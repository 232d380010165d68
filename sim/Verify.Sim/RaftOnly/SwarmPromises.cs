using Verify.Raft;
using Verify.Sim.RaftOnly.Promises;

namespace Verify.Sim.RaftOnly;

/// <summary>All promises of one schedule, told of everything that happens in the order in which it happens.</summary>
internal sealed class SwarmPromises
{
    private readonly SwarmNode[] _nodes;
    private readonly CommittedLog _committed = new();
    private readonly MoreThanOneLeader _leaders = new();
    private readonly LeaderCompleteness _completeness;
    private readonly LogMatching _matching = new();
    private readonly CommittedIsDurable _durable;
    private readonly StateMachineSafety _stateMachine;
    private readonly Monotonic _monotonic;
    private readonly LeaseOverlap _leases = new();
    private readonly LinearizableReads _reads;
    private readonly Promise[] _all;

    public SwarmPromises(SwarmNode[] nodes)
    {
        _nodes = nodes;
        _completeness = new LeaderCompleteness(_committed);
        _durable = new CommittedIsDurable(_committed);
        _stateMachine = new StateMachineSafety(_committed);
        _monotonic = new Monotonic(nodes.Length);
        _reads = new LinearizableReads(_committed);
        _all = [_leaders, _completeness, _durable, _stateMachine, _matching, _monotonic, _reads, _leases];
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
            if (_leaders.Leads(node.Number, core.Term)) _completeness.Elected(node);
            _leases.Observe(node, _nodes);
        }
        for (; node.CommitSeen < core.Commit; node.CommitSeen = node.CommitSeen.Next)
        {
            var id = core.EntryAt(node.CommitSeen.Next).Id;
            if (_committed.Holds(id.Index))
            {
                _stateMachine.Committed(node, id);
                continue;
            }
            _committed.Add(id, core.Term);
            _durable.Committed(id.Index, _nodes);
            _completeness.Committed(id.Index, _nodes);
        }
    }

    public void Took(SwarmNode node, RaftWork work)
    {
        foreach (var entry in work.Append) _matching.Appended(node, entry);
        foreach (var entry in work.Apply)
        {
            _stateMachine.Applied(node, entry);
            node.NoteApplied(entry.Index);
        }
        foreach (var grant in work.ReadsGranted) _reads.Grant(node.Number, grant);
    }

    public void Spoke(int node, in Envelope envelope) => _monotonic.Spoke(node, envelope);

    public void DiskReplaced(LogIndex from)
    {
        if (from > LogIndex.Zero) _durable.Replaced(from, _nodes);
    }

    public void Restarted(SwarmNode node) => _monotonic.Restarted(node.Number, node.DiskTerm);

    public ReadTicket AskRead() => _reads.Ask();
}
