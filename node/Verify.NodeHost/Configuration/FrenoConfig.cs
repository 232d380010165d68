using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Verify.MySql;
using Verify.Node.Throttle;
using Verify.Node.Topology;
using Endpoint = Verify.Node.Seam.Endpoint;

namespace Verify.NodeHost.Configuration;

/// <summary>What freno's HTTP interface shows of the configuration.</summary>
internal sealed record FrenoSettings(string Self, string Domain, string ShareDomain, IReadOnlyList<string> MemcacheServers, string MemcachePath)
{
    /// <summary>The leader is agreed on in a MySQL backend.</summary>
    public bool HasBackend { get; init; }

    public static FrenoSettings Of(ConfigValues values, string self) => new(
        self, values.Text("Domain", ""), values.Text("ShareDomain", ""), values.Texts("MemcacheServers"), values.Text("MemcachePath", "freno"));
}

/// <summary>The throttler: freno's "Stores" with its keys and inheritance (pkg/config/mysql_config.go), and two settings of ours.</summary>
internal static class FrenoConfig
{
    private static readonly string[] Common =
    [
        "User", "Password", "MetricQuery", "CacheMillis", "ThrottleThreshold", "Port", "IgnoreDialTcpErrors", "IgnoreHostsCount", "IgnoreHostsThreshold",
        "HttpCheckPort", "HttpCheckPath", "IgnoreHosts", "Collation",
    ];

    public static ThrottleSettings Of(ConfigValues values, List<string> warnings, FrenoSettings freno)
    {
        values.Text("Environment", "", "text, unused");
        if (values.Bool("EnableProfiling", false)) warnings.Add($"{values.PlaceOf("EnableProfiling")}: EnableProfiling: there is no pprof in this program; use dotnet-trace");
        if (freno.ShareDomain.Length > 0) warnings.Add($"{values.PlaceOf("ShareDomain")}: ShareDomain: checks do not look at other groups; clients ask each group (freno issue 53)");
        var age = values.Int("ThrottleSampleAgeMilliseconds", 1_000, 100, 10_000);
        var settings = new ThrottleSettings
        {
            CollectInterval = TimeSpan.FromMilliseconds(values.Int("ThrottleCollectMilliseconds", 50, 0, 1_000)),
            SampleAgeMax = TimeSpan.FromMilliseconds(age),
            MemcacheServers = [.. freno.MemcacheServers.Select(s => values.EndpointOf("MemcacheServers", s, 11211))],
            MemcachePath = freno.MemcachePath,
        };
        if (values.Raw("Stores", "an object { \"MySQL\": { \"ThrottleThreshold\": 1.0, \"Clusters\": { \"name\": { … } } } }") is not { } stores) return settings;
        var root = new JsonSettings(values, "Stores", "Stores", stores);
        root.Only("MySQL");
        if (root.Object("MySQL") is not { } mysql) return settings;
        mysql.Only([.. Common, "Clusters", "ProxySQLAddresses", "ProxySQLUser", "ProxySQLPassword", "VitessCells"]);
        mysql.TellUnused(warnings, "Collation", "VitessCells");
        var shared = With(new ThrottledCluster(""), mysql, age);
        var clusters = ImmutableArray.CreateBuilder<ThrottledCluster>();
        foreach (var (name, one) in mysql.Object("Clusters")?.Objects() ?? [])
        {
            one.Only([.. Common, "HAProxySettings", "ProxySQLSettings", "VitessSettings", "StaticHostsSettings"]);
            one.TellUnused(warnings, "Collation");
            var cluster = With(shared with { Name = name }, one, age);
            clusters.Add(cluster with { Hosts = HostsOf(one, mysql, cluster) });
        }

        return settings with { Default = shared, Clusters = clusters.ToImmutable() };
    }

    /// <summary>What is set here; the rest as it was.</summary>
    private static ThrottledCluster With(ThrottledCluster outer, JsonSettings json, int ageMs)
    {
        var query = json.Text("MetricQuery");
        var metric = outer.Metric;
        if (query is { Length: > 0 })
        {
            if (OperatorQuery.TryParse(query, out var parsed)) metric = new LagMetric.Query(parsed);
            else if (query.StartsWith("show", StringComparison.OrdinalIgnoreCase) && query.Contains("status", StringComparison.OrdinalIgnoreCase)) metric = new LagMetric.ReplicaStatus();
            else json.Wrong("MetricQuery", "one SELECT or SHOW GLOBAL statement that gives one number; without it the server's own replica status is asked");
        }

        var user = json.Text("User");
        return outer with
        {
            Metric = metric,
            Threshold = json.Number("ThrottleThreshold", 0, 1e9) ?? outer.Threshold,
            CacheFor = json.Number("CacheMillis", 0, Math.Max(1, ageMs / 2)) is { } cache ? TimeSpan.FromMilliseconds(cache) : outer.CacheFor,
            Port = (int?)json.Number("Port", 1, 65_535) ?? outer.Port,
            IgnoreDialTcpErrors = json.Bool("IgnoreDialTcpErrors") ?? outer.IgnoreDialTcpErrors,
            IgnoreHostsCount = (int?)json.Number("IgnoreHostsCount", 0, 10_000) ?? outer.IgnoreHostsCount,
            IgnoreHostsThreshold = json.Number("IgnoreHostsThreshold", 0, 1e9) ?? outer.IgnoreHostsThreshold,
            HttpCheckPort = (int?)json.Number("HttpCheckPort", 0, 65_535) ?? outer.HttpCheckPort,
            HttpCheckPath = json.Text("HttpCheckPath") ?? outer.HttpCheckPath,
            IgnoreHosts = json.Texts("IgnoreHosts") is { } ignore ? [.. ignore] : outer.IgnoreHosts,
            Login = user is { Length: > 0 } ? new(user, json.Text("Password") ?? outer.Login?.Password ?? "") : json.Text("Password") is { } password && outer.Login is { } login ? new(login.User, password) : outer.Login,
        };
    }

    private static HostSource HostsOf(JsonSettings json, JsonSettings mysql, ThrottledCluster cluster)
    {
        if (json.Object("VitessSettings") is not null) json.Wrong("VitessSettings", "left out: inventories of Vitess are not built; name the hosts in StaticHostsSettings");
        if (json.Object("HAProxySettings") is { } haproxy)
        {
            haproxy.Only("Host", "Port", "Addresses", "PoolName");
            var addresses = haproxy.Addresses("Addresses", 80).ToList();
            if (haproxy.Text("Host") is { Length: > 0 } host) addresses.Add(new(host, (int?)haproxy.Number("Port", 1, 65_535) ?? 80));
            if (addresses.Count == 0) haproxy.Wrong("Host", "the host of an HAProxy with a statistics page (or Addresses)");
            if (haproxy.Text("PoolName") is not { Length: > 0 } pool) haproxy.Wrong("PoolName", "the name of the backend whose servers are meant");
            else return new HostSource.HaProxy([.. addresses], pool);
        }

        if (json.Object("ProxySQLSettings") is { } proxysql)
        {
            proxysql.Only("Addresses", "User", "Password", "HostgroupID", "IgnoreServerTTLSecs");
            var addresses = proxysql.Addresses("Addresses", 6032).ToArray();
            if (addresses.Length == 0) addresses = [.. mysql.Addresses("ProxySQLAddresses", 6032)];
            if (addresses.Length == 0) proxysql.Wrong("Addresses", "the admin interfaces of one or more ProxySQLs (or ProxySQLAddresses above)");
            var login = new MySqlLogin(proxysql.Text("User") ?? mysql.Text("ProxySQLUser") ?? "", proxysql.Text("Password") ?? mysql.Text("ProxySQLPassword") ?? "");
            var source = new HostSource.ProxySql([.. addresses], login, (int?)proxysql.Number("HostgroupID", 0, int.MaxValue) ?? 0);
            return proxysql.Number("IgnoreServerTTLSecs", 0, 86_400) is > 0 and var seconds ? source with { IgnoreFor = TimeSpan.FromSeconds(seconds) } : source;
        }

        if (json.Object("StaticHostsSettings") is { } hosts)
        {
            hosts.Only("Hosts");
            return new HostSource.Static([.. hosts.Addresses("Hosts", cluster.Port).Select(e => new InstanceKey(e.Host, e.Port)).Distinct().Order()]);
        }

        return new HostSource.Own();
    }
}

/// <summary>One object inside a setting, read by key; problems name the place of the setting and the path inside it.</summary>
internal sealed class JsonSettings(ConfigValues values, string key, string path, JsonElement json)
{
    /// <summary>Everything else is a problem.</summary>
    public void Only(params string[] known)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            values.Problem(key, $"an object at {path} with {string.Join(", ", known)}");
            return;
        }

        foreach (var property in json.EnumerateObject().Where(p => !known.Contains(p.Name, StringComparer.Ordinal)))
            values.Problem(key, $"without {path}.{property.Name}, which is not a known key{Spelling.Nearest(property.Name, known)}");
    }

    /// <summary>Keys that are understood as words and have no effect.</summary>
    public void TellUnused(List<string> warnings, params string[] names)
    {
        foreach (var name in names)
            if (Find(name) is not null) warnings.Add($"{values.PlaceOf(key)}: {path}.{name} is known from freno, but not used yet");
    }

    public JsonSettings? Object(string name)
    {
        if (Find(name) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Object) return value.EnumerateObject().Any() ? new(values, key, $"{path}.{name}", value) : null;
        Wrong(name, "an object");
        return null;
    }

    public IEnumerable<(string Name, JsonSettings Value)> Objects() => json.EnumerateObject().Select(p => (p.Name, new JsonSettings(values, key, $"{path}.{p.Name}", p.Value)));

    /// <summary>"${NAME}" is taken from the environment.</summary>
    public string? Text(string name)
    {
        if (Find(name) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.String) return values.Expanded(key, value.GetString()!);
        Wrong(name, "a text between double quotes");
        return null;
    }

    public double? Number(string name, double min, double max)
    {
        if (Find(name) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= min && number <= max) return number;
        Wrong(name, string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}"));
        return null;
    }

    public bool? Bool(string name)
    {
        if (Find(name) is not { } value) return null;
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False) return value.GetBoolean();
        Wrong(name, "true or false");
        return null;
    }

    /// <summary>A list of texts, or one text with commas.</summary>
    public IReadOnlyList<string>? Texts(string name)
    {
        if (Find(name) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.String) return values.Expanded(key, value.GetString()!).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String))
            return [.. value.EnumerateArray().SelectMany(e => values.Expanded(key, e.GetString()!).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
        Wrong(name, "a list of texts: [\"…\", …]");
        return null;
    }

    /// <summary>host:port, or http://host:port/.</summary>
    public IEnumerable<Endpoint> Addresses(string name, int defaultPort)
    {
        foreach (var text in Texts(name) ?? [])
        {
            var bare = text.StartsWith("http://", StringComparison.Ordinal) ? text[7..].Split('/')[0] : text;
            if (Endpoint.TryParse(bare, defaultPort, out var endpoint)) yield return endpoint;
            else Wrong(name, $"host:port, not '{text}'");
        }
    }

    public void Wrong(string name, string expected) => values.Problem(key, $"{expected} at {path}.{name}");

    private JsonElement? Find(string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
