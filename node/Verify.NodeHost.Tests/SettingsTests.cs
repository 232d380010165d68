using System.Text;
using System.Text.Json;
using Verify.NodeHost.Commands;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Tests;

/// <summary>Settings from file and environment, and what config check says of them.</summary>
public sealed class SettingsTests
{
    private const string Minimal = """{ "RaftDataDir": "d" }""";

    private static HostConfig Parse(string text, params (string Name, string Value)[] environment) => HostConfig.Parse(
        "node.json", Encoding.UTF8.GetBytes(text), name => environment.FirstOrDefault(e => e.Name == name).Value, environment.Select(e => e.Name));

    private static ConfigLine Line(HostConfig config, string key) => config.Lines.Single(l => l.Key == key);

    [TestCase("KONSUL_NODE_ID", "node-1", "RaftNodeId", "node-1")]
    [TestCase("KONSUL_RAFT_NODE_ID", "node-1", "RaftNodeId", "node-1")]
    [TestCase("KONSUL_NODE_NAME", "konsul-1", "NodeName", "konsul-1")]
    [TestCase("KONSUL_CLUSTER_ENABLED", "false", "RaftEnabled", "false")]
    [TestCase("KONSUL_RAFT_ENABLED", "0", "RaftEnabled", "false")]
    [TestCase("KONSUL_RAFT_BIND_ADDR", "10.0.0.1:7000", "RaftBind", "10.0.0.1:7000")]
    [TestCase("KONSUL_RAFT_ADVERTISE_ADDR", "10.0.1.10:7000", "RaftAdvertise", "10.0.1.10:7000")]
    [TestCase("KONSUL_RAFT_DATA_DIR", "./raft-data", "RaftDataDir", "./raft-data")]
    [TestCase("KONSUL_RAFT_BOOTSTRAP", "true", "RaftBootstrap", "true")]
    [TestCase("KONSUL_RAFT_JOIN", "node1:7000,node2:7000", "RaftJoin", "node1:7000, node2:7000")]
    [TestCase("KONSUL_RAFT_PEERS", "me@127.0.0.1:10008", "RaftNodes", "me@127.0.0.1:10008")]
    [TestCase("KONSUL_RAFT_ELECTION_TIMEOUT", "1s", "RaftElectionMilliseconds", "1000")]
    [TestCase("KONSUL_RAFT_HEARTBEAT_TIMEOUT", "500ms", "RaftHeartbeatTimeoutMilliseconds", "500")]
    [TestCase("KONSUL_RAFT_LEADER_LEASE_TIMEOUT", "200ms", "RaftLeaderLeaseMilliseconds", "200")]
    [TestCase("KONSUL_RAFT_COMMIT_TIMEOUT", "50ms", "RaftCommitMilliseconds", "50")]
    [TestCase("KONSUL_RAFT_MAX_APPEND_ENTRIES", "64", "RaftMaxAppendEntries", "64")]
    [TestCase("KONSUL_RAFT_SNAPSHOT_INTERVAL", "2m", "SnapshotIntervalSeconds", "120")]
    [TestCase("KONSUL_RAFT_SNAPSHOT_THRESHOLD", "8192", "SnapshotThreshold", "8192")]
    [TestCase("KONSUL_RAFT_SNAPSHOT_RETENTION", "3", "SnapshotRetention", "3")]
    [TestCase("KONSUL_RAFT_TRAILING_LOGS", "100", "RaftTrailingLogs", "100")]
    [TestCase("KONSUL_RAFT_LOG_LEVEL", "warn", "LogLevel", "warn")]
    [TestCase("KONSUL_HOST", "localhost", "ListenHost", "localhost")]
    [TestCase("KONSUL_PORT", "8888", "ListenPort", "8888")]
    [TestCase("VERIFY_RAFT_TICK_MILLISECONDS", "5", "RaftTickMilliseconds", "5")]
    [TestCase("VERIFY_RaftTickMilliseconds", "5", "RaftTickMilliseconds", "5")]
    [TestCase("VERIFY_REQUEST_TIMEOUT_MILLISECONDS", "2s", "RequestTimeoutMilliseconds", "2000")]
    [TestCase("VERIFY_DATA_CENTERS", "{\"a:1\":\"east\"}", "DataCenters", "a:1=east")]
    [TestCase("VERIFY_HTTP_ALLOWED_NETWORKS", "[\"10.0.0.0/8\",\"::1\"]", "HTTPAllowedNetworks", "10.0.0.0/8, ::1")]
    public void A_variable_sets_its_key_and_config_check_says_where_the_value_came_from(string name, string value, string key, string shown)
    {
        var environment = new List<(string, string)> { (name, value) };
        if (name == "KONSUL_RAFT_PEERS") environment.Add(("VERIFY_RAFT_NODE_ID", "me"));
        var line = Line(Parse(Minimal, [.. environment]), key);
        Assert.That((line.Value, line.Source), Is.EqualTo((shown, $"environment {name}")));
    }

    /// <summary>An operator of orchestrator must not believe that a policy is in force which nobody reads.</summary>
    [TestCase("PostponeReplicaRecoveryOnLagMinutes", "5")]
    [TestCase("PostponeSlaveRecoveryOnLagMinutes", "5")]
    [TestCase("FailureDetectionPeriodBlockMinutes", "60")]
    [TestCase("DelayMasterPromotionIfSQLThreadNotUpToDate", "true")]
    [TestCase("DetectRegionQuery", "\"select 'eu'\"")]
    [TestCase("RegionPattern", "\"[.]([^.]+)[.]\"")]
    [TestCase("DetectPhysicalEnvironmentQuery", "\"select 'prod'\"")]
    [TestCase("PhysicalEnvironmentPattern", "\"[.]([^.]+)[.]\"")]
    [TestCase("PostTakeMasterProcesses", "[\"echo\"]")]
    [TestCase("RecoverLockedSemiSyncMaster", "true")]
    public void A_key_of_orchestrator_that_does_nothing_here_is_accepted_with_a_warning(string key, string value) =>
        Assert.That(Parse($$"""{ "RaftDataDir": "d", "{{key}}": {{value}} }""").Warnings, Has.One.Contains($"{key} is known from orchestrator or freno, but not used yet"));

    [Test]
    public void Every_key_has_a_meaning_a_default_a_range_and_a_name_of_its_own_in_the_environment()
    {
        var lines = Parse(Minimal).Lines;
        Assert.That(lines.Select(l => l.Key), Is.EqualTo(KeyMeanings.Keys), "asked for and explained are the same keys");
        Assert.That(lines.Where(l => l.Meaning.Length == 0 || l.Allowed.Length == 0), Is.Empty);
        Assert.That(lines.Select(l => EnvironmentNames.Of(l.Key)).Distinct(StringComparer.Ordinal).Count(), Is.EqualTo(lines.Count));
        Assert.That(EnvironmentNames.Konsul.Select(k => k.Key).Distinct(StringComparer.Ordinal), Is.SubsetOf(KeyMeanings.Keys));
    }

    [Test]
    public void The_file_yields_to_Konsuls_names_and_they_yield_to_ours()
    {
        const string file = """{ "RaftDataDir": "d", "ListenPort": 1 }""";
        Assert.That(Line(Parse(file), "ListenPort"), Has.Property("Value").EqualTo("1").And.Property("Source").EqualTo("node.json:1:23"));
        Assert.That(Line(Parse(file, ("KONSUL_PORT", "2")), "ListenPort").Value, Is.EqualTo("2"));
        Assert.That(Line(Parse(file, ("KONSUL_PORT", "2"), ("VERIFY_LISTEN_PORT", "3")), "ListenPort").Value, Is.EqualTo("3"));
    }

    [Test]
    public void The_ADRs_sample_environment_makes_a_node()
    {
        var config = Parse("{}", ("KONSUL_CLUSTER_ENABLED", "true"), ("KONSUL_NODE_ID", "node-1"), ("KONSUL_NODE_NAME", "konsul-1"), ("KONSUL_RAFT_BIND_ADDR", "0.0.0.0:7000"),
            ("KONSUL_RAFT_ADVERTISE_ADDR", "10.0.1.10:7000"), ("KONSUL_RAFT_DATA_DIR", "./raft-data"), ("KONSUL_RAFT_BOOTSTRAP", "true"), ("KONSUL_RAFT_JOIN", "node1:7000,node2:7000"),
            ("KONSUL_RAFT_ELECTION_TIMEOUT", "1s"), ("KONSUL_RAFT_HEARTBEAT_TIMEOUT", "1s"), ("KONSUL_RAFT_LEADER_LEASE_TIMEOUT", "500ms"), ("KONSUL_RAFT_SNAPSHOT_INTERVAL", "120s"),
            ("KONSUL_RAFT_SNAPSHOT_THRESHOLD", "8192"));
        Assert.That((config.Node.Self.Name, config.NodeName, config.IsSingle, $"{config.Node.PeerBind}", $"{config.Node.PeerAdvertise}"), Is.EqualTo(("node-1", "konsul-1", true, "0.0.0.0:7000", "10.0.1.10:7000")));
        Assert.That((config.Node.Timing.Tick * config.Node.Timing.ElectionTicks, config.Node.Timing.Tick * config.Node.Timing.HeartbeatTicks), Is.EqualTo((TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(100))));

        var second = Parse("{}", ("KONSUL_RAFT_DATA_DIR", "d"), ("KONSUL_RAFT_JOIN", "node1:7000,node2:7000"), ("VERIFY_RAFT_JOIN_TOKEN", "id.secret"));
        Assert.That(second.Node.Members, Is.Empty);
        Assert.That(second.Node.Join.Via.Select(v => v.ToString()), Is.EqualTo(new[] { "node1:7000", "node2:7000" }));
        Assert.That((second.Node.Join.Token, second.Node.Join.GiveUpAfter), Is.EqualTo(("id.secret", TimeSpan.FromMinutes(1))));
    }

    [Test]
    public void A_node_that_waits_for_an_operator_does_not_give_up()
    {
        var config = Parse("{}", ("KONSUL_RAFT_DATA_DIR", "d"), ("KONSUL_RAFT_BOOTSTRAP", "false"));
        Assert.That((config.Node.Members.Length, config.Node.Join.GiveUpAfter), Is.EqualTo((0, TimeSpan.Zero)));
        Assert.That(config.Warnings, Has.Some.Contains("waits until a member lets it in"));
    }

    [TestCase("KONSUL_PORT", "eighty", "environment KONSUL_PORT: ListenPort must be a whole number from 1 to 65535")]
    [TestCase("KONSUL_RAFT_ELECTION_TIMEOUT", "soon", "environment KONSUL_RAFT_ELECTION_TIMEOUT: RaftElectionMilliseconds must be a whole number from 10 to 600000 (ms), or a time like 500ms")]
    [TestCase("KONSUL_RAFT_BOOTSTRAP", "perhaps", "environment KONSUL_RAFT_BOOTSTRAP: RaftBootstrap must be true or false")]
    [TestCase("KONSUL_RAFT_BIND_ADDR", "0.0.0.0:7000", "environment KONSUL_RAFT_BIND_ADDR: RaftBind must be an address that others can dial")]
    [TestCase("VERIFY_RAFT_TLS", "true", "node.json: RaftTLSCertFile is missing")]
    [TestCase("VERIFY_LOG_FORMAT", "xml", "environment VERIFY_LOG_FORMAT: LogFormat must be one of \"text\", \"json\"")]
    [TestCase("VERIFY_RAFT_ALLOWED_NETWORKS", "10.0.0.0/33", "environment VERIFY_RAFT_ALLOWED_NETWORKS: RaftAllowedNetworks must be a list of networks")]
    [TestCase("KONSUL_RAFT_LEADER_LEASE_TIMEOUT", "1s", "RaftLeaderLeaseMilliseconds must be at most the election time (240)")]
    public void A_wrong_value_names_its_variable_and_what_would_be_right(string name, string value, string problem) =>
        Assert.That(Assert.Throws<ConfigException>(() => Parse(Minimal, (name, value)))!.Problems, Has.Some.StartsWith(problem).Or.Some.Contains(problem));

    [TestCase("KONSUL_RAFT_LEADER_LEASE_TIMEOUT", "200ms", "environment KONSUL_RAFT_LEADER_LEASE_TIMEOUT: RaftLeaderLeaseMilliseconds has no effect here", "the lease here is the election time less the drift bound")]
    [TestCase("KONSUL_RAFT_COMMIT_TIMEOUT", "50ms", "environment KONSUL_RAFT_COMMIT_TIMEOUT: RaftCommitMilliseconds has no effect here", "a commit is told at once")]
    [TestCase("KONSUL_RAFT_MAX_APPEND_ENTRIES", "64", "environment KONSUL_RAFT_MAX_APPEND_ENTRIES: RaftMaxAppendEntries has no effect here", "batches are limited by bytes")]
    public void A_setting_of_Konsul_that_is_read_and_changes_nothing_is_named_with_the_reason(string name, string value, string said, string why)
    {
        Assert.That(Parse(Minimal, (name, value)).Warnings, Has.Exactly(1).Contains(said).And.Exactly(1).Contains(why));
        Assert.That(Parse(Minimal).Warnings, Has.None.Contains("has no effect"));
    }

    [TestCase("VERIFY_RAFT_TICK_MILISECONDS", "did you mean VERIFY_RAFT_TICK_MILLISECONDS?")]
    [TestCase("KONSUL_RAFT_BIND_ADR", "did you mean KONSUL_RAFT_BIND_ADDR?")]
    [TestCase("KONSUL_DNS_ENABLED", "not used here")]
    public void A_variable_that_looks_like_a_setting_and_is_none_is_named(string name, string said) =>
        Assert.That(Parse(Minimal, (name, "1")).Warnings, Has.Some.Contains(said));

    [TestCase(false)]
    [TestCase(true)]
    public void Config_check_shows_every_key_and_no_secret(bool json)
    {
        (string, string)[] secrets =
        [
            ("VERIFY_MYSQL_TOPOLOGY_PASSWORD", "hidden-1"), ("VERIFY_MYSQL_REPLICATION_PASSWORD", "hidden-2"), ("VERIFY_RAFT_JOIN_TOKEN", "hidden-3"), ("VERIFY_HTTP_AUTH_PASSWORD", "hidden-4"),
            ("VERIFY_HTTP_AUTH_READ_ONLY_PASSWORD", "hidden-5"), ("VERIFY_HTTP_AUTH_TOKENS", "write:hidden-6-hidden-6-hidden"), ("VERIFY_RAFT_DATA_DIR", "d"),
        ];
        string? Of(string name) => secrets.FirstOrDefault(s => s.Item1 == name).Item2;
        using var text = new StringWriter();
        Assert.That(ConfigCheck.Run(null, json, Of, secrets.Select(s => s.Item1), text), Is.Zero, text.ToString());
        Assert.That(text.ToString(), Does.Not.Contain("hidden").And.Contain("***"));
        foreach (var key in KeyMeanings.Keys) Assert.That(text.ToString(), Does.Contain(key));
        if (json) Assert.That(JsonDocument.Parse(text.ToString()).RootElement.GetProperty("ok").GetBoolean(), Is.True);
    }

    [Test]
    public void Config_check_of_a_bad_file_shows_problems_with_their_places_and_what_it_understood()
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "{ \"RaftDataDir\": \"d\",\n  \"ListenPort\": 99999,\n  \"RaftNods\": [] }");
            using var text = new StringWriter();
            Assert.That(ConfigCheck.Run(file, json: false, _ => null, [], text), Is.EqualTo(2));
            Assert.That(text.ToString(), Does.Contain($"problem: {file}:2:3: ListenPort must be a whole number from 1 to 65535").And.Contain($"{file}:3:3: RaftNods is not a known key; did you mean RaftNodes?")
                .And.Contain($"RaftDataDir = d   [{file}:1:3]"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [TestCase("1s", 1000)]
    [TestCase("1m30s", 90_000)]
    [TestCase("1.5h", 5_400_000)]
    [TestCase("250ms", 250)]
    [TestCase("0", 0)]
    public void Times_are_read_as_Go_writes_them(string text, double milliseconds)
    {
        Assert.That(GoDuration.TryParse(text, out var span), Is.True);
        Assert.That(span.TotalMilliseconds, Is.EqualTo(milliseconds));
    }

    [TestCase("")]
    [TestCase("s")]
    [TestCase("1")]
    [TestCase("1x")]
    [TestCase("-1s")]
    [TestCase("1s2")]
    [TestCase("999999999999h")]
    public void What_is_no_time_is_refused(string text) => Assert.That(GoDuration.TryParse(text, out _), Is.False);
}
