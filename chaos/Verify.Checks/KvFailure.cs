namespace Verify.Checks;

/// <summary>A key whose history has no legal order, for whoever has to show why.</summary>
/// <param name="Calls">All operations on the key that say something, in the order of their calls.</param>
/// <param name="Smallest">The smallest part of them that was found to fail still.</param>
/// <param name="Longest">The longest order of operations that was found, in that order.</param>
public sealed record KvFailure(string Key, IReadOnlyList<Op> Calls, IReadOnlyList<Op> Smallest, IReadOnlyList<Op> Longest);
