using System.CommandLine;
using Verify.Client;
using Verify.Ctl.Commands;
using Verify.Ctl.Output;

namespace Verify.Ctl;

/// <summary>The whole program, with its streams and its environment from outside, so that tests run what people run.</summary>
internal static class CtlProgram
{
    public static async Task<int> RunAsync(
        string[] args, TextReader input, TextWriter output, TextWriter errors, Func<string, string?> environment, CancellationToken cancel)
    {
        var connection = new Connection(environment);
        var root = new RootCommand("""
            verify-ctl: manages a group of verify-nodes and reads and writes its keys. It finds the leader itself: one address that
            answers is enough.

            Examples:
              verify-ctl cluster status --endpoint http://node1:3000 --endpoint http://node2:3000
              VERIFY_CTL_ENDPOINTS=node1:3000,node2:3000 verify-ctl cluster join --address node4:7000
              verify-ctl cluster replace node-2 node-5 node5:7000
              verify-ctl kv put colour blue

            Exit codes: 0 done; 1 refused, not found or not healthy; 2 the command line is wrong; 3 no node can be reached or none
            leads (nothing was done); 4 it is not known whether it was done.
            """);
        connection.AddTo(root);
        var run = new CommandRun(connection, input, output, errors);
        root.Add(ClusterCommand.Create(run));
        root.Add(KvCommand.Create(run));
        root.Add(WatchCommand.Create(run));
        root.Add(LockCommand.Create(run));
        root.Add(ThrottleCommand.Create(run));
        root.Add(ServiceCommand.Create(run));
        root.Add(AdminCommands.Backup(run));
        root.Add(AdminCommands.Acl(run));
        root.Add(RecoveryCommands.Takeover(run));
        root.Add(RecoveryCommands.Recovery(run));
        root.Add(PolicyCommands.Downtime(run));
        root.Add(PolicyCommands.Maintenance(run));
        root.Add(CompletionCommand.Create(output));
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors) await errors.WriteLineAsync($"verify-ctl: {error.Message}");
            await errors.WriteLineAsync("See verify-ctl --help, or --help of the command.");
            return ExitCodes.Usage;
        }

        return await parsed.InvokeAsync(new InvocationConfiguration { Output = output, Error = errors, EnableDefaultExceptionHandler = false }, cancel);
    }
}

/// <summary>Runs one command against the group, and turns what went wrong into a sentence and an exit code.</summary>
internal sealed class CommandRun(Connection connection, TextReader input, TextWriter output, TextWriter errors)
{
    /// <summary>Each request ends by itself at the time-out, with a better message; waiting for something else ends here.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    public TextReader Input => input;

    public async Task<int> AsyncWith(ParseResult parse, Func<VerifyClient, Screen, CancellationToken, Task<int>> command, CancellationToken cancel)
    {
        try
        {
            var screen = new Screen(output, errors, connection.IsJson(parse));
            using var client = connection.Open(parse);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(connection.Timeout(parse) + Grace);
            return await command(client, screen, limit.Token);
        }
        catch (Exception e) when (e is UsageException or ClientOptionsException)
        {
            return await FailAsync(e.Message, ExitCodes.Usage);
        }
        catch (RefusedException e)
        {
            return await FailAsync(e.Status is 401 or 403 ? $"{e.Message} (status {e.Status}: check --user, --token-file or the certificate)" : e.Message, ExitCodes.Refused);
        }
        catch (OutcomeUnknownException e)
        {
            return await FailAsync($"{e.Message}; look at the state before you do it again", ExitCodes.Unknown);
        }
        catch (Exception e) when (e is NoNodeReachableException or NoLeaderException)
        {
            return await FailAsync(e.Message, ExitCodes.NoLeader);
        }
        catch (OperationCanceledException)
        {
            return await FailAsync(cancel.IsCancellationRequested
                ? "interrupted; a change that was on its way may still happen" : "begun, but not seen finished within --timeout; it may still happen: look at verify-ctl cluster status", ExitCodes.Unknown);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return await FailAsync(e.Message, ExitCodes.Usage);
        }
    }

    private async Task<int> FailAsync(string message, int code)
    {
        await errors.WriteLineAsync($"verify-ctl: {message}");
        return code;
    }
}
