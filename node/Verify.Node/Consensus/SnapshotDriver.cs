using System.IO.Pipelines;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>One thing to be done with the snapshots on disk.</summary>
internal abstract record SnapshotJob
{
    private SnapshotJob() { }

    internal sealed record Make(StateImage Image, SnapshotMark Mark) : SnapshotJob;
    internal sealed record Read(SnapshotSend Send) : SnapshotJob;
    internal sealed record Store(SnapshotPiece Piece) : SnapshotJob;
}

/// <summary>What became of it.</summary>
internal abstract record SnapshotOutcome
{
    private SnapshotOutcome() { }

    internal sealed record Made(SnapshotFile File, TimeSpan Took) : SnapshotOutcome;

    /// <summary>A piece to be sent.</summary>
    internal sealed record ToSend(SnapshotSend Send, Message.SnapshotChunk Chunk) : SnapshotOutcome;

    /// <summary>The snapshot is not here any more.</summary>
    internal sealed record Missing(SnapshotSend Send) : SnapshotOutcome;

    /// <summary>So much is stored; with a mark: all of it, checked and durable.</summary>
    internal sealed record Stored(SnapshotPiece Piece, long Received, SnapshotMark? Mark) : SnapshotOutcome;

    /// <summary>No space. Nothing has happened; it can be tried again.</summary>
    internal sealed record Full(SnapshotJob Job, string Why) : SnapshotOutcome;

    /// <summary>The snapshot that was to be read has rotten.</summary>
    internal sealed record Rotten(string What) : SnapshotOutcome;

    internal sealed record Failed(Exception Cause) : SnapshotOutcome;
}

/// <summary>Works with the snapshots on disk, one job at a time, off the loop, and tells the loop what became of each
/// (<see cref="NodeInput.SnapshotNews"/>). A driver: it decides nothing.</summary>
internal sealed class SnapshotDriver(SnapshotStore store, NodeLoop loop, PipeScheduler scheduler, TimeProvider time, int pieceBytesMax)
{
    private SnapshotJob? _job;

    /// <summary>Not to be called again before the answer came.</summary>
    public void Start(SnapshotJob job)
    {
        _job = job;
        scheduler.Schedule(static driver => _ = ((SnapshotDriver)driver!).WorkAsync(), this);
    }

    private async Task WorkAsync()
    {
        var job = _job!;
        loop.Post(new NodeInput.SnapshotNews(await CarryOutAsync(job)));
    }

    private async ValueTask<SnapshotOutcome> CarryOutAsync(SnapshotJob job)
    {
        var started = time.GetTimestamp();
        try
        {
            return job switch
            {
                SnapshotJob.Make(var image, var mark) => new SnapshotOutcome.Made(await store.WriteAsync(image, mark), time.GetElapsedTime(started)),
                SnapshotJob.Read(var send) => await ReadAsync(send),
                SnapshotJob.Store(var piece) => await StoreAsync(piece),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
        }
        catch (DiskFullException full)
        {
            return new SnapshotOutcome.Full(job, full.Message);
        }
        catch (DamagedSnapshotException damage) when (job is SnapshotJob.Read)
        {
            return new SnapshotOutcome.Rotten(damage.Message);
        }
        catch (Exception cause)
        {
            return new SnapshotOutcome.Failed(cause);
        }
    }

    private async ValueTask<SnapshotOutcome> ReadAsync(SnapshotSend send)
    {
        if (await store.FindAsync(send.Snapshot) is not { } file || send.Offset > file.Id.Bytes) return new SnapshotOutcome.Missing(send);
        var bytes = await store.ReadAsync(send.Snapshot, send.Offset, pieceBytesMax);
        return new SnapshotOutcome.ToSend(send, new(file.Id, file.Mark.Membership, send.Offset, bytes, ReadRound: 0));
    }

    private async ValueTask<SnapshotOutcome> StoreAsync(SnapshotPiece piece)
    {
        var received = await store.StoreAsync(piece);
        if (received < piece.Chunk.Id.Bytes) return new SnapshotOutcome.Stored(piece, received, Mark: null);
        var mark = await store.FinishAsync(piece.Chunk.Id);
        return new SnapshotOutcome.Stored(piece, mark is null ? 0 : received, mark);
    }
}
