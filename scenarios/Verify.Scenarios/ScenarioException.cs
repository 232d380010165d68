namespace Verify.Scenarios;

/// <summary>One thing that is wrong in a scenario file, with its place (from 1) and what is allowed there.</summary>
public sealed record ScenarioError(string File, int Line, int Column, string Message)
{
    public override string ToString() => $"{File}:{Line}:{Column}: {Message}";
}

/// <summary>A scenario that cannot be read: everything that is wrong with it, not only the first.</summary>
public sealed class ScenarioException(IReadOnlyList<ScenarioError> errors) : Exception(string.Join('\n', errors))
{
    public IReadOnlyList<ScenarioError> Errors { get; } = errors;
}
