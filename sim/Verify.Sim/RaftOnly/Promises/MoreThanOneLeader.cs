using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>Election Safety (Raft paper, figure 3): at most one leader in a term.</summary>
internal sealed class MoreThanOneLeader : Promise
{
    private readonly List<int> _leaders = [];

    public override string Name => "MoreThanOneLeader";
    public int Elections { get; private set; }

    /// <summary>After every term that had a leader.</summary>
    public Term NextTerm => new(_leaders.Count);

    /// <summary>This node leads this term. True when that is news.</summary>
    public bool Leads(int node, Term term)
    {
        while (_leaders.Count <= term.Value) _leaders.Add(-1);
        var known = _leaders[(int)term.Value];
        if (known == node) return false;
        if (known >= 0) Break(string.Create(CultureInfo.InvariantCulture, $"n{known + 1} and n{node + 1} both lead term {term}"));
        _leaders[(int)term.Value] = node;
        Elections++;
        return true;
    }
}
