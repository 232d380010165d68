using System.CommandLine;
using System.Text.Json;
using Verify.Client;

namespace Verify.Ctl.Commands;

/// <summary>verify-ctl kv: reads and writes single keys. A write is applied once, however often it had to be sent.</summary>
internal static class KvCommand
{
    public static Command Create(CommandRun run) => new("kv", """
        Reads and writes keys.
        Examples:
          verify-ctl kv put colour blue
          verify-ctl kv get colour
          verify-ctl kv put colour red --cas 42
          verify-ctl kv put colour blue --ttl 30
          verify-ctl kv delete team/ --recurse
          verify-ctl kv list --prefix team/
        """) { Get(run), Put(run), Touch(run), Delete(run), List(run) };

    private static Command Get(CommandRun run)
    {
        var key = new Argument<string>("key");
        var stale = new Option<bool>("--stale") { Description = "Whatever a node has, with its age; the fastest read." };
        var lease = new Option<bool>("--lease") { Description = "From the leader under its lease, without a round of the quorum." };
        var command = new Command("get", """
            Prints the value. Exit code 1 when there is no such key.
            Examples:
              verify-ctl kv get colour
              verify-ctl kv get colour --stale --json
            """) { key, stale, lease };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            if (parse.GetValue(stale) && parse.GetValue(lease)) throw new UsageException("--stale and --lease exclude each other");
            var freshness = parse.GetValue(stale) ? Freshness.Stale : parse.GetValue(lease) ? Freshness.Lease : Freshness.Consistent;
            var read = await client.Kv.GetAsync(parse.GetValue(key)!, freshness, token);
            if (read.Pair is not { } pair) throw new RefusedException(404, $"there is no key '{parse.GetValue(key)}'");
            if (screen.IsJson)
            {
                screen.Json(JsonSerializer.SerializeToElement(new
                {
                    key = pair.Key, value = pair.Value, modify_index = pair.ModifyIndex, create_index = pair.CreateIndex, flags = pair.Flags,
                    applied_index = read.AppliedIndex, age_ms = read.Age?.TotalMilliseconds,
                }));
            }
            else
            {
                screen.Line(pair.Value);
            }

            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static Command Put(CommandRun run)
    {
        var key = new Argument<string>("key");
        var value = new Argument<string>("value") { Description = "The value; - for standard input." };
        var cas = new Option<long?>("--cas") { Description = "Only when the key's modify_index is this; 0: only when there is no such key." };
        var flags = new Option<ulong>("--flags") { Description = "A number kept with the value." };
        var ttl = new Option<double?>("--ttl") { Description = "Seconds after which the key ends by itself, unless it is touched." };
        var command = new Command("put", """
            Writes a value. Exit code 1 when --cas does not hold.
            Example: verify-ctl kv put colour blue
            """) { key, value, cas, flags, ttl };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var text = parse.GetValue(value)!;
            if (text == "-") text = await run.Input.ReadToEndAsync(token);
            return Told(screen, parse.GetValue(ttl) is { } seconds
                ? await client.Kv.PutForAsync(parse.GetValue(key)!, text, Lifetime(seconds), parse.GetValue(cas), parse.GetValue(flags), token)
                : await client.Kv.PutAsync(parse.GetValue(key)!, text, parse.GetValue(cas), parse.GetValue(flags), token));
        }, cancel));
        return command;
    }

    private static Command Touch(CommandRun run)
    {
        var key = new Argument<string>("key");
        var ttl = new Option<double?>("--ttl") { Description = "Seconds; otherwise as long as it was given." };
        var command = new Command("touch", """
            Begins the lifetime of a key anew. Exit code 1 when it has ended, or has none.
            Example: verify-ctl kv touch colour --ttl 30
            """) { key, ttl };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
            Told(screen, await client.Kv.TouchAsync(parse.GetValue(key)!, parse.GetValue(ttl) is { } seconds ? Lifetime(seconds) : null, token)), cancel));
        return command;
    }

    private static TimeSpan Lifetime(double seconds) => seconds is > 0 and <= 315_360_000 ? TimeSpan.FromSeconds(seconds) : throw new UsageException("--ttl must be a number of seconds above 0");

    private static Command Delete(CommandRun run)
    {
        var key = new Argument<string>("key");
        var cas = new Option<long?>("--cas") { Description = "Only when the key's modify_index is this." };
        var recurse = new Option<bool>("--recurse") { Description = "All keys that begin so, in one step." };
        var command = new Command("delete", """
            Deletes a key. Exit code 1 when there is none, or --cas does not hold.
            Example: verify-ctl kv delete colour
            """) { key, cas, recurse };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            if (!parse.GetValue(recurse)) return Told(screen, await client.Kv.DeleteAsync(parse.GetValue(key)!, parse.GetValue(cas), token));
            if (parse.GetValue(cas) is not null) throw new UsageException("--cas and --recurse exclude each other");
            return Told(screen, await client.Kv.DeletePrefixAsync(parse.GetValue(key)!, token));
        }, cancel));
        return command;
    }

    private static Command List(CommandRun run)
    {
        var prefix = new Option<string>("--prefix") { Description = "Only keys that begin so.", DefaultValueFactory = _ => "" };
        var command = new Command("list", """
            The keys, one a line.
            Example: verify-ctl kv list --prefix team/
            """) { prefix };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var keys = await client.Kv.ListAsync(parse.GetValue(prefix)!, token);
            if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(new { keys = keys.Keys, applied_index = keys.AppliedIndex }));
            foreach (var key in keys.Keys) screen.Line(key);
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static int Told(Output.Screen screen, KvWrite write)
    {
        var (word, index) = write switch
        {
            KvWrite.Written(var at) => ("done", at),
            KvWrite.Conflict(var at) => ("conflict: the key has another modify_index", at),
            _ => ("not found", 0L),
        };
        if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(new { status = word, modify_index = index }));
        else screen.Line(index > 0 ? $"{word} (modify_index {index})" : word);
        return write is KvWrite.Written ? ExitCodes.Ok : ExitCodes.Refused;
    }
}
