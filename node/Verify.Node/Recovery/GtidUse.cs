using Verify.MySql;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Whether GTID sets tell all that a replica has. Where they do not (file and position, MySQL with gtid_mode other than ON, MariaDB with
/// Using_Gtid No) empty sets look like replicas that lack nothing: to choose among them would be a guess, so nobody is promoted and nobody
/// moved. Positions of two replicas compare only below the same source, and do not say what a relay log holds after a restart.</summary>
internal static class GtidUse
{
    private const string Remedy = "turn GTIDs on (MySQL manual, \"Changing GTID Mode Online\"; MariaDB: MASTER_USE_GTID=slave_pos), or promote by hand";

    /// <summary>Why a replica's sets do not count; null: they do. A replica that finds its place by GTID cannot have taken an anonymous transaction
    /// (MySQL's replication stops at them); one that does not may still have only GTIDs, where gtid_mode is ON.</summary>
    /// <param name="gtidMode">The server's gtid_mode; empty: not known, or MariaDB.</param>
    public static string? Objection(ReplicaStatus status, string gtidMode) =>
        status.UsesGtid || string.Equals(gtidMode, "ON", StringComparison.OrdinalIgnoreCase) ? null
        : gtidMode.Length > 0 ? $"it replicates by file and position, and its gtid_mode is {gtidMode}" : "it replicates by file and position";

    /// <summary>Before anything is begun, from what this node has seen last; null: nothing stands against it.</summary>
    public static Skip? AgainstBeginning(TopologyModel model, ClusterLedger ledger, LiveCluster spec)
    {
        foreach (var instance in spec.Instances.Where(i => i.Key != ledger.Primary && ledger.AsideOf(i.Key) is null))
        {
            var view = model.View(instance.Key);
            if (view is not { IsAnswering: true, Replica: { } status }) continue;
            if (Objection(status, view.Look?.Details.GtidMode ?? "") is { } why) return new("no_gtid", $"{instance.Key}: {why}; {Remedy}");
        }

        return null;
    }
}
