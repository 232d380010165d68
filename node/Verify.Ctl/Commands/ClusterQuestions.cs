using System.CommandLine;
using Verify.Client;

namespace Verify.Ctl.Commands;

/// <summary>The questions: they change nothing and may be asked as often as one likes.</summary>
internal static class ClusterQuestions
{
    public static Command Status(CommandRun run) => Plain("status", """
        The group as the leader knows it (as any node does, when none leads).
        Example: verify-ctl cluster status --json
        """, (parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
    {
        var status = await client.Cluster.StatusAsync(token);
        if (screen.IsJson)
        {
            screen.Json(status.Json);
            return ExitCodes.Ok;
        }

        screen.Line($"{status.NodeId} answers: {status.State}, term {status.Term}, {(status.IsInQuorum ? "part of a majority" : "NOT part of a majority")}{(status.DiskFull ? ", DISK FULL" : "")}");
        screen.Line(status.LeaderId.Length > 0 ? $"leader {status.LeaderId} ({status.LeaderAddress})" : "NO LEADER is known");
        screen.Line($"log: last {status.LastIndex}, committed {status.CommitIndex}, applied {status.AppliedIndex}");
        screen.Table(PeerColumns, status.Peers.Select(PeerRow));
        return ExitCodes.Ok;
    }, cancel));

    public static Command Leader(CommandRun run) => Plain("leader", """
        Who leads. Exit code 3 when nobody does.
        Example: verify-ctl cluster leader
        """, (parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
    {
        var leader = await client.Cluster.LeaderAsync(token);
        if (screen.IsJson) screen.Json(leader.Json);
        else screen.Table(["leader", "address", "http"], [[leader.LeaderId, leader.LeaderAddress, leader.LeaderApi]]);
        return ExitCodes.Ok;
    }, cancel));

    public static Command Peers(CommandRun run) => Plain("peers", """
        The members, with their part: Voter, Nonvoter (a learner), Staging (on its way out).
        Example: verify-ctl cluster peers
        """, (parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
    {
        var status = await client.Cluster.StatusAsync(token);
        if (screen.IsJson) screen.Json(status.Json.GetProperty("peers"));
        else screen.Table(PeerColumns, status.Peers.Select(PeerRow));
        return ExitCodes.Ok;
    }, cancel));

    public static Command Stats(CommandRun run) => OfNode(run, "stats", """
        Figures of Raft: term, indexes, log and snapshot, replication to each peer.
        Examples:
          verify-ctl cluster stats
          verify-ctl cluster stats --node node-2
        """, "/cluster/stats");

    public static Command Config(CommandRun run) => OfNode(run, "config", """
        The membership with its index, addresses, timings, snapshot and autopilot settings. Never a secret.
        Example: verify-ctl cluster config
        """, "/cluster/config");

    public static Command Health(CommandRun run) => Plain("health", """
        What the leader's autopilot thinks of each server. Exit code 1 when the group is not healthy.
        Example: verify-ctl cluster health || page-somebody
        """, (parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
    {
        var health = await client.Cluster.HealthAsync(token);
        if (screen.IsJson)
        {
            screen.Json(health.Json);
        }
        else
        {
            screen.Line($"{(health.IsHealthy ? "healthy" : "NOT HEALTHY")}; {health.FailureTolerance} more voter(s) may fail; autopilot: {health.Doing}");
            screen.Table(["server", "address", "role", "healthy", "last contact", "behind", "for", "why"], health.Servers.Select(s => new[]
            {
                s.Id, s.Address, s.Role, s.IsHealthy ? "yes" : "NO", s.LastContactMs is { } ms ? $"{ms} ms" : "never", $"{s.EntriesBehind}", $"{s.StableSeconds:0.0} s", s.Why,
            }));
        }

        return health.IsHealthy ? ExitCodes.Ok : ExitCodes.Refused;
    }, cancel));

    /// <summary>Where a member's HTTP listener is; the scheme is that of the node that told.</summary>
    /// <exception cref="UsageException">There is no such member, or it has not said where it can be asked.</exception>
    public static async Task<Uri> AddressOfAsync(VerifyClient client, string node, CancellationToken cancel)
    {
        var peers = await client.Cluster.PeersAsync(cancel);
        var peer = peers.FirstOrDefault(p => p.Id == node || p.Address == node)
            ?? throw new UsageException($"{node} is no member; members are {string.Join(", ", peers.Select(p => p.Id))}");
        return AddressOf(client, peer) ?? throw new UsageException($"{node} has not said where its HTTP listener is; ask it with --endpoint");
    }

    public static Uri? AddressOf(VerifyClient client, PeerView peer) => peer.ApiAddress.Length == 0 ? null
        : new Uri($"{client.Scheme}://{peer.ApiAddress}/");

    private static readonly string[] PeerColumns = ["node", "address", "state", "leader", "reachable", "http", "zone"];

    private static string[] PeerRow(PeerView peer) =>
    [
        peer.Id, peer.Address, peer.State, peer.IsLeader ? "*" : "", peer.IsReachable switch { true => "yes", false => "NO", _ => "" }, peer.ApiAddress,
        peer.Zone.Length > 0 ? peer.Zone : peer.DataCenter,
    ];

    private static Command OfNode(CommandRun run, string name, string description, string path)
    {
        var node = new Option<string?>("--node") { Description = "Ask this member; otherwise the leader." };
        var command = new Command(name, description) { node };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var json = parse.GetValue(node) is { } asked
                ? await client.Cluster.AskNodeAsync(await AddressOfAsync(client, asked, token), path, token)
                : path == "/cluster/stats" ? await client.Cluster.StatsAsync(token) : await client.Cluster.ConfigAsync(token);
            if (screen.IsJson) screen.Json(json);
            else screen.Fields(json);
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static Command Plain(string name, string description, Func<ParseResult, CancellationToken, Task<int>> action)
    {
        var command = new Command(name, description);
        command.SetAction(action);
        return command;
    }
}
