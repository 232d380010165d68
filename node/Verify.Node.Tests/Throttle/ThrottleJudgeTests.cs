using System.Collections.Immutable;
using Verify.Node.Throttle;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Throttle;

/// <summary>From samples to verdicts.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ThrottleJudgeTests
{
    private static readonly TimeSpan AgeMax = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Now = TimeSpan.FromSeconds(100);
    private readonly Dictionary<InstanceKey, HostSamples> _samples = [];
    private ThrottledCluster _settings = new("main") { Threshold = 1 };
    private string? _whyClosed;
    private ImmutableSortedSet<string> _skipped = [];

    [Test]
    public void The_worst_replica_counts_and_the_oldest_sample_says_how_long()
    {
        Sample("db2", 0.5, agoMs: 300);
        Sample("db3", 3, agoMs: 20);
        var verdict = Judge();
        Assert.That((verdict.Fixed, verdict.Value, verdict.HoldsUntil), Is.EqualTo(((CheckAnswer?)null, 3.0, Now + TimeSpan.FromMilliseconds(700))));
        Assert.That(verdict.Lag(1).Message, Is.EqualTo("Threshold exceeded: db3:3306 is at 3"));
    }

    [Test]
    public void A_replica_that_stopped_is_a_reason_with_its_name_and_no_error_for_everybody()
    {
        Sample("db2", 0.5, agoMs: 10);
        Problem("db3", "replication is not running: the thread that applies is stopped (1062 duplicate key)", agoMs: 10);
        var answer = Judge().Fixed!;
        Assert.That((answer.Status, answer.Reason), Is.EqualTo((429, CheckReason.ReplicaDown)));
        Assert.That(answer.Message, Is.EqualTo("db3:3306: replication is not running: the thread that applies is stopped (1062 duplicate key)"));
    }

    [Test]
    public void One_missed_answer_is_ridden_over_and_within_the_age_limit_the_host_becomes_a_reason()
    {
        Sample("db2", 0.1, agoMs: 900);
        Miss("db2", "connection refused", agoMs: 600);
        Assert.That(Judge().Fixed, Is.Null);
        var later = Judge(Now + TimeSpan.FromMilliseconds(100)).Fixed!;
        Assert.That((later.Status, later.Message), Is.EqualTo((429, "db2:3306: it does not answer (connection refused)")));
    }

    [Test]
    public void Where_the_collector_itself_has_not_asked_the_verdict_is_an_error_and_never_go_on()
    {
        Sample("db2", 0.1, agoMs: 1_000);
        Assert.That((Judge().Fixed!.Status, Judge().Fixed!.Reason), Is.EqualTo((500, CheckReason.Stale)));
        Assert.That(Judge(hosts: ["db9"]).Fixed!.Message, Is.EqualTo("db9:3306: Metric not collected yet"));
    }

    [Test]
    public void Hosts_that_nobody_knows_yet_and_no_hosts_at_all_are_errors()
    {
        Assert.That(ThrottleJudge.Judge(Sight(null) with { InventoryProblem = "haproxy: refused" }, new(), Now, AgeMax).Fixed, Is.EqualTo(
            new CheckAnswer(500, 0, 1, "the hosts of mysql/main are not known yet: haproxy: refused", CheckReason.NoHosts)));
        Assert.That(Judge(hosts: []).Fixed!.Message, Is.EqualTo("No hosts found"));
    }

    [Test]
    public void Skipped_and_ignored_hosts_count_for_nothing_by_name_or_by_name_and_port()
    {
        Sample("db2", 0.5, agoMs: 10);
        Sample("db3", 9, agoMs: 10);
        Sample("db4", 8, agoMs: 10);
        _skipped = ["db3"];
        _settings = _settings with { IgnoreHosts = ["db4:33"] };
        Assert.That(Judge().Value, Is.EqualTo(0.5));
        _skipped = ["db3:3306", "db2"];
        Assert.That(Judge().Fixed!.Message, Is.EqualTo("No hosts found: all of them are ignored or skipped"));
    }

    [TestCase(1, 0, 5)]
    [TestCase(2, 0, 2)]
    [TestCase(9, 0, 2, Description = "at least one host counts")]
    [TestCase(1, 20, 9, Description = "only above the threshold")]
    public void The_worst_hosts_may_be_ignored_but_one_always_counts(int count, double above, double worst)
    {
        Sample("db2", 2, agoMs: 10);
        Sample("db3", 9, agoMs: 10);
        Sample("db4", 5, agoMs: 10);
        _settings = _settings with { IgnoreHostsCount = count, IgnoreHostsThreshold = above };
        Assert.That(Judge().Value, Is.EqualTo(worst));
    }

    [Test]
    public void A_dead_host_takes_a_token_before_a_slow_one_does()
    {
        Sample("db2", 2, agoMs: 10);
        Miss("db3", "connection refused", agoMs: 10);
        _settings = _settings with { IgnoreHostsCount = 1 };
        var verdict = Judge();
        Assert.That((verdict.Fixed, verdict.Value), Is.EqualTo(((CheckAnswer?)null, 2.0)));
        Assert.That(verdict.Hosts.Single(h => h.Host.Host == "db3").Ignored, Is.Not.Empty);
    }

    [Test]
    public void A_host_that_cannot_be_dialled_is_left_out_when_the_configuration_says_so()
    {
        Sample("db2", 0.2, agoMs: 10);
        _samples[Key("db3")] = new(null, LagReading.Missed("refused", Now) with { IsDialError = true });
        Assert.That(Judge().Fixed!.Reason, Is.EqualTo(CheckReason.ReplicaDown));
        _settings = _settings with { IgnoreDialTcpErrors = true };
        Assert.That(Judge().Value, Is.EqualTo(0.2));
    }

    [Test]
    public void While_the_primary_is_closed_the_answer_is_429_with_the_reason_whatever_the_replicas_do()
    {
        _whyClosed = "recovery 17 of main is open (DeadPrimary of db1:3306)";
        Sample("db2", 0, agoMs: 10);
        Assert.That(Judge().Fixed, Is.EqualTo(new CheckAnswer(429, 0, 1, _whyClosed, CheckReason.PrimaryClosed)));
        Assert.That(Judge(hosts: []).Fixed!.Status, Is.EqualTo(429));
    }

    [Test]
    public void A_server_that_replicates_from_nobody_is_lost_unless_it_is_the_primary()
    {
        _samples[Key("db1")] = new(LagReading.Of(null, Now), null);
        Assert.That(Judge(primary: "db1").Value, Is.Zero);
        Assert.That(Judge(primary: "db1").Fixed, Is.Null);
        Assert.That(Judge(primary: "db2").Fixed!.Message, Is.EqualTo("db1:3306: it replicates from nobody, and db2:3306 is the primary"));
    }

    private StoreVerdict Judge(TimeSpan? now = null, string[]? hosts = null, string? primary = null) => ThrottleJudge.Judge(
        Sight(hosts?.Select(Key).ToArray() ?? [.. _samples.Keys.Order()]) with { Primary = primary is null ? null : Key(primary) }, new(), now ?? Now, AgeMax);

    private StoreSight Sight(InstanceKey[]? hosts) => new(_settings, hosts, "", host => _samples.GetValueOrDefault(host), _whyClosed) { Skipped = _skipped };

    private void Sample(string host, double value, int agoMs) => Take(host, new(Ago(agoMs), value, "", CameBack: true));
    private void Problem(string host, string problem, int agoMs) => Take(host, new(Ago(agoMs), null, problem, CameBack: true));
    private void Miss(string host, string problem, int agoMs) => Take(host, LagReading.Missed(problem, Ago(agoMs)));
    private void Take(string host, MetricSample sample) => _samples[Key(host)] = (_samples.GetValueOrDefault(Key(host)) ?? new(null, null)).After(sample);
    private static InstanceKey Key(string host) => new(host, 3306);
    private static TimeSpan Ago(int ms) => Now - TimeSpan.FromMilliseconds(ms);
}
