using System.CommandLine;
using System.Text.Json;
using Verify.Client;

namespace Verify.Ctl.Commands;

/// <summary>verify-ctl watch: prints changes as they happen, until --timeout, or as many as are asked for.</summary>
internal static class WatchCommand
{
    public static Command Create(CommandRun run)
    {
        var prefix = new Argument<string>("prefix") { Description = "Keys that begin so; none for all.", DefaultValueFactory = _ => "" };
        var index = new Option<long?>("--index") { Description = "Go on behind this index (the number at the beginning of each line); otherwise from now on." };
        var count = new Option<int?>("--count") { Description = "End after so many changes." };
        var command = new Command("watch", """
            Prints every change: index, what happened, key, value. It ends at --timeout (15 s unless given). Exit code 1 when --index is
            too old to know what happened since: list the keys, and watch on from there.
            Examples:
              verify-ctl watch team/ --timeout 3600
              verify-ctl watch team/ --index 4711 --count 1 --json
            """) { prefix, index, count };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, (client, screen, token) => WatchAsync(
            client, screen, parse.GetValue(prefix)!, parse.GetValue(index), parse.GetValue(count) ?? int.MaxValue, cancel, token), cancel));
        return command;
    }

    private static async Task<int> WatchAsync(
        VerifyClient client, Output.Screen screen, string prefix, long? index, int count, CancellationToken interrupted, CancellationToken limit)
    {
        var after = index ?? (await client.Kv.ListAsync(prefix, limit)).AppliedIndex;
        try
        {
            await foreach (var change in client.Kv.WatchAsync(prefix, after, limit))
            {
                if (screen.IsJson)
                    screen.Json(JsonSerializer.SerializeToElement(new { index = change.Index, type = change.Pair is null ? "delete" : "set", key = change.Key, value = change.Pair?.Value }));
                else screen.Line($"{change.Index} {(change.Pair is null ? "delete" : "set")} {change.Key}{(change.Pair is { } pair ? $" {pair.Value}" : "")}");
                if (--count <= 0) return ExitCodes.Ok;
            }
        }
        catch (OperationCanceledException) when (!interrupted.IsCancellationRequested)
        {
            // --timeout: that is how it ends.
        }

        return ExitCodes.Ok;
    }
}
