using System.Text;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Tests;

public sealed class HostConfigTests
{
    private const string Good = """
        {
          // orchestrator's keys
          "RaftEnabled": true, "RaftDataDir": "/var/lib/verify", "RaftBind": "10.0.1.1", "DefaultRaftPort": 10008,
          "RaftNodes": ["10.0.1.1", "10.0.2.1", "10.0.3.1"],
          "DataCenter": "east", "DataCenters": { "10.0.2.1:10008": "west", "10.0.3.1:10008": "north" },
          "ListenAddress": ":3000", "BackendDB": "sqlite",
          "MySQLTopologyUser": "verify", "MySQLTopologyPassword": "${TOPOLOGY_PASSWORD}",
          "MySQLClusters": { "main": { "db1:3306": "east", "db2": "west" } },
          "AddressViews": { "east": { "db2:3306": "127.0.0.1:13306" } },
        }
        """;

    private static HostConfig Parse(string text, params (string Name, string Value)[] environment) =>
        HostConfig.Parse("node.json", Encoding.UTF8.GetBytes(text), name => environment.FirstOrDefault(e => e.Name == name).Value);

    private static IReadOnlyList<string> ProblemsOf(string text) =>
        Assert.Throws<ConfigException>(() => Parse(text, ("TOPOLOGY_PASSWORD", "secret")))!.Problems;

    [Test]
    public void A_file_with_orchestrators_keys_becomes_a_node()
    {
        var config = Parse(Good, ("TOPOLOGY_PASSWORD", "secret"));
        Assert.That(config.Node.Self.Name, Is.EqualTo("10.0.1.1:10008"));
        Assert.That(config.Node.Members.Select(m => $"{m.Id} {m.DataCenter}"), Is.EqualTo(new[] { "10.0.1.1:10008 east", "10.0.2.1:10008 west", "10.0.3.1:10008 north" }));
        Assert.That(config.Listen.ToString(), Is.EqualTo("0.0.0.0:3000"));
        Assert.That(config.Node.TopologyLogin.Password, Is.EqualTo("secret"));
        Assert.That(config.Node.Clusters.Single().Instances.Select(i => $"{i.Key} {i.DataCenter}"), Is.EqualTo(new[] { "db1:3306 east", "db2:3306 west" }));
        Assert.That(config.Node.Addresses.From("east", new("db2", 3306)).ToString(), Is.EqualTo("127.0.0.1:13306"));
        Assert.That(config.Node.Addresses.NameOf("east", new("127.0.0.1", 13306)).ToString(), Is.EqualTo("db2:3306"));
        Assert.That(config.Node.FencingEnabled, Is.True);
    }

    [Test]
    public void A_cluster_that_is_named_as_deep_may_have_replicas_below_replicas()
    {
        string With(string aliases) => Good.Replace("\"AddressViews\"", $"\"DeepClusters\": [{aliases}], \"AddressViews\"", StringComparison.Ordinal);
        Assert.That(Parse(Good, ("TOPOLOGY_PASSWORD", "secret")).Node.Clusters.Single().IsDeep, Is.False);
        Assert.That(Parse(With("\"main\""), ("TOPOLOGY_PASSWORD", "secret")).Node.Clusters.Single().IsDeep, Is.True);
        Assert.That(ProblemsOf(With("\"mian\"")), Has.Some.Contains("'mian' is none"));
    }

    [Test]
    public void No_raft_nodes_is_a_single_node()
    {
        var config = Parse("""{ "RaftDataDir": "d", "RaftNodes": [] }""");
        Assert.That(config.IsSingle, Is.True);
        Assert.That(config.Node.Members.Single().Id, Is.EqualTo(config.Node.Self));
    }

    [Test]
    public void A_key_that_nobody_knows_is_refused_with_its_place_and_the_nearest_known_key()
    {
        Assert.That(ProblemsOf("""
            { "RaftDataDir": "d",
              "RaftNods": [] }
            """), Is.EqualTo(new[] { "node.json:2:3: RaftNods is not a known key; did you mean RaftNodes?" }));
    }

    [Test]
    public void Keys_of_orchestrator_and_freno_that_are_not_used_yet_give_one_warning_each()
    {
        var config = Parse("""{ "RaftDataDir": "d", "SnapshotTopologiesIntervalHours": 1, "BackendMySQLCollation": "x" }""");
        Assert.That(config.Warnings, Is.EquivalentTo(new[]
        {
            "node.json:1:23: SnapshotTopologiesIntervalHours is known from orchestrator or freno, but not used yet",
            "node.json:1:61: BackendMySQLCollation is known from orchestrator or freno, but not used yet",
        }));
    }

    [Test]
    public void Every_bad_value_is_named_with_its_place_and_what_would_be_right()
    {
        var problems = ProblemsOf("""
            {
              "RaftDataDir": 7,
              "DefaultRaftPort": 70000,
              "RaftNodes": ["a", 3],
              "BackendDB": "oracle",
              "ListenAddress": "nonsense:x",
              "PrimaryLeaseMilliseconds": 300
            }
            """);
        Assert.That(problems, Has.Some.StartsWith("node.json:2:3: RaftDataDir must be a text"));
        Assert.That(problems, Has.Some.EqualTo("node.json:3:3: DefaultRaftPort must be a whole number from 1 to 65535"));
        Assert.That(problems, Has.Some.StartsWith("node.json:4:3: RaftNodes must be a list of texts"));
        Assert.That(problems, Has.Some.EqualTo("node.json:5:3: BackendDB must be one of \"sqlite\", \"mysql\""));
        Assert.That(problems, Has.Some.StartsWith("node.json:6:3: ListenAddress must be host:port"));
        Assert.That(problems, Has.Some.StartsWith("node.json:7:3: PrimaryLeaseMilliseconds must be longer than renewal, fencing margin and election timeout"));
    }

    [TestCase("MySQLReplicationUser", @"re\\pl")]
    [TestCase("MySQLReplicationPassword", @"back\\slash")]
    [TestCase("MySQLReplicationPassword", "schlüssel")]
    [TestCase("MySQLReplicationPassword", @"a\nb")]
    public void A_replication_login_that_no_replica_can_be_told_is_refused_at_the_start(string key, string value)
    {
        var problem = ProblemsOf($"{{ \"RaftDataDir\": \"d\",\n  \"{key}\": \"{value}\" }}").Single();
        Assert.That(problem, Does.StartWith($"node.json:2:3: {key} must be printable ASCII without a backslash"));
        Assert.That(problem, Does.Not.Contain(value), "a password is not shown");
    }

    [Test]
    public void A_replication_password_may_hold_quotes_and_blanks() =>
        Assert.That(Parse("""{ "RaftDataDir": "d", "MySQLReplicationPassword": "it's \"so\" ~!" }""").Node.ReplicationLogin.Password, Is.EqualTo("it's \"so\" ~!"));

    [Test]
    public void A_list_of_nodes_that_lacks_this_node_is_refused() =>
        Assert.That(ProblemsOf("""{ "RaftDataDir": "d", "DataCenter": "e", "RaftBind": "10.0.0.9", "RaftNodes": ["10.0.0.1"] }"""),
            Has.Some.Contains("RaftNodes must be a list that holds this node as well (10.0.0.9:10008"));

    [Test]
    public void A_missing_environment_variable_is_named() =>
        Assert.That(Assert.Throws<ConfigException>(() => Parse(Good))!.Problems, Has.Some.Contains("TOPOLOGY_PASSWORD, which is not there"));

    [Test]
    public void A_key_that_stands_twice_is_refused() =>
        Assert.That(ProblemsOf("""{ "RaftDataDir": "d", "RaftDataDir": "e" }"""), Has.Some.Contains("stands here a second time (first at node.json:1:3)"));

    [TestCase("", 1, 1)]
    [TestCase("[]", 1, 1)]
    [TestCase("{\n  \"RaftDataDir\": \"d\",,\n}", 2, 22)]
    public void What_is_no_JSON_object_is_refused_with_its_place(string text, int line, int column) =>
        Assert.That(ProblemsOf(text).Single(), Does.StartWith($"node.json:{line}:{column}: "));

    [TestCase("VERIFY_TEST_ONLY_NO_FENCING", "1")]
    [TestCase("VERIFY_TEST_ONLY_NO_SYNC", "1")]
    [TestCase("VERIFY_TEST_ONLY_POWER_LOSS", "1")]
    [TestCase("VERIFY_TEST_ONLY_CLOCK", "/tmp/clock")]
    public void A_node_that_other_machines_reach_does_not_start_without_its_promises(string name, string value)
    {
        const string Reached = """{ "RaftDataDir": "d", "RaftBind": "10.1.2.3:10008" }""";
        Assert.That(() => Parse(Reached, (name, value)), Throws.TypeOf<ConfigException>().With.Message.Contains($"{name} is set").And.Message.Contains("10.1.2.3:10008"));
        Assert.That(() => Parse("""{ "RaftDataDir": "d", "RaftBind": "0.0.0.0:10008" }""", (name, value)), Throws.TypeOf<ConfigException>());
        Assert.That(() => Parse(Reached, (name, "0")), Throws.Nothing);
        Assert.That(() => Parse("""{ "RaftDataDir": "d", "RaftBind": "127.3.4.5:10008" }""", (name, value)), Throws.Nothing);
    }

    [Test]
    public void Only_the_test_only_variable_switches_fencing_off()
    {
        Assert.That(Parse("""{ "RaftDataDir": "d" }""", ("VERIFY_TEST_ONLY_NO_FENCING", "1")).Node.FencingEnabled, Is.False);
        Assert.That(Parse("""{ "RaftDataDir": "d" }""", ("VERIFY_TEST_ONLY_NO_FENCING", "0")).Node.FencingEnabled, Is.True);
        Assert.That(ProblemsOf("""{ "RaftDataDir": "d", "FencingEnabled": false }"""), Has.Some.Contains("FencingEnabled is not a known key"));
    }
}
