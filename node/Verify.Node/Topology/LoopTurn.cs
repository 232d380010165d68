using System.Runtime.CompilerServices;
using Verify.Node.Loop;

namespace Verify.Node.Topology;

/// <summary>Brings a driver back to the loop after every wait: between two waits a driver runs as an action of the loop, in
/// both worlds, so it may look at the node's state without a lock.</summary>
/// <remarks>The way back is taken by posting the continuation itself. To post the completion of a task and then to await that task is
/// not the same: the loop may complete it before it is awaited, and then the driver goes on where it is, beside the loop.</remarks>
internal sealed class LoopTurn(INodeServices services)
{
    /// <summary>Waits for the work and comes back on the loop, also when it failed.</summary>
    public async ValueTask<T> Await<T>(ValueTask<T> work)
    {
        try
        {
            return await work;
        }
        finally
        {
            // No method of its own for this: its caller could find it completed, and go on beside the loop.
            for (var back = new Back(services); await back is false; back = new Back(services)) await PauseAnywhereAsync();
        }
    }

    /// <inheritdoc cref="Await{T}"/>
    public async ValueTask Await(ValueTask work)
    {
        try
        {
            await work;
        }
        finally
        {
            for (var back = new Back(services); await back is false; back = new Back(services)) await PauseAnywhereAsync();
        }
    }

    /// <summary>Goes on after this long, on the loop. To be called there.</summary>
    public Task Pause(TimeSpan delay)
    {
        var over = new TaskCompletionSource();
        services.After(delay, over.SetResult);
        return over.Task;
    }

    /// <summary>The inbox is full (or the node is stopping, which ends the driver here): a result is never dropped.</summary>
    private Task PauseAnywhereAsync()
    {
        services.Stopping.ThrowIfCancellationRequested();
        return Task.Delay(services.Config.Timing.Tick, services.Seam.Time).WaitAsync(services.Stopping);
    }

    /// <summary>Awaited: goes on as an action of the loop and gives true; false, and goes on where it is, when the inbox does not take it.</summary>
    internal sealed class Back(INodeServices services) : INotifyCompletion
    {
        private bool _isRefused;

        public bool IsCompleted => false;

        public Back GetAwaiter() => this;

        public bool GetResult() => !_isRefused;

        public void OnCompleted(Action continuation)
        {
            if (services.Post(continuation)) return;
            _isRefused = true;
            continuation();
        }
    }
}
