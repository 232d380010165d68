using Verify.Node.Codec;
using Verify.Node.State;

namespace Verify.Node.State.Ledger;

/// <summary>The replicated part of high availability: primaries with their tokens, write leases, the recovery ledger,
/// servers set aside. Applied in log order, the same on every node: no clocks here.</summary>
public sealed class HaState
{
    public CommandResult Apply(HaCommand command, ApplyContext context) => throw new NotImplementedException();
}

/// <summary>Versioned bytes of <see cref="HaCommand"/>.</summary>
public static class HaCommandCodec
{
    public static void Write(WireWriter to, HaCommand command) => throw new NotImplementedException();

    /// <exception cref="WireFormatException"/>
    public static HaCommand Read(ref WireReader from) => throw new NotImplementedException();
}
