using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>The arithmetic of majorities once more, apart from the production code that is judged by it. Nodes are bits.</summary>
internal static class SwarmQuorums
{
    /// <summary>These nodes are more than half of the voters, and during a joint change of the outgoing ones too (Raft paper §6).</summary>
    public static bool IsQuorum(Membership membership, uint nodes) =>
        IsMajority(BitsOf(membership.Voters), nodes) && (membership.Outgoing.IsEmpty || IsMajority(BitsOf(membership.Outgoing), nodes));

    /// <summary>Two quorums, one of each, always have a node in common.</summary>
    public static bool Overlap(Membership one, Membership other)
    {
        var all = BitsOf(one.Voters) | BitsOf(one.Outgoing) | BitsOf(other.Voters) | BitsOf(other.Outgoing);
        for (var some = all; some != 0; some = (some - 1) & all)
            if (IsQuorum(one, some) && IsQuorum(other, all & ~some)) return false;
        return true;
    }

    public static uint Bit(int node) => 1u << node;

    public static uint BitsOf(System.Collections.Immutable.ImmutableArray<NodeId> nodes)
    {
        var bits = 0u;
        foreach (var node in nodes) bits |= Bit(SwarmNames.NumberOf(node));
        return bits;
    }

    /// <summary>For messages: "2 of 3", or "2 of 3 and 1 of 3" during a joint change.</summary>
    public static string Count(Membership membership, uint nodes)
    {
        var (voters, outgoing) = (BitsOf(membership.Voters), BitsOf(membership.Outgoing));
        var text = $"{Bits(voters & nodes)} of {Bits(voters)}";
        return outgoing == 0 ? text : $"{text} and {Bits(outgoing & nodes)} of {Bits(outgoing)}";
    }

    private static bool IsMajority(uint voters, uint nodes) => 2 * Bits(voters & nodes) > Bits(voters);

    private static int Bits(uint nodes) => System.Numerics.BitOperations.PopCount(nodes);
}
