namespace Verify.Chaos.Worlds;

/// <summary>What a node's files are, for who damages them.</summary>
internal static class NodeFiles
{
    /// <summary>A vote whose write went astray, or whose sectors are gone, is a vote that was never given: no other node knows of it, so nobody claims to
    /// survive that, or it ends the node for good. Tested where files are tested; faults leave it alone.</summary>
    public static bool HoldsTheVote(string file) => file.StartsWith("hardstate", StringComparison.Ordinal);
}
