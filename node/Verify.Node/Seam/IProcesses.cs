using System.Collections.Immutable;

namespace Verify.Node.Seam;

/// <summary>How a command ended.</summary>
/// <param name="ExitCode">Null: it could not be started, or did not end in time and was killed.</param>
/// <param name="Output">The end of what it printed, or why it could not be run.</param>
public sealed record ProcessEnd(int? ExitCode, string Output);

/// <summary>Runs commands of the operator on the node's machine.</summary>
public interface IProcesses
{
    /// <summary>Runs "shell -c command" to its end, or until the limit is over. Never throws for what the command does.</summary>
    ValueTask<ProcessEnd> RunAsync(string shell, string command, ImmutableSortedDictionary<string, string> environment, TimeSpan limit);
}
