using Verify.Node.State.Throttle;
using Verify.Node.State.Time;

namespace Verify.Node.State;

public abstract partial record Command
{
    /// <summary>About throttled applications and skipped hosts, which end by the group's time.</summary>
    public sealed record Throttle(ThrottleCommand Inner, TimeStamp Stamp) : Command
    {
        public override TimeStamp? StampOf => Stamp;
    }
}
