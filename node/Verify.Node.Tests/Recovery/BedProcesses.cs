using System.Collections.Immutable;
using Verify.Node.Seam;

namespace Verify.Node.Tests.Recovery;

/// <summary>Commands that do nothing but take their time and end as the story says; those of a node that has died never end.</summary>
internal sealed class BedProcesses(HaBed bed, BedNode node) : IProcesses
{
    public ValueTask<ProcessEnd> RunAsync(string shell, string command, ImmutableSortedDictionary<string, string> environment, TimeSpan limit)
    {
        bed.Commands.Add((node.Config.DataCenter, command, environment));
        var ended = new TaskCompletionSource<ProcessEnd>();
        bed.At(bed.CommandTime, () =>
        {
            if (node.IsUp) ended.SetResult(new(bed.ExitCodes.GetValueOrDefault(command), ""));
        });
        return new(ended.Task);
    }
}
