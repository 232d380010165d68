using System.Diagnostics.Metrics;
using Verify.Node.Api;
using Verify.Node.Telemetry;
using Verify.Node.Tests.Fakes;

namespace Verify.Node.Tests.Telemetry;

/// <summary>The names that dashboards and alert rules are written against.</summary>
public sealed class NodeMetricsTests
{
    [Test]
    public void All_nine_figures_of_the_founding_document_are_there_by_their_names_and_the_state_is_one_of_three()
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        var states = new SortedDictionary<string, long>(StringComparer.Ordinal);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (!string.Equals(instrument.Meter.Name, NodeMetrics.MeterName, StringComparison.Ordinal)) return;
            names.Add(instrument.Name);
            if (instrument.Name is "konsul_raft_state") self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => states[$"{tags[0].Value}"] = value);
        listener.Start();
        _ = new NodeMetrics(new FakeMeters());
        listener.RecordObservableInstruments();
        Assert.That(names, Is.SupersetOf(new[]
        {
            "konsul_raft_state", "konsul_raft_leader_changes_total", "konsul_raft_commit_time_seconds", "konsul_raft_apply_time_seconds", "konsul_raft_log_entries_total",
            "konsul_raft_log_size_bytes", "konsul_raft_snapshot_duration_seconds", "konsul_raft_peers", "konsul_raft_last_contact_seconds", "verify_quorum_round_seconds", "verify_disk_sync_seconds",
        }));
        Assert.That(states.Keys, Is.EqualTo(new[] { "candidate", "follower", "leader" }));
    }

    [Test]
    public void Every_skipped_recovery_is_counted_under_its_reason_and_every_closed_one_under_its_outcome()
    {
        var counted = new SortedDictionary<string, long>(StringComparer.Ordinal);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (string.Equals(instrument.Meter.Name, NodeMetrics.MeterName, StringComparison.Ordinal)
                && instrument.Name is "verify_recoveries_skipped" or "verify_recoveries") self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var key = $"{instrument.Name} {tags[0].Key}={tags[0].Value}";
            counted[key] = counted.GetValueOrDefault(key) + value;
        });
        listener.Start();
        var metrics = new NodeMetrics(new FakeMeters());
        foreach (var code in new[] { "filter", "downtime", "filter" }) metrics.Happened(new NodeEvent.RecoverySkipped("n1", "main", "db1:3306", "DeadMaster", code, "why"));
        metrics.Happened(new NodeEvent.Recovery("n1", "main", 7, "opened", "", ""));
        metrics.Happened(new NodeEvent.Recovery("n1", "main", 7, "closed", "", "successful: done"));
        metrics.Happened(new NodeEvent.Recovery("n1", "main", 8, "closed", "", "failed: nobody"));
        Assert.That(counted, Is.EqualTo(new SortedDictionary<string, long>(StringComparer.Ordinal)
        {
            ["verify_recoveries_skipped reason=downtime"] = 1, ["verify_recoveries_skipped reason=filter"] = 2,
            ["verify_recoveries outcome=failed"] = 1, ["verify_recoveries outcome=successful"] = 1,
        }));
    }

    [Test]
    public void The_time_of_a_commit_ends_with_the_commit_however_long_it_takes_to_apply_what_was_committed_with_it()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var seen = new SortedDictionary<string, List<double>>(StringComparer.Ordinal) { ["konsul_raft_commit_time_seconds"] = [], ["konsul_raft_apply_time_seconds"] = [] };
        var thread = Environment.CurrentManagedThreadId;
        using var listener = new MeterListener { InstrumentPublished = (instrument, self) => { if (seen.ContainsKey(instrument.Name)) self.EnableMeasurementEvents(instrument); } };
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => { if (Environment.CurrentManagedThreadId == thread) seen[instrument.Name].Add(value); });
        listener.Start();
        var applying = TimeSpan.FromMilliseconds(10);
        cluster.WhenTold(leader, told => { if (told is NodeEvent.Applied) cluster.World.Spend(applying); });
        var asked = Enumerable.Range(0, 10).Select(i => cluster.Node(leader).AskAsync(new ApiRequest.KvPut($"k{i}", new byte[1], 0, null, null)).AsTask()).ToArray();
        cluster.World.RunUntil(() => asked.All(a => a.IsCompleted), TimeSpan.FromSeconds(2), "all are written");
        Assert.That(asked.Select(a => a.Result), Is.All.InstanceOf<ApiReply.Done>());
        Assert.That(seen["konsul_raft_commit_time_seconds"], Has.Count.EqualTo(10).And.All.GreaterThan(0).And.All.LessThan(applying.TotalSeconds));
        Assert.That(seen["konsul_raft_apply_time_seconds"], Has.Count.GreaterThanOrEqualTo(10));
    }
}
