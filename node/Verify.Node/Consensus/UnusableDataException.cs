namespace Verify.Node;

/// <summary>The data directory cannot be used by this node as it is configured. The message says why and what to do.</summary>
public sealed class UnusableDataException(string message) : Exception(message)
{
    internal static UnusableDataException Newer(string file, uint found, uint known) => new(
        $"{file} has format version {found}; this program reads up to version {known}. "
        + "Start the newer program that wrote it, or restore a backup from before the upgrade.");

    /// <summary>The remedy where a node's vote or word cannot be had back. An emptied directory under the old name would be a voter that votes
    /// a second time, and one that the leader believes to hold what it has lost.</summary>
    internal const string ReplaceInstead = "when a majority of the other nodes is healthy, let a new member take its place (verify-ctl cluster replace: a new "
        + "node id, an empty data directory). Do not empty this directory and start the node under its old name: it would vote again where it has voted";

    internal static UnusableDataException Foreign(string file, Consensus.DataOwner found, Consensus.DataOwner self) => new(
        $"{file} belongs to node {found.Node} of cluster '{found.ClusterId}', but this is node {self.Node} of cluster "
        + $"'{self.ClusterId}'. Point the node at its own data directory (RaftDataDir), or correct its name.");

    internal static UnusableDataException KeyMissing(string file, string keyId) => new(
        $"{file} is sealed with key '{keyId}', which is not in the key file. Put that key back into the key file, behind the active one; "
        + "it may go when no file is sealed with it any more (verify-node --upgrade-check lists the keys in use).");

    internal static UnusableDataException KeyWrong(string file, string keyId) => new(
        $"{file} is sealed with key '{keyId}', but the key of that name in the key file is another one. Restore the key file with which "
        + "this node ran before.");

    internal static UnusableDataException NotAuthentic(string file, long offset) => new(
        $"{file}, offset {offset}: the checksum is right, but the sealed content is not what this node wrote: somebody without the key "
        + "has changed it, or the program that wrote it was at fault. Keep the file for analysis and restore it from a backup of this "
        + $"node; or {ReplaceInstead}.");
}
