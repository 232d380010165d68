using System.Text.RegularExpressions;

namespace Verify.Chaos.Worlds;

/// <summary>One node as it answers for itself.</summary>
public sealed record NodeView(string Name, bool HasLease, bool InQuorum);

/// <summary>One server as the leader sees it.</summary>
public sealed record ServerView(string Name, bool IsUp, bool IsReadOnly, string Source, bool Replicates);

/// <summary>The cluster as the leader sees it. SetAside names servers that are kept out for their errant transactions.</summary>
public sealed record ClusterView(string? Primary, bool RecoveryOpen, string SetAside, IReadOnlyList<ServerView> Servers);

/// <summary>Tells whether the fleet is whole again, from what the nodes say. Pure; the same for both worlds.</summary>
public static partial class FleetJudge
{
    /// <param name="nodes">Every running node; null for one that does not answer.</param>
    /// <param name="cluster">As the leader sees it; null when there is no leader or it does not answer.</param>
    /// <param name="runningServers">Servers whose process runs.</param>
    public static FleetState Judge(IReadOnlyList<(string Name, NodeView? View)> nodes, ClusterView? cluster, IReadOnlyCollection<string> runningServers)
    {
        var leaders = nodes.Where(n => n.View?.HasLease == true).Select(n => n.Name).ToList();
        var leader = leaders.Count == 1 ? leaders[0] : null;
        var waiting = WaitingFor(nodes, leaders, cluster, runningServers);
        return new(leader, cluster?.Primary, waiting.Length == 0, waiting)
        {
            GroupIsWhole = leader is not null && nodes.All(n => n.View is { InQuorum: true }), Running = [.. nodes.Select(n => n.Name)],
            InQuorum = [.. nodes.Where(n => n.View is { InQuorum: true }).Select(n => n.Name)],
            SetAside = [.. runningServers.Where(s => cluster is not null && Aside(cluster).Contains(s)).Order(StringComparer.Ordinal)],
        };
    }

    private static string WaitingFor(
        IReadOnlyList<(string Name, NodeView? View)> nodes, List<string> leaders, ClusterView? cluster, IReadOnlyCollection<string> runningServers)
    {
        if (leaders.Count != 1) return leaders.Count == 0 ? "a leader" : $"one leader instead of {string.Join(" and ", leaders)}";
        foreach (var (name, view) in nodes)
        {
            if (view is null) return $"{name} to answer";
            if (!view.InQuorum) return $"{name} to join the quorum";
        }

        if (runningServers.Count == 0) return "";
        if (cluster is null) return "the leader's view of the servers";
        if (cluster.Primary is null) return "a primary";
        if (cluster.RecoveryOpen) return "the end of the recovery";
        var aside = Aside(cluster);
        foreach (var name in runningServers.Order(StringComparer.Ordinal))
        {
            var server = cluster.Servers.FirstOrDefault(s => s.Name == name);
            if (server is null || !server.IsUp) return $"{name} to be seen";
            if (name == cluster.Primary)
            {
                if (server.IsReadOnly) return $"{name} to be opened for writes";
            }
            else if (!server.IsReadOnly)
            {
                return $"{name} to be read-only";
            }
            else if (!aside.Contains(name) && !(server.Replicates && EndsAt(cluster.Primary, server, cluster)))
            {
                return $"{name} to replicate from {cluster.Primary}";
            }
        }

        return "";
    }

    /// <summary>The source, or the source's source, … is this server.</summary>
    private static bool EndsAt(string primary, ServerView server, ClusterView cluster)
    {
        var source = server.Source;
        for (var hops = 0; hops < cluster.Servers.Count && source != primary; hops++)
        {
            if (cluster.Servers.FirstOrDefault(s => s.Name == source) is not { Replicates: true } above) return false;
            source = above.Source;
        }

        return source == primary;
    }

    /// <summary>"db1:3306: why; db2:3306: why". The reason may name other servers ("refused by db2:3306: …"): they are not meant.</summary>
    private static string[] Aside(ClusterView cluster) => [.. Entries().Matches(cluster.SetAside).Select(static m => m.Groups["name"].Value)];

    [GeneratedRegex("(^|; )(?<name>[^:; ]+):[0-9]+: ", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Entries();
}
