namespace Verify.Node.Loop;

/// <summary>What an acknowledged commit of a cluster survives. Vitess's names (cross_dc is its cross_cell).</summary>
public enum DurabilityPolicy
{
    /// <summary>Asynchronous replication: what only a dead primary had is lost.</summary>
    None,

    /// <summary>A commit is acknowledged only when replicas have it, without a fallback.</summary>
    SemiSync,

    /// <summary>The same, and only replicas in other data centres than the primary's acknowledge: an isolated data centre can acknowledge nothing.</summary>
    CrossDc,
}

/// <summary>A policy and its measure.</summary>
/// <param name="Acknowledgements">Replicas that must have a commit; 1 on MariaDB, which cannot wait for more.</param>
public sealed record Durability(DurabilityPolicy Policy, int Acknowledgements = 1)
{
    public const int AcknowledgementsMax = 64;

    public static Durability None { get; } = new(DurabilityPolicy.None);

    /// <summary>One acknowledgement from any replica.</summary>
    public static Durability SemiSync { get; } = new(DurabilityPolicy.SemiSync);

    /// <summary>One acknowledgement from another data centre.</summary>
    public static Durability CrossDc { get; } = new(DurabilityPolicy.CrossDc);

    /// <summary>As configuration files and scenarios write it: none, semi_sync, cross_dc.</summary>
    public string Name => Policy switch
    {
        DurabilityPolicy.SemiSync => "semi_sync",
        DurabilityPolicy.CrossDc => "cross_dc",
        _ => "none",
    };

    /// <summary>The policy of this name with one acknowledgement; null for a name that is none.</summary>
    public static Durability? Named(string name) => name switch
    {
        "none" => None,
        "semi_sync" => SemiSync,
        "cross_dc" => CrossDc,
        _ => null,
    };
}
