using Verify.Node.Loop;

namespace Verify.Node.Recovery;

/// <summary>The top of every driver of this part: an end that no driver expects halts the node, so that none dies unseen.</summary>
internal static class Drivers
{
    public static void Start(INodeServices services, string what, Func<Task> work) => _ = Run(services, what, work);

    public static async Task Run(INodeServices services, string what, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception) when (services.Stopping.IsCancellationRequested)
        {
            RecoveryLog.Stopped(services.Log, what);
        }
        catch (Exception e)
        {
            services.Seam.Halt.Halt($"{what} ended in a way that nobody foresaw: {e.Message}. This is a defect; restart the node and report it.", e);
        }
    }
}
