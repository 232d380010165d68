using System.Collections.Immutable;
using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>What must never go back: a node's term, also over a crash once it has been spoken; its commit while it runs; what a
/// leader knows to match of a follower, while it leads.</summary>
internal sealed class Monotonic : Promise
{
    private readonly Term[] _terms;
    private readonly Term[] _spoken;
    private readonly LogIndex[] _commits;
    private readonly Term[] _ledTerms;
    private readonly LogIndex[,] _matches;

    public Monotonic(int nodes) =>
        (_terms, _spoken, _commits, _ledTerms, _matches) = (new Term[nodes], new Term[nodes], new LogIndex[nodes], new Term[nodes], new LogIndex[nodes, nodes]);

    public override string Name => "Monotonic";

    public void Observe(int node, Term term, LogIndex commit)
    {
        if (term < _terms[node]) BreakTerm(node, term);
        if (commit < _commits[node]) BreakCommit(node, commit);
        (_terms[node], _commits[node]) = (term, commit);
    }

    /// <summary>The node said something that depends on its term. (A pre-vote names a term that nobody is in.)</summary>
    public void Spoke(int node, in Envelope envelope)
    {
        if (envelope.Body is Message.VoteRequest { IsPreVote: true } or Message.VoteReply { IsPreVote: true }) return;
        if (envelope.Term > _spoken[node]) _spoken[node] = envelope.Term;
    }

    /// <summary>What the leader of a term knows of its followers. One that left and came back is begun anew.</summary>
    public void ObservePeers(int leader, Term term, Membership members, ImmutableArray<PeerProgress> peers)
    {
        var isNew = _ledTerms[leader] != term;
        _ledTerms[leader] = term;
        var seen = 0u;
        foreach (var peer in peers)
        {
            if (!members.Contains(peer.Peer)) continue;
            var number = SwarmNames.NumberOf(peer.Peer);
            seen |= SwarmQuorums.Bit(number);
            if (!isNew && peer.Match < _matches[leader, number])
                Break(string.Create(CultureInfo.InvariantCulture, $"n{leader + 1}, leader of term {term}, took n{number + 1} from match {_matches[leader, number]} back to {peer.Match}"));
            if (peer.Next <= peer.Match)
                Break(string.Create(CultureInfo.InvariantCulture, $"n{leader + 1}, leader of term {term}, would send n{number + 1} from {peer.Next} though {peer.Match} matches"));
            _matches[leader, number] = peer.Match;
        }
        for (var other = 0; other < _terms.Length; other++)
            if ((seen & SwarmQuorums.Bit(other)) == 0) _matches[leader, other] = LogIndex.Zero;
    }

    /// <summary>A snapshot took the place of the state.</summary>
    public void Installed(int node, LogIndex committed, LogIndex snapshot)
    {
        if (snapshot < committed)
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node + 1} has committed {committed} and installs a snapshot of {snapshot}"));
    }

    /// <summary>The node starts again from its disk.</summary>
    public void Restarted(int node, Term onDisk, LogIndex committed)
    {
        if (onDisk < _spoken[node])
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node + 1} spoke in term {_spoken[node]} and woke up in term {onDisk}"));
        (_terms[node], _commits[node], _ledTerms[node]) = (onDisk, committed, Term.Zero);
    }

    /// <summary>Its disk was damaged or is another one: what it was may be gone.</summary>
    public void Forget(int node) => (_terms[node], _spoken[node], _commits[node], _ledTerms[node]) = (Term.Zero, Term.Zero, LogIndex.Zero, Term.Zero);

    // Methods of their own: a method that may build a text is compiled with its locals cleared on every call, and this one is called at every event.
    private void BreakTerm(int node, Term term) => Break(string.Create(CultureInfo.InvariantCulture, $"n{node + 1} went from term {_terms[node]} to {term}"));

    private void BreakCommit(int node, LogIndex commit) => Break(string.Create(CultureInfo.InvariantCulture, $"n{node + 1} went from commit {_commits[node]} to {commit}"));
}
