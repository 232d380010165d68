using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Verify.Raft;

/// <summary>How an election stands.</summary>
public enum VoteOutcome { Pending, Won, Lost }

/// <summary>The arithmetic of majorities (Raft paper §5.2 and figure 2): what a set of voters has certainly agreed on.</summary>
public sealed class Quorum(ImmutableArray<NodeId> voters)
{
    public ImmutableArray<NodeId> Voters { get; } = voters;

    /// <summary>The smallest number of voters that is more than half.</summary>
    public static int Majority(int voters) => (voters / 2) + 1;

    /// <summary>The largest number that a majority has reached. Sorts its argument. No voters have agreed on everything.</summary>
    public static long ReachedByMajority(Span<long> reached)
    {
        if (reached.IsEmpty) return long.MaxValue;
        for (var i = 1; i < reached.Length; i++)
        {
            // Insertion sort, largest first: groups are small.
            var value = reached[i];
            var place = i;
            for (; place > 0 && reached[place - 1] < value; place--) reached[place] = reached[place - 1];
            reached[place] = value;
        }
        return reached[Needed(reached.Length) - 1];
    }

    public static VoteOutcome Outcome(int voters, int granted, int refused)
    {
        if (voters == 0 || granted >= Needed(voters)) return VoteOutcome.Won;
        return voters - refused < Needed(voters) ? VoteOutcome.Lost : VoteOutcome.Pending;
    }

    private static int Needed(int voters)
    {
        var needed = Majority(voters);
#if VERIFY_MUTANTS
        if (Mutant.Is("M08", deviates: voters % 2 == 0 && voters > 0)) needed = voters / 2;
#endif
        return needed;
    }

    /// <summary>The largest index that a majority has acknowledged; a voter that said nothing is at 0.</summary>
    public LogIndex Committed(IReadOnlyDictionary<NodeId, LogIndex> acked)
    {
        var reached = new long[Voters.Length];
        for (var i = 0; i < reached.Length; i++) reached[i] = acked.TryGetValue(Voters[i], out var index) ? index.Value : 0;
        return new LogIndex(ReachedByMajority(reached));
    }

    public VoteOutcome Outcome(IReadOnlyDictionary<NodeId, bool> votes)
    {
        int granted = 0, refused = 0;
        foreach (var voter in Voters)
        {
            if (!votes.TryGetValue(voter, out var vote)) continue;
            if (vote) granted++;
            else refused++;
        }
        return Outcome(Voters.Length, granted, refused);
    }

    /// <summary>A picture for transcripts: one line per voter with a bar as long as its rank, then the result.</summary>
    public string Describe(IReadOnlyDictionary<NodeId, LogIndex> acked) => DescribeVoters(Voters, acked, Committed(acked));

    internal static string DescribeVoters(
        ImmutableArray<NodeId> voters, IReadOnlyDictionary<NodeId, LogIndex> acked, LogIndex committed)
    {
        if (voters.IsEmpty) return "no voters: everything is agreed\n";
        var text = new StringBuilder();
        foreach (var voter in voters)
        {
            var known = acked.TryGetValue(voter, out var index);
            var rank = 0;
            foreach (var other in voters) rank += acked.TryGetValue(other, out var reached) && reached < index ? 1 : 0;
            var bar = new string('x', known ? rank : 0) + (known ? ">" : "?");
            text.Append(bar.PadRight(voters.Length + 1)).Append(CultureInfo.InvariantCulture, $"{index.Value,6}  ({voter})");
            text.Append(index >= committed ? " *\n" : "\n");
        }
        return text.Append(CultureInfo.InvariantCulture, $"agreed: {committed}\n").ToString();
    }
}

/// <summary>The arithmetic while a group changes its members (joint consensus, Raft paper §6): both the old and the new
/// voters must agree, each by a majority of its own.</summary>
public sealed class JointQuorum(ImmutableArray<NodeId> incoming, ImmutableArray<NodeId> outgoing)
{
    public Quorum Incoming { get; } = new(incoming);
    public Quorum Outgoing { get; } = new(outgoing);

    public LogIndex Committed(IReadOnlyDictionary<NodeId, LogIndex> acked) =>
        LogIndex.Min(Incoming.Committed(acked), Outgoing.Committed(acked));

    public VoteOutcome Outcome(IReadOnlyDictionary<NodeId, bool> votes) => Both(Incoming.Outcome(votes), Outgoing.Outcome(votes));

    /// <summary>Won where both have won, lost where one has lost.</summary>
    public static VoteOutcome Both(VoteOutcome one, VoteOutcome other)
    {
        if (one == other) return one;
        return one == VoteOutcome.Lost || other == VoteOutcome.Lost ? VoteOutcome.Lost : VoteOutcome.Pending;
    }

    public string Describe(IReadOnlyDictionary<NodeId, LogIndex> acked)
    {
        if (Outgoing.Voters.IsEmpty) return Incoming.Describe(acked);
        return $"incoming\n{Incoming.Describe(acked)}outgoing\n{Outgoing.Describe(acked)}both: {Committed(acked)}\n";
    }
}
