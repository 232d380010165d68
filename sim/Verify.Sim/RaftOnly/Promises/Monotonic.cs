using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>What must never go back: a node's term, also over a crash once it has been spoken; its commit while it runs.</summary>
internal sealed class Monotonic : Promise
{
    private readonly Term[] _terms;
    private readonly Term[] _spoken;
    private readonly LogIndex[] _commits;

    public Monotonic(int nodes) =>
        (_terms, _spoken, _commits) = (new Term[nodes], new Term[nodes], new LogIndex[nodes]);

    public override string Name => "Monotonic";

    public void Observe(int node, Term term, LogIndex commit)
    {
        if (term < _terms[node])
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node + 1} went from term {_terms[node]} to {term}"));
        if (commit < _commits[node])
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node + 1} went from commit {_commits[node]} to {commit}"));
        (_terms[node], _commits[node]) = (term, commit);
    }

    /// <summary>The node said something that depends on its term. (A pre-vote names a term that nobody is in.)</summary>
    public void Spoke(int node, in Envelope envelope)
    {
        if (envelope.Body is Message.VoteRequest { IsPreVote: true } or Message.VoteReply { IsPreVote: true }) return;
        if (envelope.Term > _spoken[node]) _spoken[node] = envelope.Term;
    }

    /// <summary>The node starts again from its disk.</summary>
    public void Restarted(int node, Term onDisk)
    {
        if (onDisk < _spoken[node])
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node + 1} spoke in term {_spoken[node]} and woke up in term {onDisk}"));
        (_terms[node], _commits[node]) = (onDisk, LogIndex.Zero);
    }
}
