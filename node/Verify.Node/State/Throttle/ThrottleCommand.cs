namespace Verify.Node.State.Throttle;

/// <summary>What can be said about throttling in the log. The list is closed.</summary>
public abstract record ThrottleCommand
{
    private ThrottleCommand() { }

    /// <summary>Checks of this application are refused.</summary>
    /// <param name="Store">Only for this store; empty: for all.</param>
    /// <param name="TtlMs">Ends after so long, by the group's time. Null: an application that is throttled already keeps its end, any other one
    /// stays throttled until somebody says otherwise: it never expires.</param>
    /// <param name="RatioPerMillion">So many of a million checks are refused; null: unchanged, or all.</param>
    public sealed record ThrottleApp(string App, string Store, long? TtlMs, int? RatioPerMillion) : ThrottleCommand;

    /// <summary>Ends it: for this store alone, or (empty) for the application and each of its stores. Done as well when nothing was throttled.</summary>
    public sealed record UnthrottleApp(string App, string Store) : ThrottleCommand;

    /// <summary>A host's lag counts for nothing for so long.</summary>
    public sealed record SkipHost(string Host, long TtlMs) : ThrottleCommand;
    public sealed record RecoverHost(string Host) : ThrottleCommand;
}
