using Verify.Node.Loop;

namespace Verify.NodeHost.Configuration;

/// <summary>Durations and numbers of the engine, checked against each other.</summary>
internal static class TimingConfig
{
    /// <summary>Read and checked, because they stand in configurations of others, and of no effect here.</summary>
    public static readonly string[] WithoutEffect = ["RaftLeaderLeaseMilliseconds", "RaftCommitMilliseconds", "RaftMaxAppendEntries"];

    public static Timing Of(ConfigValues values)
    {
        var defaults = new Timing();
        int Ms(string key, TimeSpan otherwise, int min, int max) => values.Int(key, (int)otherwise.TotalMilliseconds, min, max);
        var tick = Ms("RaftTickMilliseconds", defaults.Tick, 1, 1000);
        var poll = values.Int("InstancePollSeconds", 0, 0, 3600);
        var hashicorp = values.Int("RaftHeartbeatTimeoutMilliseconds", 0, 0, 600_000);
        var heartbeat = Ms("RaftHeartbeatMilliseconds", hashicorp > 0 ? TimeSpan.FromMilliseconds(Math.Max(tick, hashicorp / 10)) : defaults.Tick * defaults.HeartbeatTicks, tick, 60_000);
        var election = Ms("RaftElectionMilliseconds", defaults.Tick * defaults.ElectionTicks, tick, 600_000);
        if (election < 3 * heartbeat) values.Problem("RaftElectionMilliseconds", $"at least three heartbeats ({3 * heartbeat})");
        var leaderLease = values.Int("RaftLeaderLeaseMilliseconds", 0, 0, 600_000);
        if (leaderLease > election) values.Problem("RaftLeaderLeaseMilliseconds", $"at most the election time ({election})");
        _ = values.Int("RaftCommitMilliseconds", 0, 0, 600_000);
        _ = values.Int("RaftMaxAppendEntries", 0, 0, 1_000_000);
        var lease = Ms("PrimaryLeaseMilliseconds", defaults.WriteLease, 200, 600_000);
        var renewal = Ms("PrimaryLeaseRenewalMilliseconds", defaults.LeaseRenewal, 50, 600_000);
        var margin = Ms("FencingMarginMilliseconds", defaults.FencingMargin, 50, 600_000);
        if (lease < renewal + margin + election) values.Problem("PrimaryLeaseMilliseconds", $"longer than renewal, fencing margin and election timeout together ({renewal + margin + election})");
        var probe = Ms("ProbeIntervalMilliseconds", poll > 0 ? TimeSpan.FromSeconds(poll) : defaults.ProbeInterval, 20, 3_600_000);
        var report = Ms("ReportIntervalMilliseconds", defaults.ReportInterval, 20, 60_000);

        // An observation must stay fresh until the next one has been told, or nobody would ever be seen down.
        var age = Ms("ObservationAgeMilliseconds", TimeSpan.FromMilliseconds(Math.Max(defaults.ObservationAgeMax.TotalMilliseconds, (2 * probe) + report)), 100, 7_200_000);
        if (age <= probe + report) values.Problem("ObservationAgeMilliseconds", $"longer than the probe interval and the report interval together ({probe + report})");
        return new()
        {
            Tick = TimeSpan.FromMilliseconds(tick),
            HeartbeatTicks = Math.Max(1, heartbeat / tick),
            ElectionTicks = Math.Max(2, election / tick),
            ProbeInterval = TimeSpan.FromMilliseconds(probe),
            ProbeTimeout = TimeSpan.FromMilliseconds(Ms("ProbeTimeoutMilliseconds", defaults.ProbeTimeout, 50, 60_000)),
            ReportInterval = TimeSpan.FromMilliseconds(report),
            ObservationAgeMax = TimeSpan.FromMilliseconds(age),
            WriteLease = TimeSpan.FromMilliseconds(lease),
            LeaseRenewal = TimeSpan.FromMilliseconds(renewal),
            FencingMargin = TimeSpan.FromMilliseconds(margin),
            ClockDriftPerMille = values.Int("ClockDriftPerMille", defaults.ClockDriftPerMille, 0, 200),
            StatementTimeout = TimeSpan.FromMilliseconds(Ms("StatementTimeoutMilliseconds", defaults.StatementTimeout, 100, 600_000)),
            RequestTimeout = TimeSpan.FromMilliseconds(Ms("RequestTimeoutMilliseconds", defaults.RequestTimeout, 100, 600_000)),
        };
    }

    public static SnapshotSettings SnapshotsOf(ConfigValues values)
    {
        var defaults = new SnapshotSettings();
        return new()
        {
            Interval = TimeSpan.FromSeconds(values.Int("SnapshotIntervalSeconds", (int)defaults.Interval.TotalSeconds, 1, 86_400)),
            Entries = values.Int("SnapshotThreshold", defaults.Entries, 1, 100_000_000),
            Kept = values.Int("SnapshotRetention", defaults.Kept, 1, 100),
            TrailingEntries = values.Int("RaftTrailingLogs", defaults.TrailingEntries, 0, 10_000_000),
            ChunkBytes = values.Int("SnapshotChunkBytes", defaults.ChunkBytes, 4_096, 8 << 20),
        };
    }

    public static AutopilotSettings AutopilotOf(ConfigValues values)
    {
        var defaults = new AutopilotSettings();
        return new()
        {
            DeadServerAfter = TimeSpan.FromSeconds(values.Int("AutopilotDeadServerSeconds", (int)defaults.DeadServerAfter.TotalSeconds, 0, 31_536_000)),
            StableAfter = TimeSpan.FromMilliseconds(values.Int("AutopilotStableMilliseconds", (int)defaults.StableAfter.TotalMilliseconds, 0, 3_600_000)),
            LastContactMax = TimeSpan.FromMilliseconds(values.Int("AutopilotLastContactMilliseconds", (int)defaults.LastContactMax.TotalMilliseconds, 10, 600_000)),
            TrailingEntriesMax = values.Int("AutopilotTrailingEntries", defaults.TrailingEntriesMax, 0, 10_000_000),
            VotersMin = values.Int("AutopilotVotersMin", defaults.VotersMin, 1, 99),
            RedundancyZones = values.Bool("AutopilotRedundancyZones", defaults.RedundancyZones),
            SpareAfter = TimeSpan.FromSeconds(values.Int("AutopilotSpareSeconds", (int)defaults.SpareAfter.TotalSeconds, 1, 86_400)),
            RequireJoinToken = values.Bool("RaftRequireJoinToken", defaults.RequireJoinToken),
        };
    }
}
