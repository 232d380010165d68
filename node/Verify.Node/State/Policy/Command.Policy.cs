namespace Verify.Node.State;

public abstract partial record Command
{
    /// <summary>What operators say of servers and of recoveries.</summary>
    public sealed record Policy(State.Policy.PolicyCommand Inner) : Command
    {
        public override Time.TimeStamp? StampOf => Inner.Stamp;
    }
}
