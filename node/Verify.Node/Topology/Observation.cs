using Verify.MySql;

namespace Verify.Node.Topology;

/// <summary>What one probe of one server gave.</summary>
internal abstract record Observation
{
    private Observation() { }

    /// <summary>The server answered. <paramref name="Source"/> is the name behind the address that it replicates from.</summary>
    public sealed record Answered(ServerVersion Version, ServerFacts Facts, ReplicaStatus? Replica, InstanceKey? Source) : Observation;

    /// <summary>The server spoke, but not of what was asked (no more connections, access denied): it is alive.</summary>
    /// <param name="Code">The server's error; 0: what it said made no sense.</param>
    public sealed record Spoke(string Problem, int Code = 0) : Observation;

    /// <summary>No answer within the time, or the connection broke. <paramref name="Refused"/>: its host is there and nobody listens.</summary>
    /// <param name="Hung">Somebody listens there, the connection was made, and nothing came over it: a process that is stopped, or a host that is.</param>
    public sealed record Missed(string Problem, bool Refused, bool Hung = false) : Observation
    {
        /// <summary>No connection could be made: refused, no way there, no answer to the dial.</summary>
        public bool IsDialError { get; init; } = Refused;
    }
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

    /// <summary>The last miss was silence behind a connection that was made.</summary>
    public bool Hung { get; init; }

    /// <summary>The error with which the server turned the last question down; 0 when it did not.</summary>
    public int TurnedDownBy { get; init; }

    /// <summary>What changes seldom, and when it was read; null before the first time.</summary>
    public DetailedLook? Look { get; init; }
    public TimeSpan LookAt { get; init; }

    /// <summary>The facts before <see cref="Facts"/>, for comparing with what was read elsewhere in between.</summary>
    public ServerFacts? FactsBefore { get; init; }
    public TimeSpan FactsBeforeAt { get; init; }
    public ServerVersion Version { get; init; }
    public ServerFacts? Facts { get; init; }

    /// <summary>What it has executed, in the server's words; written once per look, shown and told many times.</summary>
    public string ExecutedText { get; init; } = "";
    public ReplicaStatus? Replica { get; init; }
    public InstanceKey? Source { get; init; }

    /// <summary>How far behind it said it was when it last read from its source. Afterwards, and once everything fetched is applied, servers say NULL:
    /// a limit on the lag of who is promoted would find nobody behind.</summary>
    public double? SecondsBehindSource { get; init; }
    public string Problem { get; init; } = "";

    /// <summary>The last probe was answered with facts.</summary>
    public bool IsAnswering => MissesInRow == 0 && FactsAt is not null && FactsAt == AliveAt;

    public InstanceView After(Observation seen, TimeSpan askedAt, TimeSpan now) => seen switch
    {
        Observation.Answered a => this with
        {
            FactsBefore = Facts, FactsBeforeAt = FactsAt ?? default, Hung = false, TurnedDownBy = 0,
            AliveAt = now, FactsAt = now, FactsAskedAt = askedAt, MissesInRow = 0, Refused = false, Version = a.Version, Facts = a.Facts,
            ExecutedText = Facts is { } known && known.Executed.Equals(a.Facts.Executed) ? ExecutedText : a.Facts.Executed.ToString(),
            Replica = a.Replica, Source = a.Source, Problem = "",
            SecondsBehindSource = a.Replica is null ? null : a.Replica.SecondsBehind ?? SecondsBehindSource,
        },
        Observation.Spoke s => this with { AliveAt = now, MissesInRow = 0, Refused = false, Hung = false, TurnedDownBy = s.Code, Problem = s.Problem },
        Observation.Missed m => this with
        {
            MissedAt = now, MissesInRow = MissesInRow + 1, Refused = m.Refused, Hung = m.Hung, TurnedDownBy = 0, Problem = m.Problem,
        },
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
