using Verify.Node.Loop;

namespace Verify.Node.Topology;

/// <summary>Brings a driver back to the loop after every wait: between two waits a driver runs as an action of the loop, in
/// both worlds, so it may look at the node's state without a lock.</summary>
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
            await BackAsync();
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
            await BackAsync();
        }
    }

    /// <summary>Goes on after this long, on the loop.</summary>
    public Task Pause(TimeSpan delay)
    {
        var over = new TaskCompletionSource();
        services.After(delay, over.SetResult);
        return over.Task;
    }

    private async ValueTask BackAsync()
    {
        var back = new TaskCompletionSource();
        while (!services.Post(back.SetResult))
        {
            // The inbox is full (or the node is stopping, which ends the driver here): a result is never dropped.
            services.Stopping.ThrowIfCancellationRequested();
            await Task.Delay(services.Config.Timing.Tick, services.Seam.Time).WaitAsync(services.Stopping);
        }

        await back.Task;
    }
}
