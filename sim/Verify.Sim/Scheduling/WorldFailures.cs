namespace Verify.Sim.Scheduling;

/// <summary>An event threw: in production the process would be gone.</summary>
public sealed class EventFailedException(string actor, string label, long micros, Exception cause)
    : Exception($"{actor}: the event '{label}' at {Tracing.Trace.TimeText(micros)} threw {cause.GetType().Name}: {cause.Message}", cause)
{
    public string Actor { get; } = actor;
}

/// <summary>The world was touched from another thread than the one that runs it: something left the scheduler.</summary>
public sealed class ForeignThreadException(string? during, int owner, int foreign) : InvalidOperationException(
    $"thread {foreign} posted into a world that runs on thread {owner} (during an event of {during ?? "nobody"}): "
    + "look for Task.Run, Task.Yield, SemaphoreSlim, Channel, a Pipe with default options, Task.Delay with a CancellationToken "
    + "(write Task.Delay(time).WaitAsync(cancel)), CancelAsync, WhenEach, or ContinueWith without ExecuteSynchronously");

/// <summary>More events than allowed: a loop that never lets time pass, or a limit that is too small.</summary>
public sealed class StepLimitException(long stepsMax, string tail)
    : Exception($"more than {stepsMax} events; the last ones were:{Environment.NewLine}{tail}");

/// <summary>The main task still waits, and nothing is left that could wake it.</summary>
public sealed class DeadlockException(string waits) : Exception(
    "nothing is left to happen, but the main task still waits (for something that never comes, or on the thread pool, where it "
    + "must not be). What everyone waits for:" + Environment.NewLine + waits);

/// <summary>The main task was not done when its time was over.</summary>
public sealed class WorldTimeoutException(TimeSpan limit, string waits) : TimeoutException(
    $"the main task was not done after {limit.TotalSeconds} simulated seconds. What everyone waits for:" + Environment.NewLine + waits);

/// <summary>A replay asked for something else than what was recorded.</summary>
public sealed class ReplayDepartureException(string message) : Exception(message);
