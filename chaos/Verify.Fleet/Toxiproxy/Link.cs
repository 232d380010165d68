using System.Buffers;
using System.Collections.Concurrent;
using System.Net.Sockets;

namespace Verify.Fleet.Toxiproxy;

/// <summary>Carries one direction of one connection: reads, asks the toxics, writes. It waits for several things at once (bytes,
/// room, time, a change of toxics) and decides nothing.</summary>
internal sealed class Link(Direction direction, ToxicChain chain, TimeProvider time, long epoch)
{
    private const int BufferBytes = 64 * 1024;
    private readonly ConcurrentQueue<(Action<ToxicChain, TimeSpan> Change, TaskCompletionSource Applied)> _changes = new();
    private readonly Lock _starting = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _running;
    private volatile bool _stopped;
    private long _passedBytes;

    /// <summary>Called when the sender has nothing more to say, even when the toxics keep that from the other side.</summary>
    public Action SourceEnded { get; set; } = () => { };

    /// <summary>Completes when, after the run, no operation is pending on the source.</summary>
    public Task Released { get; private set; } = Task.CompletedTask;
    public Direction Direction { get; } = direction;
    public long PassedBytes => Volatile.Read(ref _passedBytes);
    public long DroppedBytes => chain.DroppedBytes;

    private TimeSpan Now => time.GetElapsedTime(epoch);

    /// <summary>Changes the toxics; completes when no byte can pass under the old ones any more.</summary>
    public Task ChangeAsync(Action<ToxicChain, TimeSpan> change)
    {
        lock (_starting)
        {
            if (!_running)
            {
                // Not yet, no longer, or (nobody on the other side) never: no byte passes, and nobody else looks at the chain.
                change(chain, Now);
                return Task.CompletedTask;
            }

            var applied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _changes.Enqueue((change, applied));
            _changed.TrySetResult();
            return applied.Task;
        }
    }

    /// <summary>Ends the direction, whatever the toxics hold.</summary>
    public void Stop()
    {
        lock (_starting)
        {
            _stopped = true;
            _changed.TrySetResult();
        }
    }

    /// <summary>Runs until the direction has ended.</summary>
    /// <param name="target">Null when nobody is on the other side: what comes in can only be thrown away.</param>
    /// <returns>How it ended.</returns>
    public async Task<PieceEnd> RunAsync(Socket source, Socket? target)
    {
        lock (_starting) _running = true;
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        Task<int>? receiving = null;
        try
        {
            return await CarryAsync(source, target, buffer, task => receiving = task);
        }
        finally
        {
            End();
            Released = ReleaseAsync(receiving, buffer);
        }
    }

    private async Task<PieceEnd> CarryAsync(Socket source, Socket? target, byte[] buffer, Action<Task<int>?> note)
    {
        Task<int>? receiving = null;
        Task? sending = null;
        var sourceEnded = false;
        while (true)
        {
            var changed = ApplyChanges();
            if (_stopped) return PieceEnd.Close;
            if (sending is { IsCompleted: true })
            {
                if (!sending.IsCompletedSuccessfully) return PieceEnd.Close;
                sending = null;
            }

            if (receiving is { IsCompleted: true })
            {
                sourceEnded = Received(receiving, buffer);
                note(receiving = null);
                if (sourceEnded) SourceEnded();
                if (sourceEnded && target is null) return PieceEnd.Close;
            }

            while (sending is null && chain.TryTake(Now, out var piece))
            {
                if (!piece.Bytes.IsEmpty && target is not null) sending = await SendAsync(target, piece.Bytes);
                if (piece.End == PieceEnd.None) continue;
                if (sending is not null) await Task.WhenAny(sending, Task.Delay(TimeSpan.FromSeconds(5), time));
                return piece.End;
            }

            if (receiving is null && !sourceEnded && chain.WantsInput && sending is null)
            {
                note(receiving = source.ReceiveAsync(buffer.AsMemory(0, BufferBytes), SocketFlags.None).AsTask());
            }

            if (receiving is { IsCompleted: true } || sending is { IsCompleted: true }) continue;
            await WaitAsync(receiving, sending, changed);
        }
    }

    // A receive that is still under way writes into the buffer; how it ends is of no interest any more.
    private static async Task ReleaseAsync(Task<int>? receiving, byte[] buffer)
    {
        if (receiving is not null) await ((Task)receiving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Passes what was read to the toxics.</summary>
    /// <returns>True when nothing more will come.</returns>
    private bool Received(Task<int> receiving, byte[] buffer)
    {
        if (receiving is { IsCompletedSuccessfully: true, Result: > 0 and var count })
        {
            // Without toxics the piece leaves before the next is read, so the buffer itself can be passed on.
            var bytes = chain.IsTransparent ? buffer.AsMemory(0, count) : buffer.AsSpan(0, count).ToArray();
            chain.Accept(new(bytes, Now, PieceEnd.None));
            return false;
        }

        chain.Accept(Piece.EndOf(receiving.IsCompletedSuccessfully ? PieceEnd.HalfClose : PieceEnd.Close, Now));
        return true;
    }

    /// <summary>Null when the bytes are with the kernel already.</summary>
    private async ValueTask<Task?> SendAsync(Socket target, ReadOnlyMemory<byte> bytes)
    {
        var left = bytes;
        while (!left.IsEmpty)
        {
            var send = target.SendAsync(left, SocketFlags.None);
            if (!send.IsCompletedSuccessfully) return FinishAsync(target, left, send.AsTask());
            var sent = await send;
            Volatile.Write(ref _passedBytes, _passedBytes + sent);
            left = left[sent..];
        }

        return null;
    }

    private async Task FinishAsync(Socket target, ReadOnlyMemory<byte> bytes, Task<int> first)
    {
        var left = bytes;
        var sent = await first;
        while (true)
        {
            Volatile.Write(ref _passedBytes, _passedBytes + sent);
            left = left[sent..];
            if (left.IsEmpty) return;
            sent = await target.SendAsync(left, SocketFlags.None);
        }
    }

    private async Task WaitAsync(Task? receiving, Task? sending, Task changed)
    {
        var due = chain.NextDue;
        if (due == ToxicRun.Never)
        {
            await Task.WhenAny(receiving ?? changed, sending ?? changed, changed);
            return;
        }

        var left = due - Now;
        if (left <= TimeSpan.Zero) return;
        using var early = new CancellationTokenSource();

        // Timers count whole milliseconds: rounded up, a piece is late by less than one and never early.
        var timer = Task.Delay(TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(left.TotalMilliseconds), int.MaxValue)), time, early.Token);
        await Task.WhenAny(receiving ?? changed, sending ?? changed, changed, timer);
        await early.CancelAsync();
    }

    private Task ApplyChanges()
    {
        var changed = _changed.Task;
        if (_changes.IsEmpty) return changed;
        lock (_starting)
        {
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            while (_changes.TryDequeue(out var next))
            {
                next.Change(chain, Now);
                next.Applied.SetResult();
            }

            return _changed.Task;
        }
    }

    private void End()
    {
        lock (_starting)
        {
            _running = false;
            while (_changes.TryDequeue(out var next)) next.Applied.SetResult();
        }
    }
}
