using System.CommandLine;
using System.Text.Json;
using Verify.Client;
using Verify.Ctl.Output;

namespace Verify.Ctl.Commands;

/// <summary>verify-ctl takeover and verify-ctl recovery: moves primaries, shows what was recovered and what was not, and why.</summary>
internal static class RecoveryCommands
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(200);

    public static Command Takeover(CommandRun run)
    {
        var cluster = ClusterOf();
        var to = new Option<string?>("--to") { Description = "The server that takes over, host:port; otherwise the node chooses." };
        var force = new Option<bool>("--force") { Description = "Give the old primary up as if it were dead, instead of moving the primary while both live." };
        var command = new Command("takeover", """
            Makes another server of a cluster the primary. Both must live, unless --force is given: the old one is closed and drained before
            the new one is opened, and opened again when the new one cannot take over. Waits for the end, up to --timeout.
            Examples:
              verify-ctl takeover main --to db2:3306 --timeout 60
              verify-ctl takeover main --force
            """) { cluster, to, force };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var route = (parse.GetValue(force), parse.GetValue(to)) switch
            {
                (false, _) => "graceful-master-takeover-auto",
                (true, null) => "force-master-failover",
                _ => "force-master-takeover",
            };
            var begun = await client.Recoveries.DoAsync($"{route}/{Escaped(parse.GetValue(cluster)!)}{ServerPath(parse.GetValue(to))}?wait=0", token);
            return await FollowAsync(client, screen, begun, token);
        }, cancel));
        return command;
    }

    public static Command Recovery(CommandRun run) => new("recovery", """
        Recoveries: those that were done, what is called for and not done, and the switches.
        Examples:
          verify-ctl recovery list
          verify-ctl recovery skipped
          verify-ctl recovery ack main --comment "looked at the disk"
          verify-ctl recovery start db1:3306
        """) { List(run), Steps(run), Skipped(run), Acknowledge(run), Start(run), Switch(run, on: false), Switch(run, on: true) };

    private static Command List(CommandRun run)
    {
        var cluster = new Option<string?>("--cluster") { Description = "Only this cluster's." };
        var command = new Command("list", """
            All recoveries, the newest first.
            Example: verify-ctl recovery list --cluster main
            """) { cluster };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var all = await client.Recoveries.AskAsync(parse.GetValue(cluster) is { } named ? $"audit-recovery/cluster/{Escaped(named)}" : "audit-recovery", token);
            if (screen.IsJson) screen.Json(all);
            else screen.Table(["uid", "kind", "failed", "successor", "state", "began", "by", "acknowledged"], all.EnumerateArray().Select(Row));
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static Command Steps(CommandRun run)
    {
        var uid = new Argument<string>("uid") { Description = "As recovery list shows it, cluster:number." };
        var command = new Command("steps", """
            What was done in one recovery, step by step.
            Example: verify-ctl recovery steps main:4711
            """) { uid };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var steps = await client.Recoveries.AskAsync($"audit-recovery-steps/{Escaped(parse.GetValue(uid)!)}", token);
            if (screen.IsJson) screen.Json(steps);
            else foreach (var step in steps.EnumerateArray()) screen.Line(Text(step, "Message"));
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static Command Skipped(CommandRun run)
    {
        var command = new Command("skipped", """
            What is called for and not begun, with the reason and the remedy. Exit code 1 when there is something.
            Example: verify-ctl recovery skipped
            """);
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var all = await client.Recoveries.AskAsync("blocked-recoveries", token);
            if (screen.IsJson) screen.Json(all);
            foreach (var one in all.EnumerateArray()) screen.Line($"{Text(one, "ClusterName")}: {Text(one, "Analysis")} of {Key(one, "FailedInstanceKey")}: {Text(one, "Reason")}");
            return all.GetArrayLength() == 0 ? ExitCodes.Ok : ExitCodes.Refused;
        }, cancel));
        return command;
    }

    private static Command Acknowledge(CommandRun run)
    {
        var cluster = ClusterOf();
        var comment = new Option<string>("--comment") { Description = "Why; kept with the recovery.", Required = true };
        var command = new Command("ack", """
            Says that somebody has seen a cluster's recoveries: they do not keep the next one from beginning any more.
            Example: verify-ctl recovery ack main --comment "disk replaced"
            """) { cluster, comment };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
            PolicyCommands.Told(screen, await client.Recoveries.DoAsync($"ack-recovery/cluster/{Escaped(parse.GetValue(cluster)!)}?comment={Escaped(parse.GetValue(comment)!)}", token)), cancel));
        return command;
    }

    private static Command Start(CommandRun run)
    {
        var server = new Argument<string>("server") { Description = "The failed server, host:port." };
        var to = new Option<string?>("--to") { Description = "The only server that may replace it, host:port." };
        var command = new Command("start", """
            Recovers a failed server now, whatever filters, downtime and earlier recoveries say. Refused when the analysis finds nothing wrong.
            Example: verify-ctl recovery start db1:3306
            """) { server, to };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) => await FollowAsync(
            client, screen, await client.Recoveries.DoAsync($"recover{ServerPath(parse.GetValue(server))}{ServerPath(parse.GetValue(to))}?wait=0", token), token), cancel));
        return command;
    }

    private static Command Switch(CommandRun run, bool on)
    {
        var command = new Command(on ? "enable" : "disable", $"""
            Switches recoveries that begin by themselves {(on ? "on" : "off")}, for all clusters, until it is changed.
            Example: verify-ctl recovery {(on ? "enable" : "disable")}
            """);
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
            PolicyCommands.Told(screen, await client.Recoveries.DoAsync($"{(on ? "enable" : "disable")}-global-recoveries", token)), cancel));
        return command;
    }

    private static async Task<int> FollowAsync(VerifyClient client, Screen screen, JsonElement begun, CancellationToken cancel)
    {
        var id = begun.GetProperty("Details").GetProperty("Id").GetInt64();
        while (true)
        {
            var found = await client.Recoveries.AskAsync($"audit-recovery/id/{id}", cancel);
            if (found.GetArrayLength() > 0 && !found[0].GetProperty("IsActive").GetBoolean())
            {
                if (screen.IsJson) screen.Json(found[0]);
                screen.Line(Text(found[0], "Closing"));
                return found[0].GetProperty("IsSuccessful").GetBoolean() ? ExitCodes.Ok : ExitCodes.Refused;
            }

            await Task.Delay(LookAgain, cancel);
        }
    }

    private static string[] Row(JsonElement r) =>
    [
        Text(r, "UID"), Text(r, "Kind"), Key(r.GetProperty("AnalysisEntry"), "AnalyzedInstanceKey"), Key(r, "SuccessorKey"),
        r.GetProperty("IsActive").GetBoolean() ? "under way" : r.GetProperty("IsSuccessful").GetBoolean() ? "successful" : "FAILED",
        Text(r, "RecoveryStartTimestamp"), Text(r, "RequestedBy"), Text(r, "AcknowledgedBy"),
    ];

    private static Argument<string> ClusterOf() => new("cluster") { Description = "Alias of the cluster, or host:port of one of its servers." };

    /// <summary>"/host/port" of "host:port"; empty for null.</summary>
    internal static string ServerPath(string? server)
    {
        if (server is null) return "";
        var colon = server.LastIndexOf(':');
        return colon > 0 && int.TryParse(server.AsSpan(colon + 1), out _)
            ? $"/{Escaped(server[..colon])}/{server[(colon + 1)..]}" : throw new UsageException($"'{server}' is no host:port");
    }

    internal static string Escaped(string text) => Uri.EscapeDataString(text);

    internal static string Text(JsonElement at, string name) => at.TryGetProperty(name, out var field) && field.ValueKind == JsonValueKind.String ? field.GetString()! : "";

    internal static string Key(JsonElement at, string name) => at.TryGetProperty(name, out var key) && key.ValueKind == JsonValueKind.Object
        ? $"{key.GetProperty("Hostname").GetString()}:{key.GetProperty("Port").GetInt32()}" : "";
}
