using System.IO.Pipelines;

namespace Verify.Sim.Scheduling;

/// <summary>"Run this later" for one life of one host: an event of that host at the present time, after what it has waiting.</summary>
internal sealed class HostPipe(SimScheduler scheduler, SimActor actor, int life, int label) : PipeScheduler
{
    public override void Schedule(Action<object?> action, object? state) => scheduler.Post(actor, life, label, action, state);
}
