using System.Collections.Immutable;
using Verify.Scenarios;

namespace Verify.Chaos.Drawn;

/// <summary>What the protocol claims to survive, as a map over a fleet: which faults may be injected together, and which promises they leave.
/// After TigerBeetle's ClusterFaultAtlas: a fault beyond the claim finds nothing but itself. Crashes may hit everybody at once, because
/// nothing that was acknowledged is lost by them; damage to what is on disk may hit fewer nodes than half, so that of every committed
/// entry a copy is left where the next leader comes from.</summary>
public sealed class FaultAtlas
{
    private readonly int _nodes;
    private readonly SortedSet<string> _damaged = new(StringComparer.Ordinal);

    public FaultAtlas(FleetSpec fleet)
    {
        ArgumentNullException.ThrowIfNull(fleet);
        _nodes = fleet.Nodes.Values.Sum(n => n.Length);
    }

    /// <summary>Of so many nodes the data may be damaged or lost: a minority. A single node has nobody to be repaired from.</summary>
    public int DamagedMax => (_nodes - 1) / 2;

    /// <summary>The nodes that were given to damage so far.</summary>
    public IReadOnlyCollection<string> Damaged => _damaged;

    /// <summary>Whether what is on this node's disk may be damaged; if so it counts as damaged from now on, because nobody knows when it is
    /// whole again.</summary>
    public bool TryDamage(string node)
    {
        if (_damaged.Contains(node)) return true;
        if (_damaged.Count >= DamagedMax) return false;
        return _damaged.Add(node);
    }

    /// <summary>It changes what a node has on its disk. A role as a target ("leader") could be another node each time, so only names are allowed.</summary>
    public static bool IsDamage(Fault fault) => fault is Fault.BitRot or Fault.TornSector or Fault.Misdirect or Fault.LostDisk;

    /// <summary>Null when these steps stay within the claim; else what goes beyond it, in words.</summary>
    public static string? Objection(FleetSpec fleet, ImmutableArray<Step> steps)
    {
        var atlas = new FaultAtlas(fleet);
        foreach (var fault in steps.Select(s => s.Fault).Where(IsDamage))
        {
            if (TargetOf(fault) is not Target.Named(var node)) return $"{fault.Word} must name its node: '{TargetText.Of(TargetOf(fault))}' may be another one each time";
            if (!atlas.TryDamage(node)) return $"{fault.Word} of {node}: of {atlas._nodes} nodes the data of {atlas.DamagedMax} may be damaged, and that is done to {string.Join(", ", atlas.Damaged)}";
        }

        return null;
    }

    /// <summary>A server that stands still can be closed by nobody, not even by the switch inside it, and takes what lies in its buffers when it
    /// goes on. A guardian that is dead or stands still is no exception: its server closes itself (ARCHITECTURE.md, "The dead-man switch").</summary>
    public static bool KeepsSinglePrimary(FleetSpec fleet, ImmutableArray<Step> steps)
    {
        ArgumentNullException.ThrowIfNull(fleet);
        return !steps.Any(s => s.Fault is Fault.Pause(var who) && MayBeServer(who, fleet));
    }

    /// <summary>Acknowledged rows survive where a replica has each of them: semi-synchronous, with somebody to acknowledge.</summary>
    public static bool KeepsRows(FleetSpec fleet, ImmutableArray<Step> steps)
    {
        ArgumentNullException.ThrowIfNull(fleet);
        return fleet.IsSemiSync && fleet.Servers.Values.Sum(s => s.Length) >= 2 && KeepsSinglePrimary(fleet, steps);
    }

    /// <summary>Whom a fault that damages hits.</summary>
    public static Target TargetOf(Fault fault) => fault switch
    {
        Fault.BitRot(var target) => target,
        Fault.TornSector(var target) => target,
        Fault.Misdirect(var target) => target,
        Fault.LostDisk(var target) => target,
        _ => throw new ArgumentException($"{fault.Word} damages nothing", nameof(fault)),
    };

    private static bool MayBeServer(Target target, FleetSpec fleet) => target switch
    {
        Target.Leader or Target.OneFollower or Target.AllFollowers => false,
        Target.Named(var name) => fleet.Servers.Values.Any(s => s.Contains(name, StringComparer.Ordinal)),
        _ => fleet.Servers.Count > 0,
    };
}
