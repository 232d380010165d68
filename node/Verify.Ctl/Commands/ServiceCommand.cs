using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Verify.Client;

namespace Verify.Ctl.Commands;

/// <summary>verify-ctl service: the catalogue of services.</summary>
internal static class ServiceCommand
{
    public static Command Create(CommandRun run) => new("service", """
        Registers, lists and picks instances of services.
        Examples:
          verify-ctl service register web 10.0.0.5 8080 --id web-1 --tag v2 --http http://10.0.0.5:8080/health
          verify-ctl service list
          verify-ctl service pick web
          verify-ctl service deregister web --id web-1
        """) { Register(run), Deregister(run), Heartbeat(run), List(run), Pick(run) };

    private static Command Register(CommandRun run)
    {
        var (name, address, port) = (new Argument<string>("name"), new Argument<string>("address"), new Argument<int>("port"));
        var id = new Option<string?>("--id") { Description = "Unique in the group; otherwise the name." };
        var tags = new Option<string[]>("--tag") { Description = "May be given several times.", AllowMultipleArgumentsPerToken = false };
        var meta = new Option<string[]>("--meta") { Description = "KEY=VALUE; may be given several times." };
        var ttl = new Option<int?>("--ttl") { Description = "Seconds without a heartbeat after which it is removed; 0: never; otherwise as the node is configured." };
        var http = new Option<string?>("--http") { Description = "A check over HTTP: http://host:port/path." };
        var tcp = new Option<string?>("--tcp") { Description = "A check by a TCP connection: host:port." };
        var mysql = new Option<string?>("--mysql") { Description = "A check by MySQL's protocol with the node's login: host:port." };
        var interval = new Option<int>("--interval") { Description = "Seconds between two runs of a check.", DefaultValueFactory = static _ => 10 };
        var command = new Command("register", """
            Registers an instance.
            Example: verify-ctl service register web 10.0.0.5 8080 --tcp 10.0.0.5:8080 --ttl 0
            """) { name, address, port, id, tags, meta, ttl, http, tcp, mysql, interval };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var pairs = (parse.GetValue(meta) ?? []).Select(static text => text.Split('=', 2)).ToArray();
            if (pairs.Any(static pair => pair.Length != 2)) throw new UsageException("--meta is KEY=VALUE");
            var index = await client.Services.RegisterAsync(new(parse.GetValue(name)!, parse.GetValue(address)!, parse.GetValue(port))
            {
                Id = parse.GetValue(id), Tags = parse.GetValue(tags) ?? [], Meta = [.. pairs.Select(static pair => KeyValuePair.Create(pair[0], pair[1]))],
                Ttl = parse.GetValue(ttl) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                HttpCheck = parse.GetValue(http), TcpCheck = parse.GetValue(tcp), MySqlCheck = parse.GetValue(mysql), CheckInterval = TimeSpan.FromSeconds(parse.GetValue(interval)),
            }, token);
            return Told(screen, "registered", index);
        }, cancel));
        return command;
    }

    private static Command Deregister(CommandRun run)
    {
        var name = new Argument<string>("name");
        var id = new Option<string?>("--id") { Description = "Only this instance; otherwise all of the name." };
        var command = new Command("deregister", """
            Removes instances. Exit code 1 when there is none.
            Example: verify-ctl service deregister web --id web-1
            """) { name, id };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
            await client.Services.DeregisterAsync(parse.GetValue(name)!, parse.GetValue(id), token) ? Told(screen, "deregistered", null)
                : throw new RefusedException(404, $"there is no service '{parse.GetValue(name)}'"), cancel));
        return command;
    }

    private static Command Heartbeat(CommandRun run)
    {
        var name = new Argument<string>("name");
        var id = new Option<string?>("--id") { Description = "Which instance, where there are several." };
        var connections = new Option<long?>("--connections") { Description = "How many clients it has." };
        var command = new Command("heartbeat", """
            Says that an instance is alive. Exit code 1 when there is none.
            Example: verify-ctl service heartbeat web --id web-1 --connections 12
            """) { name, id, connections };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
            await client.Services.HeartbeatAsync(parse.GetValue(name)!, parse.GetValue(id), parse.GetValue(connections), token) ? Told(screen, "heard", null)
                : throw new RefusedException(404, $"there is no such instance of '{parse.GetValue(name)}': register it again"), cancel));
        return command;
    }

    private static Command List(CommandRun run)
    {
        var name = new Argument<string?>("name") { Arity = ArgumentArity.ZeroOrOne, Description = "Only of this service." };
        var command = new Command("list", """
            The instances and how they are.
            Example: verify-ctl service list web
            """) { name };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) => Shown(screen, await client.Services.ListAsync(parse.GetValue(name), token)), cancel));
        return command;
    }

    private static Command Pick(CommandRun run)
    {
        var name = new Argument<string>("name");
        var strategy = new Option<string?>("--strategy") { Description = "round-robin, random or least-connections; otherwise the group's." };
        var command = new Command("pick", """
            One passing instance as address:port. Exit code 1 when there is none.
            Example: curl "http://$(verify-ctl service pick web)/"
            """) { name, strategy };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var picked = await client.Services.PickAsync(parse.GetValue(name)!, parse.GetValue(strategy), token) ?? throw new RefusedException(404, $"no instance of '{parse.GetValue(name)}' passes its checks");
            if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(ShapeOf(picked)));
            else screen.Line(picked.Address.Contains(':', StringComparison.Ordinal) ? $"[{picked.Address}]:{picked.Port}" : $"{picked.Address}:{picked.Port}");
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static int Shown(Output.Screen screen, IReadOnlyList<ServiceEntry> entries)
    {
        if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(entries.Select(ShapeOf)));
        else screen.Table(["service", "id", "address", "port", "status", "node", "tags"], entries.Select(static e => new[] { e.Name, e.Id, e.Address, e.Port.ToString(CultureInfo.InvariantCulture), e.Status, e.Node, string.Join(' ', e.Tags) }));
        return ExitCodes.Ok;
    }

    private static object ShapeOf(ServiceEntry entry) => new { id = entry.Id, name = entry.Name, address = entry.Address, port = entry.Port, status = entry.Status, node = entry.Node, tags = entry.Tags };

    private static int Told(Output.Screen screen, string word, long? index)
    {
        if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(new { status = word, modify_index = index }));
        else screen.Line(index is { } at ? $"{word} (modify_index {at})" : word);
        return ExitCodes.Ok;
    }
}
