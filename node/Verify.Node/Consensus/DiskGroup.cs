using Verify.Node.Api;
using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>What one disk sync pays for: everything that Raft asked for while the last sync ran. The messages leave when the
/// group is durable.</summary>
/// <param name="HardState">The newest; the older ones of the group never left the node.</param>
/// <param name="Entries">One run without gaps: what a later part of the group replaced is not written at all.</param>
internal sealed record DiskGroup(HardState? HardState, IReadOnlyList<Entry> Entries, IReadOnlyList<Envelope> Messages)
{
    /// <summary>The snapshot that takes the place of log and state, before <see cref="Entries"/> are written.</summary>
    public SnapshotMark? Install { get; init; }

    /// <summary>Entries up to here may leave the disk; 0: none.</summary>
    public LogIndex DiscardUpTo { get; init; }

    /// <summary>Whether there is space for more than this group is to be found out as well.</summary>
    public bool TriesSpace { get; init; }
    public bool NeedsDisk => HardState is not null || Install is not null || Entries.Count > 0 || TriesSpace;

    /// <summary>What is durable when the group is.</summary>
    public EntryId? Last => Entries.Count > 0 ? Entries[^1].Id : Install?.Last;

    public static DiskGroup Of(IReadOnlyList<RaftWork> works)
    {
        HardState? hardState = null;
        SnapshotMark? install = null;
        var entries = new List<Entry>();
        var messages = new List<Envelope>();
        foreach (var work in works)
        {
            hardState = work.HardState ?? hardState;
            messages.AddRange(work.SendWhenDurable);
            if (work.Install is { } mark)
            {
                install = mark;
                entries.Clear();
            }

            if (work.Append.IsEmpty) continue;
            var first = work.Append[0].Index;
            while (entries.Count > 0 && entries[^1].Index >= first) entries.RemoveAt(entries.Count - 1);
            entries.AddRange(work.Append);
        }

        return new(hardState, entries, messages) { Install = install };
    }
}

/// <summary>How the disk answered.</summary>
internal abstract record DiskOutcome
{
    private DiskOutcome() { }

    /// <param name="Restored">The state that an installed snapshot holds; null when none was installed.</param>
    /// <param name="IsInDebt">This node lacks entries that it may have acknowledged (<see cref="LostEntries"/>).</param>
    internal sealed record Durable(LogFigures Figures, RestoredState? Restored, bool IsInDebt) : DiskOutcome;

    /// <summary>No space. Nothing of the group may be believed but its term and vote, when they could be written in the place that they have;
    /// the same group can be written again.</summary>
    internal sealed record Full(string Why, bool IsHardStateDurable) : DiskOutcome;

    /// <summary>The disk failed. Nothing is known of what it holds.</summary>
    internal sealed record Failed(Exception Cause) : DiskOutcome;
}

/// <summary>A state that was read from a snapshot, and its hash.</summary>
internal sealed record RestoredState(SnapshotFile File, ReplicatedState State, ulong Hash);
