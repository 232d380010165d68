using System.Diagnostics.Metrics;
using Verify.Raft;

namespace Verify.Node.Telemetry;

/// <summary>Raft's figures for operators: the nine of ADR-0011 by its names (konsul_raft_*), and more under ours. Written on the loop,
/// read by whoever collects. Output only.</summary>
internal sealed class RaftFigures
{
    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    };

    private readonly Counter<long> _leaderChanges;
    private readonly Histogram<double> _commitSeconds;
    private readonly Histogram<double> _applySeconds;
    private readonly Histogram<double> _snapshotSeconds;
    private readonly Histogram<double> _roundSeconds;
    private long _term;
    private long _role;
    private long _commit;
    private long _applied;
    private long _peers;
    private long _voters;
    private long _learners;
    private long _snapshotIndex;
    private long _diskFull;
    private long _logEntries;
    private long _logBytes;
    private long _lastContactTicks = -1;

    public RaftFigures(Meter meter)
    {
        _leaderChanges = meter.CreateCounter<long>("konsul_raft_leader_changes_total", description: "Leaders that this node has seen come or go.");
        _commitSeconds = meter.CreateHistogram("konsul_raft_commit_time_seconds", "s", "From a proposal on this leader until it is known to be committed; applying it is not in it.", tags: null, Seconds);
        _applySeconds = meter.CreateHistogram("konsul_raft_apply_time_seconds", "s", "Taking one committed entry into the state.", tags: null, Seconds);
        _snapshotSeconds = meter.CreateHistogram("konsul_raft_snapshot_duration_seconds", "s", "Making one snapshot, until it is durable.", tags: null, Seconds);
        _roundSeconds = meter.CreateHistogram("verify_quorum_round_seconds", "s", "A round to a quorum and back, for a read.", tags: null, Seconds);
        meter.CreateObservableGauge("konsul_raft_state", States, description: "1 for the state that this node is in, 0 for the others.");
        Gauge(meter, "konsul_raft_log_entries_total", () => Interlocked.Read(ref _logEntries), "Entries in the log on disk.");
        Gauge(meter, "konsul_raft_log_size_bytes", () => Interlocked.Read(ref _logBytes), "Bytes of the log on disk.");
        Gauge(meter, "konsul_raft_peers", () => Interlocked.Read(ref _peers), "Members of the group, this node included.");
        meter.CreateObservableGauge("konsul_raft_last_contact_seconds", LastContactSeconds, description: "Since a leader was heard; 0 on the leader; nothing when never.");
        Gauge(meter, "verify_raft_term", () => Interlocked.Read(ref _term), "Current term.");
        Gauge(meter, "verify_raft_role", () => Interlocked.Read(ref _role), "0 follower, 1 pre-candidate, 2 candidate, 3 leader.");
        Gauge(meter, "verify_raft_commit_index", () => Interlocked.Read(ref _commit), "Last entry known to be committed.");
        Gauge(meter, "verify_raft_applied_index", () => Interlocked.Read(ref _applied), "Last entry applied here.");
        Gauge(meter, "verify_raft_voters", () => Interlocked.Read(ref _voters), "Voting members.");
        Gauge(meter, "verify_raft_learners", () => Interlocked.Read(ref _learners), "Members that receive the log and do not vote.");
        Gauge(meter, "verify_raft_snapshot_index", () => Interlocked.Read(ref _snapshotIndex), "Last entry in the newest snapshot.");
        Gauge(meter, "verify_disk_full", () => Interlocked.Read(ref _diskFull), "1 while the data directory is full.");
    }

    public void Now(RaftStatus status)
    {
        Interlocked.Exchange(ref _term, status.Term.Value);
        Interlocked.Exchange(ref _role, (long)status.Role);
        Interlocked.Exchange(ref _commit, status.Commit.Value);
        Interlocked.Exchange(ref _applied, status.Applied.Value);
        Interlocked.Exchange(ref _snapshotIndex, status.Snapshot.Index.Value);
        Interlocked.Exchange(ref _voters, status.Membership.Voters.Length);
        Interlocked.Exchange(ref _learners, status.Membership.Learners.Length);
        Interlocked.Exchange(ref _peers, status.Membership.Voters.Length + status.Membership.Learners.Length);
    }

    public void LeaderChanged() => _leaderChanges.Add(1);
    public void DiskFull(bool isFull) => Interlocked.Exchange(ref _diskFull, isFull ? 1 : 0);
    public void LastContact(TimeSpan? since) => Interlocked.Exchange(ref _lastContactTicks, since?.Ticks ?? -1);
    public void Committed(TimeSpan took) => _commitSeconds.Record(took.TotalSeconds);
    public void Applied(TimeSpan took) => _applySeconds.Record(took.TotalSeconds);
    public void SnapshotMade(TimeSpan took) => _snapshotSeconds.Record(took.TotalSeconds);
    public void QuorumRound(TimeSpan took) => _roundSeconds.Record(took.TotalSeconds);

    public void Log(long entries, long bytes)
    {
        Interlocked.Exchange(ref _logEntries, entries);
        Interlocked.Exchange(ref _logBytes, bytes);
    }

    private static void Gauge(Meter meter, string name, Func<long> read, string description) =>
        meter.CreateObservableGauge(name, read, description: description);

    /// <summary>A pre-candidate is a candidate to the outside: it seeks votes.</summary>
    private Measurement<long>[] States()
    {
        var role = (RaftRole)Interlocked.Read(ref _role);
        return
        [
            State("follower", role == RaftRole.Follower),
            State("candidate", role is RaftRole.PreCandidate or RaftRole.Candidate),
            State("leader", role == RaftRole.Leader),
        ];
    }

    private static Measurement<long> State(string name, bool isNow) => new(isNow ? 1 : 0, new KeyValuePair<string, object?>("state", name));

    private Measurement<double>[] LastContactSeconds()
    {
        var ticks = Interlocked.Read(ref _lastContactTicks);
        return ticks < 0 ? [] : [new(TimeSpan.FromTicks(ticks).TotalSeconds)];
    }
}
