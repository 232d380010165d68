using System.CommandLine;
using System.Text.Json;
using Verify.Client;
using Verify.Ctl.Output;

namespace Verify.Ctl.Commands;

/// <summary>What concerns the data: snapshots, export and import, the key with which files are encrypted.</summary>
internal static class DataCommands
{
    public static Command Snapshot(CommandRun run)
    {
        var node = new Option<string?>("--node") { Description = "On this member; otherwise on the leader." };
        var all = new Option<bool>("--all") { Description = "On each member." };
        var command = new Command("snapshot", """
            Makes a snapshot now, so that the log before it can go. Nodes do so by themselves, too.
            Examples:
              verify-ctl cluster snapshot
              verify-ctl cluster snapshot --all
            """) { node, all };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var made = parse.GetValue(all) || parse.GetValue(node) is not null
                ? await OnMembersAsync(client, parse.GetValue(node), client.Cluster.SnapshotAtAsync, token)
                : [await client.Cluster.SnapshotAsync(token)];
            Show(screen, made, ["node_id", "last_index", "last_term", "bytes", "took_ms"]);
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    public static Command RotateKey(CommandRun run)
    {
        var node = new Option<string?>("--node") { Description = "On this member; otherwise on each." };
        var command = new Command("rotate-key", """
            Makes the nodes read their key file again and encrypt with its newest key from now on: what is written anew has the new key,
            and the old files go as snapshots are made. Put the new key into the key file of each node first.
            Example: verify-ctl cluster rotate-key
            """) { node };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var done = await OnMembersAsync(client, parse.GetValue(node), client.Cluster.RotateKeyAsync, token);
            Show(screen, done, ["data_key", "message"]);
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    public static Command Export(CommandRun run)
    {
        var file = new Option<string?>("--out", "-o") { Description = "The file; otherwise standard output. A file that exists is not overwritten." };
        var command = new Command("export", """
            Writes all keys with values and flags: a header line, a JSON line for each key, a footer with count and checksum.
            Examples:
              verify-ctl cluster export --out backup.ndjson
              verify-ctl cluster export -e old:3000 | verify-ctl cluster import - -e new:3000
            """) { file };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            if (parse.GetValue(file) is { } taken && File.Exists(taken)) throw new UsageException($"{taken} exists already");
            var text = await client.Cluster.ExportAsync(token);
            if (parse.GetValue(file) is not { } to)
            {
                screen.Raw(text);
                return ExitCodes.Ok;
            }

            SecretFile.Write(to, text.TrimEnd('\n'));
            var keys = Math.Max(0, text.AsSpan().TrimEnd('\n').Count('\n') - 1);
            if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(new { status = "ok", file = to, keys }));
            else screen.Line($"{keys} key(s) written to {to}");
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    public static Command Import(CommandRun run)
    {
        var file = new Argument<string>("file") { Description = "What export wrote; - for standard input." };
        var overwrite = new Option<bool>("--overwrite") { Description = "A key that exists already gets the value of the file; otherwise it stays." };
        var command = new Command("import", """
            Writes an export into this group. The file is checked as a whole before a key is written. Doing it twice is safe.
            Example: verify-ctl cluster import backup.ndjson --timeout 300
            """) { file, overwrite };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var from = parse.GetValue(file)!;
            var text = from == "-" ? await run.Input.ReadToEndAsync(token) : await File.ReadAllTextAsync(from, token);
            var json = await client.Cluster.ImportAsync(text, parse.GetValue(overwrite), token);
            if (screen.IsJson) screen.Json(json);
            else screen.Fields(json);
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static async Task<JsonElement[]> OnMembersAsync(VerifyClient client, string? only, Func<Uri, CancellationToken, Task<JsonElement>> change, CancellationToken cancel)
    {
        if (only is not null) return [await change(await ClusterQuestions.AddressOfAsync(client, only, cancel), cancel)];
        var done = new List<JsonElement>();
        foreach (var peer in await client.Cluster.PeersAsync(cancel))
        {
            var at = ClusterQuestions.AddressOf(client, peer)
                ?? throw new UsageException($"{peer.Id} has not said where its HTTP listener is; ask it with --endpoint and --node{(done.Count > 0 ? $" ({done.Count} before it are done)" : "")}");
            done.Add(await change(at, cancel));
        }

        return [.. done];
    }

    private static void Show(Screen screen, JsonElement[] answers, string[] columns)
    {
        if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(answers));
        else screen.Table(columns, answers.Select(a => Array.ConvertAll(columns, c => a.TryGetProperty(c, out var value) ? value.ToString() : "")));
    }
}
