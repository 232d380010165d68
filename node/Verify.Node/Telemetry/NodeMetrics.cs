using System.Diagnostics.Metrics;
using Verify.Raft;

namespace Verify.Node.Telemetry;

/// <summary>The node's figures for operators, under the meter "Verify.Node". Output only.</summary>
internal sealed class NodeMetrics
{
    public const string MeterName = "Verify.Node";
    private static readonly double[] SyncBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
    private readonly Histogram<double> _syncSeconds;
    private readonly Counter<long> _leaderChanges;
    private readonly Counter<long> _proposals;
    private readonly Counter<long> _framesOut;
    private readonly Counter<long> _framesIn;
    private readonly Counter<long> _framesDropped;
    private readonly Counter<long> _linksRefused;
    private readonly Counter<long> _requests;
    private long _term;
    private long _role;
    private long _commit;
    private long _applied;
    private long _diskFull;

    public NodeMetrics(IMeterFactory factory)
    {
        var meter = factory.Create(new MeterOptions(MeterName));
        _syncSeconds = meter.CreateHistogram("verify_disk_sync_seconds", "s", "Writing one group of log entries or a vote, to the end of its sync.",
            tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = SyncBuckets });
        _leaderChanges = meter.CreateCounter<long>("verify_raft_leader_changes", description: "Leaders that this node has seen come or go.");
        _proposals = meter.CreateCounter<long>("verify_raft_proposals", description: "Commands proposed on this node, by outcome.");
        _framesOut = meter.CreateCounter<long>("verify_peer_frames_sent", description: "Frames handed to links to peers.");
        _framesIn = meter.CreateCounter<long>("verify_peer_frames_received", description: "Whole frames received from peers.");
        _framesDropped = meter.CreateCounter<long>("verify_peer_frames_dropped", description: "Frames dropped: full queue, full inbox, or no link.");
        _linksRefused = meter.CreateCounter<long>("verify_peer_links_refused", description: "Links closed for what came over them, by reason.");
        _requests = meter.CreateCounter<long>("verify_requests", description: "Requests answered, by kind and outcome.");
        meter.CreateObservableGauge("verify_raft_term", () => Interlocked.Read(ref _term), description: "Current term.");
        meter.CreateObservableGauge("verify_raft_role", () => Interlocked.Read(ref _role), description: "0 follower, 1 pre-candidate, 2 candidate, 3 leader.");
        meter.CreateObservableGauge("verify_raft_commit_index", () => Interlocked.Read(ref _commit), description: "Last entry known to be committed.");
        meter.CreateObservableGauge("verify_raft_applied_index", () => Interlocked.Read(ref _applied), description: "Last entry applied here.");
        meter.CreateObservableGauge("verify_disk_full", () => Interlocked.Read(ref _diskFull), description: "1 while the data directory is full.");
    }

    public void Raft(RaftStatus status)
    {
        Interlocked.Exchange(ref _term, status.Term.Value);
        Interlocked.Exchange(ref _role, (long)status.Role);
        Interlocked.Exchange(ref _commit, status.Commit.Value);
        Interlocked.Exchange(ref _applied, status.Applied.Value);
    }

    public void LeaderChanged() => _leaderChanges.Add(1);
    public void DiskFull(bool isFull) => Interlocked.Exchange(ref _diskFull, isFull ? 1 : 0);
    public void Synced(TimeSpan took) => _syncSeconds.Record(took.TotalSeconds);
    public void Proposed(string outcome) => _proposals.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
    public void FramesSent(int count) => _framesOut.Add(count);
    public void FrameReceived() => _framesIn.Add(1);
    public void FrameDropped(string why) => _framesDropped.Add(1, new KeyValuePair<string, object?>("why", why));
    public void LinkRefused(string why) => _linksRefused.Add(1, new KeyValuePair<string, object?>("why", why));

    public void Answered(string kind, string outcome) => _requests.Add(
        1, new KeyValuePair<string, object?>("kind", kind), new KeyValuePair<string, object?>("outcome", outcome));
}
