using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>The log as an image keeps it.</summary>
internal sealed partial class RaftLog
{
    public RaftLog(CoreImage image)
    {
        _entries = new Entry[Math.Max(16, image.Log.Length)];
        image.Log.CopyTo(_entries);
        _count = image.Log.Length;
        (HandedToDisk, Durable, Commit) = (image.HandedToDisk, image.Durable, image.Commit);
        HandedOut = Applied = image.Applied;
    }

    /// <summary>All that is in it.</summary>
    public ImmutableArray<Entry> Entries => ImmutableArray.Create(_entries, 0, _count);
}
