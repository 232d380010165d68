namespace Verify.Chaos.Running;

/// <summary>The classes of failures, in run.json ("failureClass") and in the printed verdict. The exit code says only how bad it is (0 valid,
/// 1 violated, 2 unknown, 3 harness); the class says who has to look: crash, safety, liveness and nondeterminism end with 1, harness with 2 or 3.</summary>
public static class FailureClass
{
    /// <summary>A node ended by an exception, or stopped itself because an invariant did not hold.</summary>
    public const string Crash = "crash";

    /// <summary>Something happened that must never happen.</summary>
    public const string Safety = "safety";

    /// <summary>Something that must happen did not, or not in time.</summary>
    public const string Liveness = "liveness";

    /// <summary>The same schedule did not give the same run, or work left the simulated world.</summary>
    public const string Nondeterminism = "nondeterminism";

    /// <summary>The harness or the machine failed, or a step had no effect: nothing is proven.</summary>
    public const string Harness = "harness";
}
