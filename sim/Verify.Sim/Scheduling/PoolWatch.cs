using System.Diagnostics.Tracing;

namespace Verify.Sim.Scheduling;

/// <summary>Sees when the world's thread hands work to the thread pool or arms a timer of the real clock, and remembers who did it: the runtime
/// announces both, on the thread that does it. Exact also while other threads of the process use the pool.</summary>
internal sealed class PoolWatch : EventListener
{
    private const string RuntimeSource = "System.Diagnostics.Eventing.FrameworkEventSource";
    private const EventKeywords PoolAndTransfer = (EventKeywords)(0x2 | 0x10);
    private const int ArmingTriesMax = 1_000;
    private volatile int _thread;
    private string? _firstStack;

    /// <summary>Who first left the world, as a stack trace; null when nobody did.</summary>
    public string? FirstStack => _firstStack;

    /// <summary>Watches the calling thread from here on. The runtime looks up whether somebody listens only now and then, so this
    /// waits until a probe of its own is seen.</summary>
    public void Begin()
    {
        _thread = Environment.CurrentManagedThreadId;
        for (var i = 0; _firstStack is null; i++)
        {
            if (i == ArmingTriesMax) throw new InvalidOperationException("the runtime does not announce work for the thread pool; is EventSource support switched off?");
            Probe();
        }

        _firstStack = null;
    }

    public void End() => _thread = 0;

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (string.Equals(eventSource.Name, RuntimeSource, StringComparison.Ordinal)) EnableEvents(eventSource, EventLevel.Verbose, PoolAndTransfer);
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (Environment.CurrentManagedThreadId == _thread) _firstStack ??= Environment.StackTrace;
    }

#pragma warning disable RS0030 // The one place that posts to the pool: an empty probe, before a world begins.
    private static void Probe()
    {
        using var done = new ManualResetEventSlim();
        ThreadPool.UnsafeQueueUserWorkItem(static probe => ((ManualResetEventSlim)probe!).Set(), done);
        done.Wait();
    }
#pragma warning restore RS0030
}
