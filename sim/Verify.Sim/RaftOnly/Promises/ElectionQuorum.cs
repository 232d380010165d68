using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>A leader was elected by a majority of the voters that its own log names, its own vote included (Raft paper §5.2, thesis §4.1).</summary>
internal sealed class ElectionQuorum : Promise
{
    private readonly List<(Term Term, int Candidate, uint Voters)> _votes = [];

    public override string Name => "ElectionQuorum";

    public void Spoke(int voter, in Envelope envelope)
    {
        if (envelope.Body is not Message.VoteReply { Granted: true, IsPreVote: false }) return;
        var (term, candidate) = (envelope.Term, SwarmNames.NumberOf(envelope.To));
        var at = _votes.FindLastIndex(v => v.Term == term && v.Candidate == candidate);
        if (at < 0) _votes.Add((term, candidate, SwarmQuorums.Bit(voter)));
        else _votes[at] = (term, candidate, _votes[at].Voters | SwarmQuorums.Bit(voter));
    }

    public void Elected(WatchedNode leader)
    {
        var voters = SwarmQuorums.Bit(leader.Number);
        foreach (var votes in _votes)
            if (votes.Term == leader.Core.Term && votes.Candidate == leader.Number) voters |= votes.Voters;
        if (!SwarmQuorums.IsQuorum(leader.InForce, voters))
            Break(string.Create(
                CultureInfo.InvariantCulture, $"n{leader.Number + 1} leads term {leader.Core.Term} with the votes of {SwarmQuorums.Count(leader.InForce, voters)}"));
    }
}
