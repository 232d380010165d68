using System.CommandLine;
using System.Text.Json;
using Verify.Ctl.Output;

namespace Verify.Ctl.Commands;

/// <summary>verify-ctl downtime and verify-ctl maintenance: what the nodes leave alone, for how long, and who says so.</summary>
internal static class PolicyCommands
{
    public static Command Downtime(CommandRun run) => new("downtime", """
        A server's failures are known: nothing is begun because of them.
        Examples:
          verify-ctl downtime begin db1:3306 --owner jane --reason "new disk" --for 2h
          verify-ctl downtime end db1:3306
          verify-ctl downtime list
        """) { Begin(run, "downtime", "1h"), End(run, "downtime"), List(run, "downtime", "downtimed") };

    public static Command Maintenance(CommandRun run) => new("maintenance", """
        Somebody works on a server: it is not touched, not re-attached and not promoted.
        Examples:
          verify-ctl maintenance begin db2:3306 --owner joe --reason upgrade --for 30m
          verify-ctl maintenance end db2:3306
          verify-ctl maintenance list
        """) { Begin(run, "maintenance", "10m"), End(run, "maintenance"), List(run, "maintenance", "maintenance") };

    /// <summary>orchestrator's { Code, Message, Details }.</summary>
    internal static int Told(Screen screen, JsonElement answer)
    {
        if (screen.IsJson) screen.Json(answer);
        else screen.Line(RecoveryCommands.Text(answer, "Message"));
        return ExitCodes.Ok;
    }

    private static Command Begin(CommandRun run, string what, string otherwise)
    {
        var server = ServerOf();
        var owner = new Option<string>("--owner") { Description = "Who answers for it.", Required = true };
        var reason = new Option<string>("--reason") { Description = "Why.", Required = true };
        var lasts = new Option<string>("--for") { Description = "How long: a number and s, m, h, d or w.", DefaultValueFactory = _ => otherwise };
        var command = new Command("begin", $"""
            Begins a {what}; it ends by itself after --for.
            Example: verify-ctl {what} begin db1:3306 --owner jane --reason "new disk" --for 2h
            """) { server, owner, reason, lasts };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var path = $"begin-{what}{RecoveryCommands.ServerPath(parse.GetValue(server))}/{RecoveryCommands.Escaped(parse.GetValue(owner)!)}/{RecoveryCommands.Escaped(parse.GetValue(reason)!)}";
            var duration = RecoveryCommands.Escaped(parse.GetValue(lasts)!);
            return Told(screen, await client.Recoveries.DoAsync(what == "downtime" ? $"{path}/{duration}" : $"{path}?duration={duration}", token));
        }, cancel));
        return command;
    }

    private static Command End(CommandRun run, string what)
    {
        var server = ServerOf();
        var command = new Command("end", $"""
            Ends it. Exit code 1 when there is none.
            Example: verify-ctl {what} end db1:3306
            """) { server };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
            Told(screen, await client.Recoveries.DoAsync($"end-{what}{RecoveryCommands.ServerPath(parse.GetValue(server))}", token)), cancel));
        return command;
    }

    private static Command List(CommandRun run, string what, string path)
    {
        var command = new Command("list", $"""
            What is in {what}, by whom and why.
            Example: verify-ctl {what} list
            """);
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var all = await client.Recoveries.AskAsync(path, token);
            string Either(JsonElement at, string a, string b) => RecoveryCommands.Text(at, a) is { Length: > 0 } text ? text : RecoveryCommands.Text(at, b);
            if (screen.IsJson) screen.Json(all);
            else screen.Table(["server", "owner", "reason", "until"], all.EnumerateArray().Select(one => new[]
            {
                RecoveryCommands.Key(one, "Key"), Either(one, "DowntimeOwner", "Owner"), Either(one, "DowntimeReason", "Reason"), RecoveryCommands.Text(one, "DowntimeEndTimestamp"),
            }));
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static Argument<string> ServerOf() => new("server") { Description = "host:port" };
}
