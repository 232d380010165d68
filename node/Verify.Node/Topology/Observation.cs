using Verify.MySql;

namespace Verify.Node.Topology;

/// <summary>What one probe of one server gave.</summary>
internal abstract record Observation
{
    private Observation() { }

    /// <summary>The server answered. <paramref name="Source"/> is the name behind the address that it replicates from.</summary>
    public sealed record Answered(ServerVersion Version, ServerFacts Facts, ReplicaStatus? Replica, InstanceKey? Source) : Observation;

    /// <summary>The server spoke, but not of what was asked (no more connections, access denied): it is alive.</summary>
    public sealed record Spoke(string Problem) : Observation;

    /// <summary>No answer within the time, or the connection broke. <paramref name="Refused"/>: its host is there and nobody listens.</summary>
    public sealed record Missed(string Problem, bool Refused) : Observation;
}

/// <summary>Whether a server counts as alive for one observer.</summary>
public enum SightState : byte
{
    /// <summary>Not looked at long enough to say.</summary>
    Never = 0,
    Up = 1,
    Down = 2,
}

/// <summary>What this node has seen of one server, and when, on its own clock.</summary>
internal sealed record InstanceView(InstanceKey Key, string DataCenter)
{
    /// <summary>When the last answer of any kind arrived.</summary>
    public TimeSpan? AliveAt { get; init; }

    /// <summary>When the probe that gave <see cref="Facts"/> was begun.</summary>
    public TimeSpan FactsAskedAt { get; init; }

    /// <summary>When <see cref="Facts"/> arrived.</summary>
    public TimeSpan? FactsAt { get; init; }
    public TimeSpan? MissedAt { get; init; }

    /// <summary>Probes missed since the last answer.</summary>
    public int MissesInRow { get; init; }
    public bool Refused { get; init; }
    public ServerVersion Version { get; init; }
    public ServerFacts? Facts { get; init; }
    public ReplicaStatus? Replica { get; init; }
    public InstanceKey? Source { get; init; }
    public string Problem { get; init; } = "";

    /// <summary>The last probe was answered with facts.</summary>
    public bool IsAnswering => MissesInRow == 0 && FactsAt is not null && FactsAt == AliveAt;

    public InstanceView After(Observation seen, TimeSpan askedAt, TimeSpan now) => seen switch
    {
        Observation.Answered a => this with
        {
            AliveAt = now, FactsAt = now, FactsAskedAt = askedAt, MissesInRow = 0, Refused = false, Version = a.Version, Facts = a.Facts,
            Replica = a.Replica, Source = a.Source, Problem = "",
        },
        Observation.Spoke s => this with { AliveAt = now, MissesInRow = 0, Refused = false, Problem = s.Problem },
        Observation.Missed m => this with { MissedAt = now, MissesInRow = MissesInRow + 1, Refused = m.Refused, Problem = m.Problem },
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Down: two probes or more were missed in a row and the last answer is older than two probe intervals.</summary>
    public SightState StateAt(TimeSpan now, TimeSpan probeInterval)
    {
        if (MissesInRow >= 2 && (AliveAt is not { } alive || now - alive > 2 * probeInterval)) return SightState.Down;
        return AliveAt is null ? SightState.Never : SightState.Up;
    }

    /// <summary>Facts no older than this.</summary>
    public bool HasFactsSince(TimeSpan since) => FactsAt is { } at && at >= since;
}
