using System.Collections.Immutable;
using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>The names of the swarm's nodes: n1 to n9, made once.</summary>
internal static class SwarmNames
{
    public const int Max = 9;

    private static readonly ImmutableArray<NodeId> All =
        [new("n1"), new("n2"), new("n3"), new("n4"), new("n5"), new("n6"), new("n7"), new("n8"), new("n9")];

    public static ImmutableArray<NodeId> First(int count) => All[..count];

    /// <summary>The name is one of these.</summary>
    public static bool Fits(string name) => name.Length == 2 && name[0] == 'n' && name[1] is >= '1' and <= '9';

    public static int NumberOf(NodeId id) => id.Name[1] - '1';
}
