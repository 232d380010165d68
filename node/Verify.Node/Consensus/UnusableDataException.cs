namespace Verify.Node;

/// <summary>The data directory cannot be used by this node as it is configured. The message says why and what to do.</summary>
public sealed class UnusableDataException(string message) : Exception(message)
{
    internal static UnusableDataException Newer(string file, uint found, uint known) => new(
        $"{file} has format version {found}; this program reads up to version {known}. "
        + "Start the newer program that wrote it, or restore a backup from before the upgrade.");

    internal static UnusableDataException Foreign(string file, Consensus.DataOwner found, Consensus.DataOwner self) => new(
        $"{file} belongs to node {found.Node} of cluster '{found.ClusterId}', but this is node {self.Node} of cluster "
        + $"'{self.ClusterId}'. Point the node at its own data directory (RaftDataDir), or correct its name.");
}
