using System.Diagnostics.CodeAnalysis;

namespace Verify.Raft;

/// <summary>Checks that are always on, in production too: a broken promise halts this node rather than spread.</summary>
public static class Invariant
{
    /// <exception cref="InvariantBrokenException">The condition does not hold.</exception>
    public static void Holds([DoesNotReturnIf(false)] bool condition, string promise)
    {
        if (!condition) throw new InvariantBrokenException(promise);
    }
}

/// <summary>A promise of the design does not hold; the node must halt.</summary>
public sealed class InvariantBrokenException(string promise) : Exception($"Invariant broken: {promise}");
