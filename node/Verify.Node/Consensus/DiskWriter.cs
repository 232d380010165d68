using System.IO.Pipelines;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Telemetry;

namespace Verify.Node.Consensus;

/// <summary>Writes one group at a time and tells the loop how it went. A driver: it decides nothing. It runs off the loop, so
/// that a disk which blocks its caller does not stop the node's thinking.</summary>
internal sealed class DiskWriter(
    HardStateFile hardState, LogFile log, NodeLoop loop, PipeScheduler scheduler, TimeProvider time, NodeMetrics metrics)
{
    private DiskGroup? _group;

    /// <summary>The answer comes as <see cref="NodeInput.LogSynced"/>. Not to be called again before it came.</summary>
    public void Start(DiskGroup group)
    {
        _group = group;
        scheduler.Schedule(static writer => _ = ((DiskWriter)writer!).WriteAsync(), this);
    }

    public void Dispose()
    {
        log.Dispose();
        hardState.Dispose();
    }

    private async Task WriteAsync()
    {
        var group = _group!;
        var outcome = await CarryOutAsync(group);
        loop.Post(new NodeInput.LogSynced(group, outcome));
    }

    private async ValueTask<DiskOutcome> CarryOutAsync(DiskGroup group)
    {
        var started = time.GetTimestamp();
        try
        {
            if (group.HardState is { } state && state != hardState.State) await hardState.WriteAsync(state);
            if (group.Entries.Count > 0) await log.AppendAsync(group.Entries);
            metrics.Synced(time.GetElapsedTime(started));
            return new DiskOutcome.Durable();
        }
        catch (DiskFullException full)
        {
            return new DiskOutcome.Full(full.Message);
        }
        catch (Exception cause)
        {
            return new DiskOutcome.Failed(cause);
        }
    }
}
