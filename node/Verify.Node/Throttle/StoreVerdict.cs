using Verify.Node.Topology;

namespace Verify.Node.Throttle;

/// <summary>One host's part in a verdict; for people.</summary>
internal readonly record struct HostFigure(InstanceKey Host, double? Value, string Problem, string Ignored);

/// <summary>What is known of one store at one moment. Immutable, so that it can be read beside the loop.</summary>
/// <param name="Name">As in mysql/NAME.</param>
/// <param name="HoldsUntil">On the node's clock: from then on a sample that it rests on is too old, and it says nothing any more.</param>
internal sealed record StoreVerdict(string Name, double Threshold, TimeSpan HoldsUntil)
{
    private CheckAnswer? _ok;
    private CheckAnswer? _lag;

    /// <summary>The worst host's value that counts.</summary>
    public double Value { get; init; }

    /// <summary>Which host that is.</summary>
    public string Worst { get; init; } = "";

    /// <summary>Not a question of value and threshold: this answer, whatever is asked. Null: the value counts.</summary>
    public CheckAnswer? Fixed { get; init; }

    /// <summary>When the oldest sample was asked for on which the value rests.</summary>
    public TimeSpan AskedAt { get; init; }
    public IReadOnlyList<HostFigure> Hosts { get; init; } = [];

    /// <summary>When a normal check was refused for lag last; shared by all verdicts on this store.</summary>
    public required LagMark Mark { get; init; }

    /// <summary>200 at the store's own threshold.</summary>
    public CheckAnswer Ok(double threshold) => threshold == Threshold
        ? _ok ??= new(200, Value, threshold, "", CheckReason.Ok)
        : new(200, Value, threshold, "", CheckReason.Ok);

    public CheckAnswer Lag(double threshold) => threshold == Threshold ? _lag ??= NewLag(threshold) : NewLag(threshold);

    public CheckAnswer Stale(TimeSpan ageMax) => new(500, 0, Threshold, $"no sample of mysql/{Name} is newer than {ageMax.TotalMilliseconds:0} ms", CheckReason.Stale);

    private CheckAnswer NewLag(double threshold) => new(429, Value, threshold, $"Threshold exceeded: {Worst}", CheckReason.Lag);
}

/// <summary>When something happened last, written and read by several threads. Later moments win; a lost race loses microseconds.</summary>
internal sealed class LagMark
{
    private long _ticks = long.MinValue;

    public void Set(TimeSpan now) => Interlocked.Exchange(ref _ticks, now.Ticks);

    public bool IsWithin(TimeSpan time, TimeSpan now)
    {
        var at = Interlocked.Read(ref _ticks);
        return at != long.MinValue && now.Ticks - at <= time.Ticks;
    }
}
