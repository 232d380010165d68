namespace Verify.Scenarios;

/// <summary>Targets as they stand in a scenario.</summary>
public static class TargetText
{
    public const string Forms =
        "leader, one follower, all followers, primary, one replica, dc <name>, dc of leader, dc of primary, or the name of a node or server";

    /// <summary>Words that therefore cannot be names.</summary>
    internal static readonly string[] Reserved = ["leader", "primary", "dc", "one", "all", "of"];

    public static string Of(Target target) => target switch
    {
        Target.DataCenter dc => $"dc {dc.Name}",
        Target.Leader => "leader",
        Target.OneFollower => "one follower",
        Target.AllFollowers => "all followers",
        Target.Primary => "primary",
        Target.OneReplica => "one replica",
        Target.DataCenterOf of => $"dc of {Of(of.Who)}",
        Target.Named named => named.Name,
        _ => throw new ArgumentOutOfRangeException(nameof(target), target, "not a target"),
    };

    /// <summary>Null and a problem in words when this is no target of this fleet.</summary>
    public static Target? Parse(string text, FleetSpec fleet, out string problem)
    {
        problem = "";
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Target? target = words switch
        {
            ["leader"] => new Target.Leader(),
            ["one", "follower"] => new Target.OneFollower(),
            ["all", "followers"] => new Target.AllFollowers(),
            ["primary"] => new Target.Primary(),
            ["one", "replica"] => new Target.OneReplica(),
            ["dc", "of", "leader"] => new Target.DataCenterOf(new Target.Leader()),
            ["dc", "of", "primary"] => new Target.DataCenterOf(new Target.Primary()),
            ["dc", var name] => new Target.DataCenter(name),
            [var name] => new Target.Named(name),
            _ => null,
        };
        problem = target is null ? $"'{text}' is not a target; a target is {Forms}" : Problem(target, fleet);
        return problem.Length == 0 ? target : null;
    }

    /// <summary>It stands for nodes, or for whole data centres.</summary>
    internal static bool MayBeNodes(Target target, FleetSpec fleet) => target switch
    {
        Target.Primary or Target.OneReplica => false,
        Target.Named named => IsNode(named.Name, fleet),
        _ => true,
    };

    /// <summary>It stands for servers and for nothing else.</summary>
    internal static bool MayBeServers(Target target, FleetSpec fleet) => target switch
    {
        Target.Primary or Target.OneReplica => true,
        Target.Named named => IsServer(named.Name, fleet),
        _ => false,
    };

    internal static bool IsDataCenter(Target target) => target is Target.DataCenter or Target.DataCenterOf;

    private static string Problem(Target target, FleetSpec fleet)
    {
        var servers = fleet.Servers.Values.Sum(s => s.Length);
        var nodes = fleet.Nodes.Values.Sum(n => n.Length);
        return target switch
        {
            Target.DataCenter dc when !fleet.DataCenters.Contains(dc.Name, StringComparer.Ordinal) =>
                $"there is no data centre '{dc.Name}' in the fleet; there are {string.Join(", ", fleet.DataCenters)}",
            Target.OneFollower or Target.AllFollowers when nodes < 2 => $"'{Of(target)}' needs at least two nodes",
            Target.OneReplica when servers < 2 => "'one replica' needs at least two MySQL servers",
            Target.Primary or Target.DataCenterOf { Who: Target.Primary } when servers == 0 => $"'{Of(target)}' needs a MySQL server in the fleet",
            Target.Named named when !IsNode(named.Name, fleet) && !IsServer(named.Name, fleet) =>
                $"there is no node and no server '{named.Name}' in the fleet; there are {string.Join(", ", Names(fleet))}. A target is {Forms}",
            _ => "",
        };
    }

    private static bool IsNode(string name, FleetSpec fleet) => fleet.Nodes.Values.Any(n => n.Contains(name, StringComparer.Ordinal));
    private static bool IsServer(string name, FleetSpec fleet) => fleet.Servers.Values.Any(n => n.Contains(name, StringComparer.Ordinal));
    private static IEnumerable<string> Names(FleetSpec fleet) => fleet.Nodes.Values.Concat(fleet.Servers.Values).SelectMany(n => n);
}
