using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Verify.Client;

namespace Verify.Ctl.Commands;

/// <summary>verify-ctl throttle: may somebody write now, who is throttled, which hosts are skipped.</summary>
internal static class ThrottleCommand
{
    public static Command Create(CommandRun run) => new("throttle", """
        Asks and steers the throttler (freno's job).
        Examples:
          verify-ctl throttle check gh-ost main
          verify-ctl throttle app archiver --ttl 30m --ratio 0.5
          verify-ctl throttle release archiver
          verify-ctl throttle skip db3 --ttl 2h
          verify-ctl throttle metrics
        """) { Check(run), App(run), Release(run), Skip(run), Recover(run), Apps(run), Hosts(run), Metrics(run) };

    private static Command Check(CommandRun run)
    {
        var app = new Argument<string>("app");
        var store = new Argument<string>("store") { Description = "The cluster, as in mysql/STORE." };
        var low = new Option<bool>("--low") { Description = "Low priority: refused while normal checks are." };
        var ifExists = new Option<bool>("--if-exists") { Description = "A store that is not there is no reason to wait." };
        var threshold = new Option<double?>("--threshold") { Description = "In the place of the store's own." };
        var command = new Command("check", """
            May this application write to the store now? Exit code 0: yes; 1: wait, and why.
            Example: verify-ctl throttle check gh-ost main --low
            """) { app, store, low, ifExists, threshold };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var question = new ThrottleQuestion(parse.GetValue(threshold), parse.GetValue(low), parse.GetValue(ifExists));
            var answer = await client.Throttle.CheckAsync(parse.GetValue(app)!, parse.GetValue(store)!, question, token);
            if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(new { status = answer.Status, value = answer.Value, threshold = answer.Threshold, message = answer.Message }));
            else screen.Line(string.Create(CultureInfo.InvariantCulture, $"{(answer.MayWrite ? "go on" : "wait")} ({answer.Status}): value {answer.Value}, threshold {answer.Threshold}{(answer.Message.Length > 0 ? $"; {answer.Message}" : "")}"));
            return answer.MayWrite ? ExitCodes.Ok : ExitCodes.Refused;
        }, cancel));
        return command;
    }

    private static Command App(CommandRun run)
    {
        var app = new Argument<string>("app");
        var ttl = new Option<string?>("--ttl") { Description = "For so long, in whole minutes: 30m, 2h. Left out: until it is released." };
        var ratio = new Option<double?>("--ratio") { Description = "The part of its checks that is refused, 0 to 1; left out: all." };
        var store = StoreOption();
        var command = new Command("app", """
            Throttles an application. Without --ttl it stays throttled until verify-ctl throttle release; one that is throttled already keeps its end.
            Example: verify-ctl throttle app archiver --ttl 30m --store main
            """) { app, ttl, ratio, store };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var time = TtlOf(parse.GetValue(ttl));
            await client.Throttle.ThrottleAsync(parse.GetValue(app)!, parse.GetValue(store)!, time, parse.GetValue(ratio), token);
            return Done(screen, time is null ? "throttled, without an end: verify-ctl throttle release ends it" : "throttled");
        }, cancel));
        return command;
    }

    private static Command Release(CommandRun run)
    {
        var app = new Argument<string>("app");
        var store = StoreOption();
        var command = new Command("release", """
            Ends the throttling of an application, for all stores or for one.
            Example: verify-ctl throttle release archiver
            """) { app, store };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            await client.Throttle.UnthrottleAsync(parse.GetValue(app)!, parse.GetValue(store)!, token);
            return Done(screen, "released");
        }, cancel));
        return command;
    }

    private static Command Skip(CommandRun run)
    {
        var host = new Argument<string>("host") { Description = "A name, or name:port." };
        var ttl = new Option<string?>("--ttl") { Description = "For so long, in whole minutes; an hour when left out." };
        var command = new Command("skip", """
            A host's lag counts for nothing for a while.
            Example: verify-ctl throttle skip db3 --ttl 2h
            """) { host, ttl };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            await client.Throttle.SkipHostAsync(parse.GetValue(host)!, TtlOf(parse.GetValue(ttl)), token);
            return Done(screen, "skipped");
        }, cancel));
        return command;
    }

    private static Command Recover(CommandRun run)
    {
        var host = new Argument<string>("host");
        var command = new Command("recover", """
            A skipped host counts again.
            Example: verify-ctl throttle recover db3
            """) { host };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            await client.Throttle.RecoverHostAsync(parse.GetValue(host)!, token);
            return Done(screen, "counts again");
        }, cancel));
        return command;
    }

    private static Command Apps(CommandRun run) => List(run, "apps", "Throttled applications, with end and ratio.", (client, token) => client.Throttle.AppsAsync(token));
    private static Command Hosts(CommandRun run) => List(run, "hosts", "Skipped hosts, and until when.", (client, token) => client.Throttle.HostsAsync(token));
    private static Command Metrics(CommandRun run) => List(run, "metrics", "The lag of each store as the leader has it.", (client, token) => client.Throttle.MetricsAsync(token));

    private static Command List(CommandRun run, string name, string what, Func<VerifyClient, CancellationToken, Task<JsonElement>> ask)
    {
        var command = new Command(name, $"""
            {what}
            Example: verify-ctl throttle {name} --json
            """);
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var list = await ask(client, token);
            if (screen.IsJson) screen.Json(list);
            else screen.Fields(list);
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static Option<string> StoreOption() => new("--store") { Description = "Only for this store; left out: for all.", DefaultValueFactory = _ => "" };

    private static int Done(Output.Screen screen, string what)
    {
        if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(new { status = "done", message = what }));
        else screen.Line(what);
        return ExitCodes.Ok;
    }

    private static TimeSpan? TtlOf(string? text)
    {
        if (text is null) return null;
        var unit = text.Length > 0 ? text[^1] : ' ';
        var factor = unit switch { 'm' => 1, 'h' => 60, 'd' => 1440, _ => 0 };
        if (factor > 0 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0) return TimeSpan.FromMinutes((long)number * factor);
        throw new UsageException($"--ttl must be whole minutes, hours or days like 30m, 2h, 1d, not '{text}'");
    }
}
