using System.CommandLine;
using System.Text.Json;
using Verify.Client;
using Verify.Ctl.Output;

namespace Verify.Ctl.Commands;

/// <summary>Changes of the membership and of the leadership. A change whose answer was lost is looked up in the list of members before
/// anything is said about it.</summary>
internal static class MemberCommands
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    public static Command Join(CommandRun run)
    {
        var id = new Argument<string?>("node-id") { Description = "The node's name; without it, its address.", Arity = ArgumentArity.ZeroOrOne };
        var place = new Argument<string?>("address") { Description = "host:port of its peer listener.", Arity = ArgumentArity.ZeroOrOne };
        var address = new Option<string?>("--address") { Description = "host:port of its peer listener." };
        var node = new Option<string?>("--node") { Description = "The node's name; without it, its address." };
        var learner = new Option<bool>("--learner") { Description = "It stays a learner: it has the data and no vote." };
        var wait = new Option<bool>("--wait") { Description = "Wait until it votes (with --learner: until it is a member)." };
        var command = new Command("join", """
            Lets a running node into the group: first as a learner, which receives the log; autopilot makes it a voter when it has caught
            up and is stable. A node that is a member already gets its address changed.
            Examples:
              verify-ctl cluster join --address node4:7000
              verify-ctl cluster join node-4 node4:7000 --wait
            """) { id, place, address, node, learner, wait };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, (client, screen, token) =>
        {
            // Konsul: join NODE-ID ADDRESS. ADR: join --address ADDRESS. One bare word is an address.
            var (first, second) = (parse.GetValue(id), parse.GetValue(place));
            var at = parse.GetValue(address) ?? second ?? (first?.Contains(':', StringComparison.Ordinal) == true ? first : null)
                ?? throw new UsageException("the address is missing: verify-ctl cluster join --address HOST:PORT, or join NODE-ID HOST:PORT");
            var name = parse.GetValue(node) ?? (first == at ? null : first);
            return LetInAsync(client, screen, new(name ?? at, at, Replaces: null, parse.GetValue(learner), parse.GetValue(wait)), token);
        }, cancel));
        return command;
    }

    public static Command Replace(CommandRun run)
    {
        var old = new Argument<string>("old") { Description = "The member that goes." };
        var id = new Argument<string>("new") { Description = "The name of the node that takes its place." };
        var address = new Argument<string>("address") { Description = "host:port of the new node's peer listener." };
        var noWait = new Option<bool>("--no-wait") { Description = "Return as soon as the change is begun." };
        var command = new Command("replace", """
            Replaces a member by another node in one go: the new one catches up first, then takes the vote of the old one in one change.
            The old one is told, and stops.
            Example: verify-ctl cluster replace node-2 node-5 node5:7000 --timeout 120
            """) { old, id, address, noWait };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, (client, screen, token) =>
            LetInAsync(client, screen, new(parse.GetValue(id)!, parse.GetValue(address)!, parse.GetValue(old), StaysLearner: false, !parse.GetValue(noWait)), token), cancel));
        return command;
    }

    public static Command Leave(CommandRun run)
    {
        var id = new Argument<string?>("node-id") { Description = "The member that goes.", Arity = ArgumentArity.ZeroOrOne };
        var node = new Option<string?>("--node") { Description = "The member that goes." };
        var force = new Option<bool>("--force") { Description = "Even when the rest cannot go on without it." };
        var command = new Command("leave", """
            Takes a node out of the group. It is told, and stops. Refused when the rest could not go on without it.
            Examples:
              verify-ctl cluster leave --node node-3
              verify-ctl cluster leave node-3
            """) { id, node, force };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var name = parse.GetValue(node) ?? parse.GetValue(id) ?? throw new UsageException("the node is missing: verify-ctl cluster leave --node NODE-ID");
            var json = await LookUpWhenUnknownAsync(() => client.Cluster.LeaveAsync(name, parse.GetValue(force), token),
                async () => (await client.Cluster.PeersAsync(token)).All(p => p.Id != name));
            Say(screen, json, $"{name} has left the group");
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    public static Command Transfer(CommandRun run)
    {
        var id = new Argument<string?>("node-id") { Description = "Who shall lead; otherwise the voter that is best caught up.", Arity = ArgumentArity.ZeroOrOne };
        var to = new Option<string?>("--to") { Description = "Who shall lead." };
        var command = new Command("transfer", """
            Hands leadership over, before work on the machine that leads. Returns when another node leads.
            Examples:
              verify-ctl cluster transfer
              verify-ctl cluster transfer --to node-2
            """) { id, to };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var wanted = parse.GetValue(to) ?? parse.GetValue(id);
            var before = (await client.Cluster.LeaderAsync(token)).LeaderId;
            if (wanted is not null && wanted == before)
            {
                screen.Line($"{before} leads already");
                return ExitCodes.Ok;
            }

            var json = await LookUpWhenUnknownAsync(() => client.Cluster.TransferAsync(wanted, token), async () => (await client.Cluster.LeaderAsync(token)).LeaderId != before);
            string now;
            while ((now = (await client.Cluster.LeaderAsync(token)).LeaderId) == before) await Task.Delay(Look, token);
            Say(screen, json, $"{now} leads now (before: {before})");
            return wanted is null || now == wanted ? ExitCodes.Ok : ExitCodes.Refused;
        }, cancel));
        return command;
    }

    public static Command Token(CommandRun run)
    {
        var validFor = new Option<string?>("--valid-for") { Description = "How long it can be used: 30m, 24h. At most 720h; otherwise 1h." };
        var file = new Option<string?>("--out") { Description = "Write it to this file, readable by its owner only, and not to the screen." };
        var command = new Command("token", """
            Makes a join token, which lets one node in, once. Only its hash is kept: it cannot be shown again.
            Examples:
              verify-ctl cluster token --valid-for 30m
              verify-ctl cluster token --out join.token --json
            """) { validFor, file };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, cancelled) =>
        {
            if (screen.IsJson && parse.GetValue(file) is null) throw new UsageException("--json never shows a secret: give --out FILE as well");
            var json = await client.Cluster.TokenAsync(parse.GetValue(validFor), cancelled);
            var token = json.GetProperty("token").GetString()!;
            if (parse.GetValue(file) is { } to)
            {
                SecretFile.Write(to, token);
                if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(new { token_id = json.GetProperty("token_id").GetString(), file = to }));
                else screen.Line($"written to {to}");
                return ExitCodes.Ok;
            }

            screen.Raw(token + Environment.NewLine);
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static async Task<int> LetInAsync(VerifyClient client, Screen screen, Entrance entrance, CancellationToken cancel)
    {
        var json = await LookUpWhenUnknownAsync(
            () => client.Cluster.JoinAsync(entrance.Node, entrance.Address, entrance.Replaces, entrance.StaysLearner, cancel),
            async () => (await client.Cluster.PeersAsync(cancel)).Any(p => p.Id == entrance.Node && p.Address == entrance.Address));
        if (entrance.Waits)
        {
            var told = "";
            while (true)
            {
                var peers = await client.Cluster.PeersAsync(cancel);
                var part = peers.FirstOrDefault(p => p.Id == entrance.Node)?.State ?? "not a member";
                var oldIsGone = entrance.Replaces is null || peers.All(p => p.Id != entrance.Replaces);
                if (part != told) screen.Progress($"{entrance.Node}: {told = part}");
                if (oldIsGone && part == (entrance.StaysLearner ? "Nonvoter" : "Voter")) break;
                await Task.Delay(Look, cancel);
            }
        }

        Say(screen, json, entrance switch
        {
            { Replaces: { } old, Waits: true } => $"{entrance.Node} votes in the place of {old}",
            { Replaces: { } old } => $"{entrance.Node} is in, and takes the place of {old} when it has caught up",
            { StaysLearner: true } => $"{entrance.Node} is in as a learner and stays one",
            { Waits: true } => $"{entrance.Node} is in and votes",
            _ => $"{entrance.Node} is in as a learner; it becomes a voter when it has caught up and is stable",
        });
        return ExitCodes.Ok;
    }

    /// <summary>A change whose answer was lost: when the members show that it was done, it was; otherwise it stays unknown, because it
    /// may still be on its way.</summary>
    private static async Task<JsonElement?> LookUpWhenUnknownAsync(Func<Task<JsonElement>> change, Func<Task<bool>> isDone)
    {
        try
        {
            return await change();
        }
        catch (OutcomeUnknownException)
        {
            if (!await isDone()) throw;
            return null;
        }
    }

    private static void Say(Screen screen, JsonElement? json, string sentence)
    {
        if (screen.IsJson) screen.Json(json ?? JsonSerializer.SerializeToElement(new { status = "ok", message = sentence }));
        else screen.Line(sentence);
    }

    private sealed record Entrance(string Node, string Address, string? Replaces, bool StaysLearner, bool Waits);
}
