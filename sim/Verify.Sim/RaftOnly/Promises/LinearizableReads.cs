using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>A granted read sees everything that anyone knew to be committed when it was asked for (Raft thesis §6.4).</summary>
internal sealed class LinearizableReads(CommittedLog committed) : Promise
{
    private readonly List<LogIndex> _asked = [];

    public override string Name => "LinearizableReads";
    public int Granted { get; private set; }

    public ReadTicket Ask()
    {
        _asked.Add(committed.Last);
        return new ReadTicket(_asked.Count - 1);
    }

    /// <summary>A read under the lease is answered at once.</summary>
    public void GrantedByLease(int node, LogIndex index)
    {
        Granted++;
        if (index < committed.Last)
            Break(string.Create(
                CultureInfo.InvariantCulture, $"n{node + 1} answers under its lease at index {index}; {committed.Last} is committed"));
    }

    public void Grant(int node, ReadGrant grant)
    {
        Granted++;
        var known = _asked[(int)grant.Ticket.Value];
        if (grant.Index < known)
            Break(string.Create(
                CultureInfo.InvariantCulture, $"n{node + 1} answers {grant.Ticket} at index {grant.Index}; {known} was committed when it was asked"));
    }
}
