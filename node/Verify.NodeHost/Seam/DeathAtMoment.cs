using System.Diagnostics;
using Verify.Node.Telemetry;

namespace Verify.NodeHost.Seam;

/// <summary>Test only: the node kills itself (SIGKILL) when it leads and a recovery comes to a moment that somebody has named by a file in this folder,
/// "opened", "closed", "intent-Promote", "outcome-Promote" and so on. The file is renamed first, so that one node dies once: its name ends with the node's
/// then. Nothing kills a process at such a moment from without.</summary>
internal sealed class DeathAtMoment(INodeEvents next, string folder) : INodeEvents
{
    public void Emit(NodeEvent happened)
    {
        next.Emit(happened);
        if (happened is not NodeEvent.Recovery told) return;
        var order = Path.Combine(folder, told.Step.Length > 0 ? $"{told.Phase}-{told.Step}" : told.Phase);
        try
        {
            using (var dying = File.Open(order, FileMode.Open, FileAccess.Write)) dying.Write("!"u8); // Its time is the death's.
            File.Move(order, $"{order}.{told.Node.Split(':')[0]}");
        }
        catch (IOException)
        {
            return; // Nobody is to die at this moment, or another has.
        }

        Process.GetCurrentProcess().Kill();
    }
}
