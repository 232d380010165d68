using Verify.Node.State.Fleet;

namespace Verify.Node.State;

public abstract partial record Command
{
    /// <summary>What is agreed on the MySQL servers: which are known, how they are called, what operators said of them.</summary>
    public sealed record Fleet(FleetCommand Inner) : Command
    {
        public override Time.TimeStamp? StampOf => Inner is FleetCommand.Forget forget ? forget.Stamp : null;
    }
}
