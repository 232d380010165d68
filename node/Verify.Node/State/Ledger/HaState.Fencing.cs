namespace Verify.Node.State.Ledger;

/// <summary>How guardianship passes from node to node.</summary>
public sealed partial class HaState
{
    private CommandResult Apply(HaCommand.ChangeGuardian change, long index)
    {
        if (Cluster(change.Cluster) is not { } ledger) return Rejected($"{change.Cluster} has no primary");
        if (ledger.Token != change.SeenToken) return Rejected($"token {change.SeenToken} is not the current one, {ledger.Token}");
        if (ledger.Primary != change.Instance) return Rejected($"{change.Instance} is not the primary, {ledger.Primary} is");
        if (ledger.OpenRecovery is { } recovery) return Rejected($"recovery {recovery.Id} is open");
        if (Same(ledger.Guardian, change.Guardian)) return Rejected($"{change.Guardian} is the guardian already");

        // What the lease of an earlier guardian says of an adopted server goes on to hold under the next one.
        return Put(index, ledger with
        {
            Guardian = change.Guardian,
            Token = new(index),
            IsAdopted = ledger.IsAdopted && ledger.LastRenewal == 0,
            LastRenewal = 0,
        });
    }
}
