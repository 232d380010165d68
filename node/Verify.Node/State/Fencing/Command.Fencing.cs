using Verify.Node.State.Fencing;

namespace Verify.Node.State;

public abstract partial record Command
{
    /// <summary>About the means that keep writes away from servers.</summary>
    public sealed record Fencing(FencingCommand Inner) : Command;
}
