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
    private readonly Counter<long> _readRounds;
    private readonly Counter<long> _autopilotActs;
    private readonly Counter<long> _recoveries;
    private readonly Counter<long> _recoveriesSkipped;
    private readonly RaftFigures _raft;

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
        _readRounds = meter.CreateCounter<long>("verify_reads", description: "Reads that were let through, by the way that made them safe.");
        _autopilotActs = meter.CreateCounter<long>("verify_autopilot_acts", description: "What autopilot did about members, by kind.");
        _recoveries = meter.CreateCounter<long>("verify_recoveries", description: "Recoveries that ended while this node led, by outcome.");
        _recoveriesSkipped = meter.CreateCounter<long>("verify_recoveries_skipped", description: "Recoveries that were called for and not begun while this node led, by reason; each counts once.");
        _raft = new(meter);
    }

    public void Raft(RaftStatus status) => _raft.Now(status);

    /// <summary>Entries and bytes of the log on disk.</summary>
    public void Log(long entries, long bytes) => _raft.Log(entries, bytes);

    /// <summary>Since a leader was heard; zero on the leader.</summary>
    public void LastContact(TimeSpan? since) => _raft.LastContact(since);

    /// <summary>From the proposal on this leader until it was known to be committed; applying it is not in it.</summary>
    public void Committed(TimeSpan took) => _raft.Committed(took);

    /// <summary>One entry was taken into the state.</summary>
    public void Applied(TimeSpan took) => _raft.Applied(took);

    /// <summary>A snapshot was made (or installed), from its beginning until it was durable.</summary>
    public void SnapshotMade(TimeSpan took) => _raft.SnapshotMade(took);

    /// <summary>A round to a quorum and back, for a read.</summary>
    public void QuorumRound(TimeSpan took) => _raft.QuorumRound(took);

    /// <summary>How: round, lease, leader's index, stale.</summary>
    public void ReadPassed(string how) => _readRounds.Add(1, new KeyValuePair<string, object?>("how", how));

    /// <summary>What the high-availability part tells and an operator wants counted.</summary>
    public void Happened(NodeEvent happened)
    {
        if (happened is NodeEvent.RecoverySkipped skipped)
            _recoveriesSkipped.Add(1, new KeyValuePair<string, object?>("reason", skipped.Code));
        else if (happened is NodeEvent.Recovery { Phase: "closed" } closed)
            _recoveries.Add(1, new KeyValuePair<string, object?>("outcome", closed.Detail.StartsWith("successful", StringComparison.Ordinal) ? "successful" : "failed"));
    }

    public void AutopilotActed(string kind) => _autopilotActs.Add(1, new KeyValuePair<string, object?>("act", kind));

    public void LeaderChanged()
    {
        _leaderChanges.Add(1);
        _raft.LeaderChanged();
    }

    public void DiskFull(bool isFull) => _raft.DiskFull(isFull);
    public void Synced(TimeSpan took) => _syncSeconds.Record(took.TotalSeconds);
    public void Proposed(string outcome) => _proposals.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
    public void FramesSent(int count) => _framesOut.Add(count);
    public void FrameReceived() => _framesIn.Add(1);
    public void FrameDropped(string why) => _framesDropped.Add(1, new KeyValuePair<string, object?>("why", why));
    public void LinkRefused(string why) => _linksRefused.Add(1, new KeyValuePair<string, object?>("why", why));

    public void Answered(string kind, string outcome) => _requests.Add(
        1, new KeyValuePair<string, object?>("kind", kind), new KeyValuePair<string, object?>("outcome", outcome));
}
