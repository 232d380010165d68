using System.Collections.Immutable;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>A snapshot that is whole and durable on this node's disk.</summary>
/// <param name="Name">In the data directory.</param>
/// <param name="Mark">Where in the log it stands, and who the members were there.</param>
/// <param name="Id">Names its content stream.</param>
/// <param name="Bytes">Of the file.</param>
/// <param name="KeyId">The key that it is sealed with; empty: none.</param>
internal sealed record SnapshotFile(string Name, SnapshotMark Mark, SnapshotId Id, long Bytes, string KeyId)
{
    /// <summary>Where its blocks lie, in the file and in the content stream.</summary>
    internal ImmutableArray<SnapshotBlockPlace> Places { get; init; } = [];

    /// <summary>The number of the block whose frame holds this place of the content stream.</summary>
    internal int PlaceOf(long streamOffset)
    {
        var (low, high) = (0, Places.Length - 1);
        while (low < high)
        {
            var middle = (low + high + 1) >>> 1;
            if (Places[middle].StreamOffset <= streamOffset) low = middle;
            else high = middle - 1;
        }

        return low;
    }
}

/// <summary>One block of content: its place in the file, and where its frame begins in the plain content stream.</summary>
internal readonly record struct SnapshotBlockPlace(long FileOffset, long StreamOffset);

/// <summary>A snapshot file has bytes that its checksums do not fit. The message names file and offset.</summary>
internal sealed class DamagedSnapshotException(string file, long offset, string what) : Exception($"{file}, offset {offset}: {what}")
{
    public string File { get; } = file;
    public long Offset { get; } = offset;
}
