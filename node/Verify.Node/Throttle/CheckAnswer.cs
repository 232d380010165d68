namespace Verify.Node.Throttle;

/// <summary>Why a check was answered as it was; for metrics and for whoever has to decide what to do about it.</summary>
public enum CheckReason : byte
{
    /// <summary>200: go on writing.</summary>
    Ok = 0,

    /// <summary>417: the application did not say its name.</summary>
    NoApp = 1,

    /// <summary>417: somebody has throttled this application.</summary>
    AppThrottled = 2,

    /// <summary>417: low priority, and a normal check was refused a moment ago.</summary>
    LowPriority = 3,

    /// <summary>404: there is no such store.</summary>
    NoSuchStore = 4,

    /// <summary>200 instead of 404, because the client asked "if it exists".</summary>
    NotThere = 5,

    /// <summary>429: too far behind.</summary>
    Lag = 6,

    /// <summary>429: a replica does not replicate or does not answer.</summary>
    ReplicaDown = 7,

    /// <summary>429: a recovery is open, or the primary is closed.</summary>
    PrimaryClosed = 8,

    /// <summary>500: no sample is new enough.</summary>
    Stale = 9,

    /// <summary>500: nobody knows (yet) which hosts there are, or none is left.</summary>
    NoHosts = 10,

    /// <summary>500: this node does not lead, or is not sure that it does; the leader may know.</summary>
    NotLeader = 11,
}

/// <summary>The answer to "may I write now?". An instance may be given to many askers.</summary>
/// <param name="Status">As freno answers: 200, 404, 417, 429 or 500. Everything but 200 means: wait.</param>
/// <param name="Value">The worst replica's, in the unit of the metric.</param>
public sealed record CheckAnswer(int Status, double Value, double Threshold, string Message, CheckReason Reason)
{
    /// <summary>For the mapping onto HTTP, which keeps the bytes of the body here. Whoever finds it empty fills it; all write the same.</summary>
    public byte[]? Rendered { get; set; }

    public static readonly CheckAnswer NoApp = new(417, 0, 0, "no app indicated", CheckReason.NoApp);
    public static readonly CheckAnswer AppDenied = new(417, 0, 0, "App denied", CheckReason.AppThrottled);
    public static readonly CheckAnswer LowPriorityDenied = new(417, 0, 0, "App denied", CheckReason.LowPriority);
    public static readonly CheckAnswer NoSuchStore = new(404, 0, 0, "No such metric", CheckReason.NoSuchStore);
    public static readonly CheckAnswer NotThere = new(200, 0, 0, "No such metric", CheckReason.NotThere);
    public static readonly CheckAnswer NotLeader = new(500, 0, 0, "this node does not lead, and no leader has answered", CheckReason.NotLeader);
}

/// <summary>How a check is meant.</summary>
/// <param name="Threshold">Counts instead of the store's own when above zero (freno's check-read).</param>
/// <param name="IsLowPriority">Refused while normal checks are.</param>
/// <param name="IfExists">A store that is not there is no reason to wait.</param>
public readonly record struct CheckFlags(double Threshold, bool IsLowPriority, bool IfExists, bool IsRead);

/// <summary>Applications that are known without being told of.</summary>
public static class ThrottleNames
{
    /// <summary>Always throttled, for people who try out their clients (freno, pkg/throttle/throttler.go).</summary>
    public const string AbusingApp = "abusing-app";
}
