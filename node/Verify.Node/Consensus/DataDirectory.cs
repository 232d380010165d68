using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>Everything that a node keeps on its disk, opened in the one order that is safe: the snapshots first, because they say which damage
/// to the log matters; then the log; and the vote, which must be at least as new as both.</summary>
internal sealed class DataDirectory : IDisposable
{
    private readonly IDisk _disk;

    private DataDirectory(IDisk disk, HardStateFile hardState, SnapshotStore snapshots, LogFound log) =>
        (_disk, HardState, Snapshots, Log, Entries, Lost) = (disk, hardState, snapshots, log.File, log.Entries, log.Lost);

    public HardStateFile HardState { get; }
    public SnapshotStore Snapshots { get; }
    public LogFile Log { get; }

    /// <summary>The log's entries as they were found, for the core.</summary>
    public ImmutableArray<Entry> Entries { get; }

    /// <summary>Not null: this node must not vote before <see cref="LostEntries.AreBackIn"/> its durable log; then call
    /// <see cref="LostAreBackAsync"/>.</summary>
    public LostEntries? Lost { get; private set; }

    /// <summary>There was something here before.</summary>
    public bool IsRecovered { get; private init; }

    /// <param name="hasPeers">Whether the configuration names others from whom lost entries could come.</param>
    /// <exception cref="DamagedLogException">The log is damaged where it may hold committed entries, and nobody is there to repair it from.</exception>
    /// <exception cref="UnusableDataException">Another node's, a newer program's, sealed with a missing key, or without its vote.</exception>
    /// <exception cref="IOException"/>
    public static async ValueTask<DataDirectory> OpenAsync(
        IDisk disk, DataOwner owner, LogSettings settings, SnapshotSettings snapshotSettings, bool hasPeers, ILogger log)
    {
        var snapshots = await SnapshotStore.OpenAsync(disk, owner, settings.Keys, snapshotSettings, settings.Dice, log);
        var kept = await HardStateFile.PeekAsync(disk, owner);
        var hasLog = LogReader.IsThereALog(disk);
        var grounds = new RebuildGrounds(kept, hasPeers, snapshots.Damage.IsEmpty ? null : snapshots.Damage[0]);
        var newest = snapshots.Newest?.Mark;
        var found = await new LogReader(disk, owner, settings, log).ReadAsync(newest, grounds);
        var last = found.File.Last.IsAtLeastAsUpToDateAs(newest?.Last ?? EntryId.Zero) ? found.File.Last : newest!.Last;
        Mark.ReachedIf(found.Lost is not null, "a node started with lost entries");
        Mark.ReachedIf(newest is not null, "a node started from a snapshot");
        var hasData = hasLog || newest is not null || !snapshots.Damage.IsEmpty;
        var hardState = await HardStateFile.OpenAsync(disk, owner, hasData ? last.Term : null);
        if (found.Lost is { } lost && hardState.State.Term <= lost.Above) await hardState.WriteAsync(new(lost.Above.Next, VotedFor: null));
        return new(disk, hardState, snapshots, found) { IsRecovered = hasData || kept is not null };
    }

    /// <summary>The snapshot that has arrived takes the place of log and state: it becomes the newest one durably, and only then the log goes. A
    /// crash in between leaves a log that ends before the snapshot or contradicts it, which the next start drops (see <see cref="LogPlan"/>).</summary>
    public async ValueTask<SnapshotFile> InstallAsync(SnapshotMark mark)
    {
#if VERIFY_MUTANTS
        if (Mutant.Is("M33", deviates: Log.Entries > 0))
        {
            await Log.ResetAsync(mark.Last);
            return await Snapshots.InstallAsync(mark);
        }
#endif
        var installed = await Snapshots.InstallAsync(mark);
        await Log.ResetAsync(mark.Last);
        return installed;
    }

    /// <summary>The durable log holds again what this node may have acknowledged: it may vote from now on.</summary>
    public async ValueTask LostAreBackAsync()
    {
        Invariant.Holds(Lost is null || Lost.AreBackIn(Log.Last), $"the entries that were lost are back (log ends with {Log.Last}, owed: {Lost})");
        if (Lost is null) return;
        Mark.Reached("entries that were lost are back");
        await LostEntries.ForgetAsync(_disk);
        Lost = null;
    }

    /// <summary>The keys from now on; the log begins a segment at its next append, and the next snapshot is sealed with the active one.</summary>
    public void UseKeys(DataKeys keys)
    {
        Log.UseKeys(keys);
        Snapshots.UseKeys(keys);
    }

    public void Dispose()
    {
        Log.Dispose();
        Snapshots.Dispose();
        HardState.Dispose();
    }
}
