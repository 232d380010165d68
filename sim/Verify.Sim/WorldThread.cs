using System.Runtime.ExceptionServices;

namespace Verify.Sim;

/// <summary>A thread of its own for one world: no test runner's context is inherited, and the stack is deep enough for inline
/// completion (a shallow one would make the runtime continue on the thread pool).</summary>
public static class WorldThread
{
    private const int StackBytes = 64 << 20;

    /// <summary>Runs it on a new thread and waits; exceptions come back as they were.</summary>
    public static T Run<T>(Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    result = work();
                }
                catch (Exception e)
                {
                    failure = ExceptionDispatchInfo.Capture(e);
                }
            },
            StackBytes) { Name = "simulated world", IsBackground = true };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!;
    }

    public static void Run(Action work) => Run(() =>
    {
        work();
        return true;
    });
}
