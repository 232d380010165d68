using System.Collections.Immutable;
using Verify.Scenarios;

namespace Verify.Chaos.Drawn;

/// <summary>What the protocol claims to survive, as a map over a fleet: which faults may be injected together, and which promises they leave.
/// After TigerBeetle's ClusterFaultAtlas: a fault beyond the claim finds nothing but itself.</summary>
public static class FaultAtlas
{
    /// <summary>A guardian that is dead or stands still cannot fence, and a server that stands still cannot be closed: in either case
    /// the promise of a single primary waits for the dead-man switch inside the server (ARCHITECTURE.md, "Fencing is the guardian's alone").</summary>
    public static bool KeepsSinglePrimary(FleetSpec fleet, ImmutableArray<Step> steps)
    {
        ArgumentNullException.ThrowIfNull(fleet);
        var cuts = steps.Any(s => s.Fault is Fault.Partition or Fault.OneWay or Fault.Slow);
        var serversStop = steps.Any(s => s.Fault is Fault.Pause(var who) && MayBeServer(who, fleet));
        var guardiansStop = steps.Any(s => s.Fault is Fault.Kill or Fault.Pause or Fault.DiskFull);
        return !serversStop && !(cuts && guardiansStop);
    }

    /// <summary>Acknowledged rows survive where a replica has each of them: semi-synchronous, with somebody to acknowledge.</summary>
    public static bool KeepsRows(FleetSpec fleet, ImmutableArray<Step> steps)
    {
        ArgumentNullException.ThrowIfNull(fleet);
        return fleet.Durability == "semi_sync" && fleet.Servers.Values.Sum(s => s.Length) >= 2 && KeepsSinglePrimary(fleet, steps);
    }

    private static bool MayBeServer(Target target, FleetSpec fleet) => target switch
    {
        Target.Leader or Target.OneFollower or Target.AllFollowers => false,
        Target.Named(var name) => fleet.Servers.Values.Any(s => s.Contains(name, StringComparer.Ordinal)),
        _ => fleet.Servers.Count > 0,
    };
}
