using System.IO.Pipelines;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>Writes one group at a time and tells the loop how it went. A driver: it decides nothing. It runs off the loop, so
/// that a disk which blocks its caller does not stop the node's thinking.</summary>
internal sealed class DiskWriter(
    DataDirectory data, NodeLoop loop, PipeScheduler scheduler, TimeProvider time, NodeMetrics metrics, Limits limits)
{
    private DiskGroup? _group;
    private DataKeys? _nextKeys;

    /// <summary>The answer comes as <see cref="NodeInput.LogSynced"/>. Not to be called again before it came. A group that installs a
    /// snapshot uses the snapshot store as well, so nobody else may use it meanwhile.</summary>
    public void Start(DiskGroup group)
    {
        _group = group;
        scheduler.Schedule(static writer => _ = ((DiskWriter)writer!).WriteAsync(), this);
    }

    /// <summary>The keys for data at rest from the next group on. From any thread.</summary>
    public void UseKeys(DataKeys keys) => Interlocked.Exchange(ref _nextKeys, keys);

    public void Dispose() => data.Dispose();

    private async Task WriteAsync()
    {
        var group = _group!;
        var outcome = await CarryOutAsync(group);
        loop.Post(new NodeInput.LogSynced(group, outcome));
    }

    /// <summary>The order is the safety: term and vote first; the snapshot becomes this node's before the log in front of it goes; the
    /// entries behind it come last.</summary>
    private async ValueTask<DiskOutcome> CarryOutAsync(DiskGroup group)
    {
        var started = time.GetTimestamp();
        if (Interlocked.Exchange(ref _nextKeys, null) is { } keys) data.UseKeys(keys);
        try
        {
#if VERIFY_MUTANTS
            if (FaultPoint.Fires("a flush is late", perMille: 50)) await Task.Delay(TimeSpan.FromMilliseconds(100), time);
#endif
            if (group.HardState is { } state && state != data.HardState.State) await data.HardState.WriteAsync(state);
            var restored = group.Install is null ? null : await InstallAsync(group);
            if (group.Entries.Count > 0) await data.Log.AppendAsync(group.Entries);
            if (group.TriesSpace) await data.Log.TrySpaceAsync();
            if (group.NeedsDisk) metrics.Synced(time.GetElapsedTime(started));
            if (group.DiscardUpTo.Value > 0) await data.Log.DiscardAsync(group.DiscardUpTo);
            if (data.Lost is { } lost && lost.AreBackIn(data.Log.Last)) await data.LostAreBackAsync();
            return new DiskOutcome.Durable(new(data.Log.Entries, data.Log.Bytes, 0), restored, data.Lost is not null);
        }
        catch (DiskFullException full)
        {
            Mark.Reached("a disk was full");
            return new DiskOutcome.Full(full.Message, data.HardState.State == group.HardState);
        }
        catch (Exception cause)
        {
            Mark.Reached("a disk failed");
            return new DiskOutcome.Failed(cause);
        }
    }

    private async ValueTask<RestoredState> InstallAsync(DiskGroup group)
    {
        var file = await data.InstallAsync(group.Install!);
        Mark.Reached("a snapshot was installed");
        var state = await data.Snapshots.RestoreAsync(file, State.Sessions.FormerMax, limits.RecoveriesKeptMax);
        return new(file, state, state.StateHash());
    }
}
