using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.Throttle;

namespace Verify.Node.Topology;

/// <summary>One look at what a server's lag is.</summary>
/// <param name="AskedAt">When the question was sent, on this node's clock: the sample is no older than that.</param>
/// <param name="Value">Null: there is none, and <paramref name="Problem"/> says why.</param>
/// <param name="CameBack">The server answered, though perhaps not with a value.</param>
internal sealed record MetricSample(TimeSpan AskedAt, double? Value, string Problem, bool CameBack)
{
    /// <summary>No connection could be made.</summary>
    public bool IsDialError { get; init; }

    /// <summary>Its host is there and nobody listens.</summary>
    public bool IsRefused { get; init; }

    /// <summary>The server replicates from nobody.</summary>
    public bool IsNoReplica { get; init; }
}

/// <summary>What the throttler wants to know of one server.</summary>
/// <param name="Every">Between two samples; zero: with each probe.</param>
internal sealed record SampleWish(ImmutableArray<LagMetric> Metrics, TimeSpan Every);

/// <summary>Between the probers, which own the one session with each server, and the throttler, which wants samples more often than
/// probes are made. On the loop.</summary>
internal sealed class SampleDesk
{
    /// <summary>What is wanted of this server at the moment; null: nothing.</summary>
    public Func<InstanceKey, SampleWish?> WishFor { get; set; } = static _ => null;

    /// <summary>Takes a sample.</summary>
    public Action<InstanceKey, LagMetric, MetricSample> Took { get; set; } = static (_, _, _) => { };

    /// <summary>The clusters that this node looks after.</summary>
    public Func<ImmutableArray<ClusterSpec>> Clusters { get; set; } = static () => [];

    /// <summary>Why this cluster's primary takes no writes now (a recovery is open, its lease is not held, it was seen closed); null: it
    /// takes them, as far as this node knows.</summary>
    public Func<string, string?> WhyClosed { get; set; } = static _ => null;

    /// <summary>The server is set aside: it belongs to the cluster and does not replicate, and everybody knows.</summary>
    public Func<string, InstanceKey, bool> IsAside { get; set; } = static (_, _) => false;

    /// <summary>The agreed primary.</summary>
    public Func<string, InstanceKey?> PrimaryOf { get; set; } = static _ => null;
}
