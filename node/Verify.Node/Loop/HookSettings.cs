using System.Collections.Immutable;
using Verify.Node.State.Fencing;

namespace Verify.Node.Loop;

/// <summary>Commands of the operator that are run around recoveries (orchestrator's …Processes).</summary>
public sealed record HookSettings
{
    /// <summary>Commands by the moment at which they are run, one after the other. One that ends with '&amp;' is not waited for, and how it
    /// ends does not matter.</summary>
    public ImmutableSortedDictionary<HookPoint, ImmutableArray<string>> Commands { get; init; } = ImmutableSortedDictionary<HookPoint, ImmutableArray<string>>.Empty;

    /// <summary>Runs a command with -c (ProcessesShellCommand).</summary>
    public string Shell { get; init; } = "bash";

    /// <summary>A command that has not ended within this time is killed and counts as failed.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(30);

    public ImmutableArray<string> Of(HookPoint point) => Commands.TryGetValue(point, out var commands) ? commands : [];
    public bool IsEmpty => Commands.Values.All(static c => c.IsEmpty);
}
