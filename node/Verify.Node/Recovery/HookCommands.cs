using Verify.Node.Loop;
using Verify.Node.State.Fencing;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Runs the commands of one hook, one after the other, and says how they ended. Decides nothing.</summary>
internal sealed class HookCommands(INodeServices services, LoopTurn turn)
{
    private const int DetailCharsMax = 500;

    private HookSettings Settings => services.Config.Hooks;

    public async ValueTask<(bool Failed, string Detail)> RunAsync(HookPoint point, HookFacts facts, bool stopsAtFailure)
    {
        var commands = Settings.Of(point);
        if (commands.IsEmpty) return (false, "no commands");
        if (services.Seam.Processes is not { } processes) return (false, "this node runs no commands");
        var environment = facts.Environment(point);
        var failed = false;
        var details = new List<string>();
        foreach (var command in commands)
        {
            var text = facts.Expand(command).Trim();
            if (text.EndsWith('&'))
            {
                var apart = text[..^1].Trim();
                Drivers.Start(services, $"a command of {point}", async () => await turn.Await(processes.RunAsync(Settings.Shell, apart, environment, Settings.TimeLimit)));
                continue;
            }

            var end = await turn.Await(processes.RunAsync(Settings.Shell, text, environment, Settings.TimeLimit));
            if (end.ExitCode == 0) continue;
            failed = true;
            details.Add($"'{command}' {(end.ExitCode is { } code ? $"ended with {code}" : "did not end by itself")}: {end.Output.Trim()}");
            if (stopsAtFailure) break;
        }

        var detail = failed ? string.Join("; ", details) : $"{commands.Length} commands";
        return (failed, detail.Length > DetailCharsMax ? detail[..DetailCharsMax] : detail);
    }
}
