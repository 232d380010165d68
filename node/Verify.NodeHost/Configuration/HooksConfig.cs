using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.State.Fencing;

namespace Verify.NodeHost.Configuration;

/// <summary>Commands around recoveries, with orchestrator's keys.</summary>
internal static class HooksConfig
{
    public static HookSettings Of(ConfigValues values)
    {
        var commands = ImmutableSortedDictionary.CreateBuilder<HookPoint, ImmutableArray<string>>();
        foreach (var point in Enum.GetValues<HookPoint>())
        {
            ImmutableArray<string> texts = [.. values.Texts(point.ToString())];
            if (!texts.IsEmpty) commands[point] = texts;
        }

        return new()
        {
            Commands = commands.ToImmutable(),
            Shell = values.Text("ProcessesShellCommand", "bash"),
            TimeLimit = TimeSpan.FromSeconds(values.Int("ProcessesTimeoutSeconds", 30, 1, 3600)),
        };
    }
}
