using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Verify.Client;

namespace Verify.Ctl.Commands;

/// <summary>verify-ctl lock: sessions and locks by hand, and a program run while a lock is held.</summary>
internal static class LockCommand
{
    public static Command Create(CommandRun run) => new("lock", """
        Sessions and locks. What a lock guards must be given its token, and refuse a lower one than the highest that it has seen.
        Examples:
          verify-ctl lock run jobs/nightly -- ./nightly.sh
          verify-ctl lock session --ttl 30
          verify-ctl lock acquire jobs/nightly --session ID
          verify-ctl lock release jobs/nightly --session ID
        """) { Session(run), Acquire(run), Renew(run), Release(run), End(run), Run(run) };

    private static Option<string> SessionOption() => new("--session") { Description = "The session's id, from verify-ctl lock session.", Required = true };

    private static Command Session(CommandRun run)
    {
        var ttl = new Option<double>("--ttl") { Description = "Seconds until it ends, unless it is renewed.", DefaultValueFactory = _ => 15 };
        var delay = new Option<double>("--lock-delay") { Description = "Seconds for which nobody gets what it held when it ends.", DefaultValueFactory = _ => 15 };
        var deletes = new Option<bool>("--delete") { Description = "What it holds when it ends is deleted." };
        var command = new Command("session", """
            Begins a session and prints its id.
            Example: verify-ctl lock session --ttl 30
            """) { ttl, delay, deletes };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var id = await client.Locks.BeginSessionAsync(Seconds(parse.GetValue(ttl)), Seconds(parse.GetValue(delay)), parse.GetValue(deletes), "verify-ctl", token);
            if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(new { id }));
            else screen.Line(id);
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static Command Acquire(CommandRun run)
    {
        var (key, session) = (new Argument<string>("key"), SessionOption());
        var command = new Command("acquire", """
            Takes a lock and prints its token. Exit code 1 when somebody else has it.
            Example: verify-ctl lock acquire jobs/nightly --session ID
            """) { key, session };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var answer = await client.Locks.AcquireAsync(parse.GetValue(key)!, parse.GetValue(session)!, cancel: token);
            if (answer is LockAnswer.Refused(var why)) throw new RefusedException(409, why);
            var fencing = ((LockAnswer.Held)answer).Token;
            if (screen.IsJson) screen.Json(JsonSerializer.SerializeToElement(new { fencing_token = fencing }));
            else screen.Line(fencing.ToString(CultureInfo.InvariantCulture));
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static Command Renew(CommandRun run) => OfSession("renew", "Begins the session's lifetime anew. Exit code 1 when it has ended.", run, async (client, session, token) =>
        await client.Locks.RenewAsync(session, token) ? "renewed" : throw new RefusedException(404, $"session {session} has ended"));

    private static Command End(CommandRun run) => OfSession("end", "Ends a session, and with it what it holds.", run, async (client, session, token) =>
    {
        await client.Locks.EndSessionAsync(session, token);
        return "ended";
    });

    private static Command OfSession(string name, string what, CommandRun run, Func<VerifyClient, string, CancellationToken, Task<string>> command)
    {
        var session = SessionOption();
        var made = new Command(name, $"{what}{Environment.NewLine}Example: verify-ctl lock {name} --session ID") { session };
        made.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            screen.Line(await command(client, parse.GetValue(session)!, token));
            return ExitCodes.Ok;
        }, cancel));
        return made;
    }

    private static Command Release(CommandRun run)
    {
        var (key, session) = (new Argument<string>("key"), SessionOption());
        var command = new Command("release", """
            Gives a lock back. Exit code 1 when this session does not hold it.
            Example: verify-ctl lock release jobs/nightly --session ID
            """) { key, session };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            if (!await client.Locks.ReleaseAsync(parse.GetValue(key)!, parse.GetValue(session)!, token)) throw new RefusedException(409, "this session does not hold the lock");
            screen.Line("released");
            return ExitCodes.Ok;
        }, cancel));
        return command;
    }

    private static Command Run(CommandRun run)
    {
        var key = new Argument<string>("key");
        var words = new Argument<string[]>("command") { Description = "The program and its arguments, after --.", Arity = ArgumentArity.OneOrMore };
        var ttl = new Option<double>("--ttl") { Description = "Seconds that the lock outlives this program when it dies.", DefaultValueFactory = _ => 15 };
        var command = new Command("run", """
            Waits for the lock (at most --timeout), runs a program while it is held, with the token in VERIFY_FENCING_TOKEN, and ends with its
            exit code. The program is killed when the session cannot be renewed in time.
            Example: verify-ctl lock run jobs/nightly --timeout 60 -- ./nightly.sh
            """) { key, words, ttl };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, (client, _, token) => LockedRun.RunAsync(client, parse.GetValue(key)!, parse.GetValue(words)!, Seconds(parse.GetValue(ttl)), token, cancel), cancel));
        return command;
    }

    private static TimeSpan Seconds(double seconds) => seconds is >= 0 and <= 86_400 ? TimeSpan.FromSeconds(seconds) : throw new UsageException("seconds must be between 0 and 86400");
}

/// <summary>A program that runs while a lock is held.</summary>
internal static class LockedRun
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    public static async Task<int> RunAsync(VerifyClient client, string key, string[] words, TimeSpan ttl, CancellationToken limit, CancellationToken interrupted)
    {
        var session = await client.Locks.BeginSessionAsync(ttl, lockDelay: ttl, name: "verify-ctl lock run", cancel: limit);
        try
        {
            var (token, sureUntil) = await AcquireInTimeAsync(client, key, session, ttl, limit, interrupted);
            var start = new ProcessStartInfo(words[0]) { UseShellExecute = false };
            foreach (var word in words.Skip(1)) start.ArgumentList.Add(word);
            start.Environment["VERIFY_FENCING_TOKEN"] = token.ToString(CultureInfo.InvariantCulture);
            using var process = Process.Start(start) ?? throw new UsageException($"{words[0]} cannot be started");
            var ended = process.WaitForExitAsync(interrupted);
            while (await Task.WhenAny(ended, Task.Delay(ttl / 4, interrupted)) != ended)
            {
                var asked = Stopwatch.GetTimestamp();
                if (await RenewedAsync(client, session, interrupted)) sureUntil = asked + Ticks(ttl);
                if (Stopwatch.GetTimestamp() < sureUntil - Ticks(ttl / 4)) continue;
                process.Kill(entireProcessTree: true);
                throw new RefusedException(409, "the session could not be renewed in time: the program was killed before somebody else may have the lock");
            }

            await ended;
            return process.ExitCode;
        }
        finally
        {
            await client.Locks.ReleaseAsync(key, session, CancellationToken.None);
            await client.Locks.EndSessionAsync(session, CancellationToken.None);
        }
    }

    private static async Task<(long Token, long SureUntil)> AcquireInTimeAsync(
        VerifyClient client, string key, string session, TimeSpan ttl, CancellationToken limit, CancellationToken interrupted)
    {
        try
        {
            return await AcquireAsync(client, key, session, ttl, limit);
        }
        catch (OperationCanceledException) when (!interrupted.IsCancellationRequested)
        {
            throw new RefusedException(409, "the lock was not to be had within --timeout; the program was not run");
        }
    }

    private static async Task<(long Token, long SureUntil)> AcquireAsync(VerifyClient client, string key, string session, TimeSpan ttl, CancellationToken limit)
    {
        while (true)
        {
            var asked = Stopwatch.GetTimestamp();
            if (!await client.Locks.RenewAsync(session, limit)) throw new RefusedException(404, "the session ended while it waited for the lock; a longer --ttl helps");
            if (await client.Locks.AcquireAsync(key, session, cancel: limit) is LockAnswer.Held(var token)) return (token, asked + Ticks(ttl));
            await Task.Delay(Pause, limit);
        }
    }

    private static async Task<bool> RenewedAsync(VerifyClient client, string session, CancellationToken cancel)
    {
        try
        {
            return await client.Locks.RenewAsync(session, cancel);
        }
        catch (VerifyClientException)
        {
            return false;
        }
    }

    private static long Ticks(TimeSpan span) => (long)(span.TotalSeconds * Stopwatch.Frequency);
}
