using System.Text;
using Verify.Node.Throttle;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Tests;

/// <summary>freno's configuration, read as it lies.</summary>
public sealed class FrenoConfigTests
{
    [Test]
    public void A_file_of_freno_is_taken_over_with_its_inheritance_and_its_variables()
    {
        var config = Parse("""
            "ListenPort": 8111, "DataCenter": "dc", "Environment": "production", "Domain": "d.example", "MemcacheServers": ["mc1:11211", "mc2"], "MemcachePath": "throttle",
            "Stores": { "MySQL": {
              "User": "freno", "Password": "${FRENO_PASSWORD}", "MetricQuery": "select unix_timestamp(now(6)) - unix_timestamp(ts)\n  from meta.heartbeat;",
              "ThrottleThreshold": 1.5, "IgnoreHostsCount": 1, "IgnoreHosts": ["-test"], "Port": 3307,
              "Clusters": {
                "static": { "StaticHostsSettings": { "Hosts": ["10.0.0.1", "10.0.0.2:3399"] }, "HttpCheckPort": 9000, "HttpCheckPath": "ready" },
                "proxy": { "ThrottleThreshold": 5, "MetricQuery": "show global status like 'lag'", "HAProxySettings": { "Addresses": "http://lb1:8001, lb2:8002", "PoolName": "ro" } },
                "sql": { "IgnoreDialTcpErrors": true, "ProxySQLSettings": { "Addresses": ["p1"], "User": "stats", "Password": "s", "HostgroupID": 20, "IgnoreServerTTLSecs": 45 } },
                "main": { "ThrottleThreshold": 0.5 } } } }
            """, ("FRENO_PASSWORD", "secret"));
        var throttle = config.Node.Throttle;
        Assert.That(throttle.MemcacheServers.Select(s => s.ToString()), Is.EqualTo(new[] { "mc1:11211", "mc2:11211" }));
        Assert.That((throttle.CollectInterval, throttle.SampleAgeMax), Is.EqualTo((TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(1))));
        var fixedHosts = throttle.Of("static");
        Assert.That(((HostSource.Static)fixedHosts.Hosts).Hosts.Select(h => h.ToString()), Is.EqualTo(new[] { "10.0.0.1:3307", "10.0.0.2:3399" }));
        Assert.That((fixedHosts.Threshold, fixedHosts.IgnoreHostsCount, fixedHosts.Login!.User, fixedHosts.Login.Password, fixedHosts.HttpCheckPort), Is.EqualTo((1.5, 1, "freno", "secret", 9000)));
        Assert.That(((LagMetric.Query)fixedHosts.Metric).Sql.Text, Is.EqualTo("select unix_timestamp(now(6)) - unix_timestamp(ts) from meta.heartbeat"));
        Assert.That(((LagMetric.Query)throttle.Of("proxy").Metric).Sql.ValueColumn, Is.EqualTo(1));
        Assert.That(((HostSource.HaProxy)throttle.Of("proxy").Hosts).Addresses.Select(a => a.ToString()), Is.EqualTo(new[] { "lb1:8001", "lb2:8002" }));
        Assert.That(((HostSource.ProxySql)throttle.Of("sql").Hosts).HostGroup, Is.EqualTo(20));
        Assert.That(((HostSource.ProxySql)throttle.Of("sql").Hosts).IgnoreFor, Is.EqualTo(TimeSpan.FromSeconds(45)));
        Assert.That((throttle.Of("main").Hosts, throttle.Of("main").Threshold), Is.EqualTo((new HostSource.Own(), 0.5)));
        Assert.That(throttle.Of("discovered").Threshold, Is.EqualTo(1.5), "a cluster that the node looks after needs no entry");
        Assert.That(config.Freno.Domain, Is.EqualTo("d.example"));
    }

    [Test]
    public void What_is_said_for_all_clusters_holds_for_each_that_says_nothing_else()
    {
        var throttle = Parse("""
            "Stores": { "MySQL": {
              "CacheMillis": 250, "IgnoreHostsCount": 2, "IgnoreHostsThreshold": 3.5, "ProxySQLAddresses": ["p1", "p2:6033"], "ProxySQLUser": "stats", "ProxySQLPassword": "outer",
              "Clusters": {
                "same": { "ProxySQLSettings": { "HostgroupID": 20 } },
                "other": { "CacheMillis": 0, "IgnoreHostsThreshold": 1.25, "ProxySQLSettings": { "Addresses": ["p3"], "User": "own", "Password": "inner", "HostgroupID": 30 } } } } }
            """).Node.Throttle;
        var (same, other) = (throttle.Of("same"), throttle.Of("other"));
        Assert.That((same.CacheFor, same.IgnoreHostsCount, same.IgnoreHostsThreshold), Is.EqualTo((TimeSpan.FromMilliseconds(250), 2, 3.5)));
        Assert.That((other.CacheFor, other.IgnoreHostsCount, other.IgnoreHostsThreshold), Is.EqualTo((TimeSpan.Zero, 2, 1.25)));
        Assert.That(Shown(same), Is.EqualTo("p1:6032 p2:6033 stats/outer 20"));
        Assert.That(Shown(other), Is.EqualTo("p3:6032 own/inner 30"));

        static string Shown(ThrottledCluster cluster)
        {
            var source = (HostSource.ProxySql)cluster.Hosts;
            return $"{string.Join(' ', source.Addresses)} {source.Login.User}/{source.Login.Password} {source.HostGroup}";
        }
    }

    [Test]
    public void Hosts_addresses_and_logins_come_from_the_environment_where_the_file_says_so()
    {
        var throttle = Parse(
            """
            "Stores": { "MySQL": {
              "User": "${NAME}", "Password": "${SECRET}", "ProxySQLAddresses": "${PROXIES}", "ProxySQLUser": "${NAME}", "ProxySQLPassword": "${SECRET}", "IgnoreHosts": ["${HOST}"],
              "Clusters": {
                "static": { "StaticHostsSettings": { "Hosts": ["${HOST}", "db9"] } },
                "one": { "HAProxySettings": { "Host": "${HOST}", "Port": 8001, "PoolName": "ro" } },
                "some": { "HAProxySettings": { "Addresses": "${PROXIES}", "PoolName": "${NAME}" } },
                "sql": { "ProxySQLSettings": { "HostgroupID": 1 } } } } }
            """, ("HOST", "db2"), ("PROXIES", "http://lb1:8001,lb2:8002"), ("NAME", "freno"), ("SECRET", "s")).Node.Throttle;
        var (fixedHosts, sql) = (throttle.Of("static"), (HostSource.ProxySql)throttle.Of("sql").Hosts);
        Assert.That(((HostSource.Static)fixedHosts.Hosts).Hosts.Select(h => h.ToString()), Is.EqualTo(new[] { "db2:3306", "db9:3306" }));
        Assert.That((fixedHosts.Login!.User, fixedHosts.Login.Password, fixedHosts.IgnoreHosts.Single()), Is.EqualTo(("freno", "s", "db2")));
        Assert.That(((HostSource.HaProxy)throttle.Of("one").Hosts).Addresses.Single().ToString(), Is.EqualTo("db2:8001"));
        Assert.That(((HostSource.HaProxy)throttle.Of("some").Hosts).Addresses.Select(a => a.ToString()), Is.EqualTo(new[] { "lb1:8001", "lb2:8002" }));
        Assert.That(((HostSource.HaProxy)throttle.Of("some").Hosts).Pool, Is.EqualTo("freno"));
        Assert.That((string.Join(' ', sql.Addresses), sql.Login.User, sql.Login.Password), Is.EqualTo(("lb1:8001 lb2:8002", "freno", "s")));
    }

    [Test]
    public void A_key_of_freno_that_has_no_effect_is_taken_over_and_said()
    {
        var warnings = Parse("""
            "ShareDomain": "all", "Stores": { "MySQL": { "Collation": "utf8mb4_general_ci", "VitessCells": ["zone1"], "Clusters": { "main": { "Collation": "utf8mb4_bin" } } } }
            """).Warnings;
        foreach (var path in (string[])["Collation", "VitessCells", "Clusters.main.Collation"])
            Assert.That(warnings, Has.Some.StartsWith("node.json:1:").And.EndsWith($": Stores.MySQL.{path} is known from freno, but not used yet"));
        Assert.That(warnings, Has.Some.EndsWith(": ShareDomain: checks do not look at other groups; clients ask each group (freno issue 53)"));
        Assert.That(Parse("""  "Stores": { "MySQL": { "ThrottleThreshold": 1 } } """).Warnings, Has.None.Contains("not used yet"));
    }

    [TestCase("""{ "MySQL": { "ThrottleTreshold": 1 } }""", "Stores.MySQL.ThrottleTreshold, which is not a known key")]
    [TestCase("""{ "MySQL": { "ThrottleThreshold": "1" } }""", "a number from 0 to 1000000000 at Stores.MySQL.ThrottleThreshold")]
    [TestCase("""{ "MySQL": { "MetricQuery": "delete from t" } }""", "one SELECT or SHOW GLOBAL statement")]
    [TestCase("""{ "MySQL": { "MetricQuery": "select 1; drop table t" } }""", "one SELECT or SHOW GLOBAL statement")]
    [TestCase("""{ "MySQL": { "CacheMillis": 900 } }""", "a number from 0 to 500 at Stores.MySQL.CacheMillis")]
    [TestCase("""{ "MySQL": { "IgnoreHostsThreshold": -1 } }""", "a number from 0 to 1000000000 at Stores.MySQL.IgnoreHostsThreshold")]
    [TestCase("""{ "MySQL": { "Clusters": { "c": { "StaticHostsSettings": { "Hosts": ["${NOT_THERE}"] } } } } }""", "the environment variable NOT_THERE, which is not there")]
    [TestCase("""{ "MySQL": { "Clusters": { "c": { "HAProxySettings": { "Host": "h" } } } } }""", "at Stores.MySQL.Clusters.c.HAProxySettings.PoolName")]
    [TestCase("""{ "MySQL": { "Clusters": { "c": { "VitessSettings": { "API": "h" } } } } }""", "inventories of Vitess are not built")]
    [TestCase("""{ "MySQL": { "Password": "${NOT_THERE}", "User": "u" } }""", "the environment variable NOT_THERE, which is not there")]
    public void A_wrong_value_is_named_with_its_path(string stores, string problem)
    {
        var e = Assert.Throws<ConfigException>(() => Parse($"\"Stores\": {stores}"));
        Assert.That(e!.Message, Does.Contain(problem).And.Contain("node.json:1:"));
    }

    [Test]
    public void Frenos_own_port_stands_beside_the_address_of_this_listener_where_both_are_given()
    {
        Assert.That(Parse("\"ListenPort\": 8111").FrenoListen, Is.Null);
        Assert.That(Parse("\"ListenPort\": 8111").Listen.Port, Is.EqualTo(8111));
        Assert.That(Parse("\"ListenPort\": 3000, \"ListenAddress\": \"127.0.0.1:3000\"").FrenoListen, Is.Null);
        var both = Parse("\"ListenPort\": 8111, \"ListenAddress\": \"0.0.0.0:3000\"");
        Assert.That((both.Listen.ToString(), both.FrenoListen!.Value.ToString()), Is.EqualTo(("0.0.0.0:3000", "0.0.0.0:8111")));
    }

    [Test]
    public void A_MySQL_backend_is_taken_over_from_frenos_file()
    {
        var config = Parse("""
            "RaftNodes": [], "Domain": "us-east", "HTTPAdvertise": "10.0.0.1:8087",
            "BackendMySQLHost": "10.0.0.9", "BackendMySQLPort": 3307, "BackendMySQLSchema": "freno", "BackendMySQLUser": "freno", "BackendMySQLPassword": "${SECRET}"
            """, ("SECRET", "s"));
        var backend = config.Node.Throttle.Backend!;
        Assert.That(
            ($"{backend.Server}", backend.Login.User, backend.Login.Password, backend.Row.Schema, backend.Row.Domain, backend.Address, config.Freno.HasBackend),
            Is.EqualTo(("10.0.0.9:3307", "freno", "s", "freno", "us-east", "10.0.0.1:8087", true)));
        Assert.That((Parse("\"RaftNodes\": []").Node.Throttle.Backend, Parse("\"RaftNodes\": []").Freno.HasBackend), Is.EqualTo(((Verify.Node.Throttle.Backend.BackendSettings?)null, false)));
    }

    [TestCase("\"RaftNodes\": []", "BackendMySQLSchema is missing: the schema for the throttler's table")]
    [TestCase("\"RaftBind\": \"n1\", \"RaftNodes\": [\"n1\", \"n2\", \"n3\"]", "either Raft or the backend says who leads")]
    [TestCase("\"RaftNodes\": [], \"DiscoverySeeds\": [\"db1:3306\"]", "a node with a backend only throttles")]
    public void A_backend_beside_what_it_cannot_go_with_is_refused(string body, string problem) =>
        Assert.That(Assert.Throws<ConfigException>(() => Parse($"\"BackendMySQLHost\": \"b\", {body}"))!.Message, Does.Contain(problem));

    private static HostConfig Parse(string body, params (string Name, string Value)[] environment) => HostConfig.Parse(
        "node.json", Encoding.UTF8.GetBytes($"{{ \"RaftDataDir\": \"d\", {body} }}"), name => environment.FirstOrDefault(e => e.Name == name).Value);
}
