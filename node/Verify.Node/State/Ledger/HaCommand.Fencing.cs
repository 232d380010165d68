using Verify.Node.Topology;

namespace Verify.Node.State.Ledger;

public abstract partial record HaCommand
{
    /// <summary>Another node keeps the primary open from here on, because the present guardian is silent or far away. Raises the token: what
    /// the old guardian asks for or feeds with the old one counts for nothing. Refused while a recovery is open.</summary>
    public sealed record ChangeGuardian(string Cluster, InstanceKey Instance, string Guardian, FencingToken SeenToken) : HaCommand;
}
