namespace Verify.Sim.Exhaustive;

/// <summary>The promises of Raft as conditions on one state (their names and sources: RaftOnly/Promises). MoreThanOneLeader and
/// StateMachineSafety are in <see cref="SeenHistory"/>; Persist, Monotonic and the core's own invariants in <see cref="NodePlayer"/>.</summary>
internal static class StatePromises
{
    public static BrokenPromise? Check(ReadOnlySpan<NodeFacts> nodes, SeenHistory history)
    {
        foreach (ref readonly var node in nodes)
        {
            foreach (ref readonly var other in nodes)
            {
                if (other.Number == node.Number) continue;
                if (other.Number > node.Number && LogMatching(node, other) is { } mismatch) return mismatch;
                if (node.IsLeader && (ElectionSafety(node, other) ?? Matches(node, other)) is { } broken) return broken;
            }
            if (node.IsLeader && LeaderCompleteness(node, history) is { } incomplete) return incomplete;
            if (QuorumLog(node, nodes) is { } unsafely) return unsafely;
        }
        return CommittedIsDurable(nodes, history);
    }

    private static BrokenPromise? LogMatching(in NodeFacts one, in NodeFacts other)
    {
        for (var index = Math.Min(one.Log.Count, other.Log.Count); index > 0; index--)
        {
            if (one.Log.TermAt(index) != other.Log.TermAt(index)) continue;
            return one.Log.AgreesUpTo(other.Log, index) ? null
                : new("LogMatching", $"the logs of {one.Name} and {other.Name} both hold {one.Log.Name(index)} and differ up to there");
        }
        return null;
    }

    private static BrokenPromise? ElectionSafety(in NodeFacts leader, in NodeFacts other)
    {
        for (var index = other.Log.Count; index > leader.Log.Count; index--)
            if (other.Log.TermAt(index) == leader.Term)
                return new("ElectionSafety", $"{other.Name} has {other.Log.Name(index)}, which {leader.Name}, leader of that term, has not");
        return null;
    }

    private static BrokenPromise? Matches(in NodeFacts leader, in NodeFacts follower)
    {
        var match = leader.MatchOf(follower.Number);
        if (match == 0 || follower.Term != leader.Term || follower.DiskLog.HoldsAt(match, leader.Log[match])) return null;
        return new("QuorumLog", $"{leader.Name} counts on {follower.Name} for {leader.Log.Name(match)}, which is not on its disk");
    }

    private static BrokenPromise? LeaderCompleteness(in NodeFacts leader, SeenHistory history)
    {
        for (var index = 1; index <= history.Committed.Count; index++)
            if (history.CommittedInTerm(index) < leader.Term && !leader.Log.HoldsAt(index, history.Committed[index]))
                return new("LeaderCompleteness", FormattableString.Invariant($"{leader.Name} leads term {leader.Term} without the committed entry {history.Committed.Name(index)}"));
        return null;
    }

    private static BrokenPromise? QuorumLog(in NodeFacts knower, ReadOnlySpan<NodeFacts> nodes)
    {
        if (knower.Commit == 0) return null;
        var lack = 0;
        foreach (ref readonly var node in nodes)
            if (!node.Log.AgreesUpTo(knower.Log, knower.Commit)) lack++;
        return lack <= nodes.Length / 2 ? null
            : new("QuorumLog", FormattableString.Invariant($"{knower.Name} knows {knower.Log.Name(knower.Commit)} as committed; {lack} of {nodes.Length} voters lack it"));
    }

    private static BrokenPromise? CommittedIsDurable(ReadOnlySpan<NodeFacts> nodes, SeenHistory history)
    {
        for (var index = 1; index <= history.Committed.Count; index++)
        {
            var holders = 0;
            foreach (ref readonly var node in nodes)
                if (node.DiskLog.HoldsAt(index, history.Committed[index])) holders++;
            if (holders <= nodes.Length / 2)
                return new("CommittedIsDurable", FormattableString.Invariant($"{history.Committed.Name(index)} is committed, but on {holders} of {nodes.Length} disks only"));
        }
        return null;
    }
}
