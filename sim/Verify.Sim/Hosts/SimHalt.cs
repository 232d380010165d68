using Verify.Node.Seam;
using Verify.Node.Telemetry;

namespace Verify.Sim.Hosts;

/// <summary>Unwinds the code of a host that has ended. Nothing of that host happens afterwards.</summary>
public sealed class SimHaltedException(string host, string reason, Exception? cause) : Exception($"{host} halted: {reason}", cause);

/// <summary>The end of a simulated host: its life is over, the world goes on.</summary>
internal sealed class SimHalt(HostLife life) : IHalt
{
    public void Halt(string reason, Exception? cause)
    {
        if (life.IsAlive)
        {
            life.Host.Emit(new NodeEvent.Halted(life.Host.Name, reason));
            life.Host.HaltReason = cause is null ? reason : $"{reason} ({cause.GetType().Name}: {cause.Message})";
            life.Host.EndLife(Crash.Process);
        }

        throw new SimHaltedException(life.Host.Name, reason, cause);
    }
}
