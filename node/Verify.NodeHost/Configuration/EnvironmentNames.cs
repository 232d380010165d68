using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace Verify.NodeHost.Configuration;

/// <summary>The environment as a source of settings: VERIFY_ names for every key of the file, and Konsul's names, as its ADR-0011 writes
/// them and as its code does (internal/config/config.go). Precedence: file, then KONSUL_, then VERIFY_.</summary>
internal static partial class EnvironmentNames
{
    /// <summary>Konsul's variable and our key. Of two names for one key the later here counts.</summary>
    public static readonly (string Name, string Key)[] Konsul =
    [
        ("KONSUL_CLUSTER_ENABLED", "RaftEnabled"), ("KONSUL_RAFT_ENABLED", "RaftEnabled"),
        ("KONSUL_NODE_ID", "RaftNodeId"), ("KONSUL_RAFT_NODE_ID", "RaftNodeId"), ("KONSUL_NODE_NAME", "NodeName"),
        ("KONSUL_RAFT_BIND_ADDR", "RaftBind"), ("KONSUL_RAFT_ADVERTISE_ADDR", "RaftAdvertise"), ("KONSUL_RAFT_DATA_DIR", "RaftDataDir"),
        ("KONSUL_RAFT_BOOTSTRAP", "RaftBootstrap"), ("KONSUL_RAFT_JOIN", "RaftJoin"), ("KONSUL_RAFT_PEERS", "RaftNodes"),
        ("KONSUL_RAFT_JOIN_TOKEN", "RaftJoinToken"),
        ("KONSUL_RAFT_ELECTION_TIMEOUT", "RaftElectionMilliseconds"), ("KONSUL_RAFT_HEARTBEAT_TIMEOUT", "RaftHeartbeatTimeoutMilliseconds"),
        ("KONSUL_RAFT_LEADER_LEASE_TIMEOUT", "RaftLeaderLeaseMilliseconds"), ("KONSUL_RAFT_COMMIT_TIMEOUT", "RaftCommitMilliseconds"),
        ("KONSUL_RAFT_MAX_APPEND_ENTRIES", "RaftMaxAppendEntries"),
        ("KONSUL_RAFT_SNAPSHOT_INTERVAL", "SnapshotIntervalSeconds"), ("KONSUL_RAFT_SNAPSHOT_THRESHOLD", "SnapshotThreshold"),
        ("KONSUL_RAFT_SNAPSHOT_RETENTION", "SnapshotRetention"), ("KONSUL_RAFT_TRAILING_LOGS", "RaftTrailingLogs"),
        ("KONSUL_LOG_LEVEL", "LogLevel"), ("KONSUL_RAFT_LOG_LEVEL", "LogLevel"), ("KONSUL_LOG_FORMAT", "LogFormat"),
        ("KONSUL_HOST", "ListenHost"), ("KONSUL_PORT", "ListenPort"),
        ("KONSUL_SERVICE_TTL", "ServiceTTLSeconds"), ("KONSUL_BACKUP_DIR", "BackupDir"), ("KONSUL_DNS_DOMAIN", "DnsDomains"),
        ("KONSUL_ACL_ENABLED", "AclEnabled"), ("KONSUL_ACL_DEFAULT_POLICY", "AclDefaultPolicy"),
        ("KONSUL_RATE_LIMIT_ENABLED", "RateLimitEnabled"), ("KONSUL_RATE_LIMIT_REQUESTS_PER_SEC", "RateLimitRequestsPerSecond"), ("KONSUL_RATE_LIMIT_BURST", "RateLimitBurst"), ("KONSUL_RATE_LIMIT_BY_APIKEY", "RateLimitByToken"),
        ("KONSUL_TLS_ENABLED", "UseSSL"), ("KONSUL_TLS_CERT_FILE", "SSLCertFile"), ("KONSUL_TLS_KEY_FILE", "SSLPrivateKeyFile"), ("KONSUL_TLS_CA_FILE", "SSLCAFile"),
        ("KONSUL_RAFT_TLS_ENABLED", "RaftTLS"), ("KONSUL_RAFT_TLS_CERT_FILE", "RaftTLSCertFile"), ("KONSUL_RAFT_TLS_KEY_FILE", "RaftTLSKeyFile"),
        ("KONSUL_RAFT_TLS_CA_FILE", "RaftTLSCAFile"),
    ];

    /// <summary>Variables of ours that are no settings.</summary>
    private static readonly SortedSet<string> NoSettings = new(StringComparer.Ordinal)
    {
        "VERIFY_CONFIG", "VERIFY_CACHE", "VERIFY_MUTANT", "VERIFY_NO_INSTALL", "VERIFY_REQUIRE_LIVE", "VERIFY_REWRITE", "VERIFY_SEED",
    };

    private static readonly string[] KonsulNames = [.. Konsul.Select(k => k.Name)];
    private static readonly FrozenDictionary<string, string> Spelled = KeyMeanings.Keys.ToFrozenDictionary(key => key, Spell, StringComparer.Ordinal);

    /// <summary>RaftDataDir is VERIFY_RAFT_DATA_DIR, MySQLTopologyUser is VERIFY_MYSQL_TOPOLOGY_USER.</summary>
    public static string Of(string key) => Spelled.TryGetValue(key, out var name) ? name : Spell(key);

    private static string Spell(string key) => "VERIFY_" + string.Join('_', Words().Matches(key).Select(w => w.Value.ToUpperInvariant()));

    [GeneratedRegex("MySQL|SQLite3|HTTP|TLS|SSL|CA|DB|[A-Z][a-z0-9]*", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Words();

    /// <summary>Every setting that the environment makes.</summary>
    /// <param name="keys">The keys of the file.</param>
    public static IEnumerable<(string Key, string Name, string Value)> Settings(IEnumerable<string> keys, Func<string, string?> environment)
    {
        foreach (var (name, key) in Konsul)
        {
            if (environment(name) is { } value) yield return (key, name, value);
        }

        foreach (var key in keys)
        {
            if (environment("VERIFY_" + key) is { } literal) yield return (key, "VERIFY_" + key, literal);
            if (environment(Of(key)) is { } value) yield return (key, Of(key), value);
        }
    }

    /// <summary>Warnings about variables that look like settings and are none.</summary>
    public static IEnumerable<string> Unknown(IEnumerable<string> names, IReadOnlyList<string> keys)
    {
        string[] ours = [.. keys.SelectMany(k => new[] { Of(k), "VERIFY_" + k })];
        foreach (var name in names.Order(StringComparer.Ordinal))
        {
            var isOurs = name.StartsWith("VERIFY_", StringComparison.Ordinal) && !name.StartsWith("VERIFY_TEST_", StringComparison.Ordinal) && !NoSettings.Contains(name);
            if (isOurs && !ours.Contains(name)) yield return $"environment {name}: no such setting{Spelling.Nearest(name, ours)}";
            else if (name.StartsWith("KONSUL_", StringComparison.Ordinal) && !KonsulNames.Contains(name)) yield return $"environment {name}: not used here{Spelling.Nearest(name, KonsulNames)}";
        }
    }
}

/// <summary>What was probably meant.</summary>
internal static class Spelling
{
    private const int EditsMax = 3;

    public static string Nearest(string word, IEnumerable<string> known)
    {
        var wanted = word.ToUpperInvariant();
        var best = known.Where(k => Math.Abs(k.Length - word.Length) <= EditsMax).Select(k => (Key: k, Distance: Distance(k.ToUpperInvariant(), wanted)))
            .DefaultIfEmpty(("", int.MaxValue)).MinBy(k => k.Item2);
        return best.Item2 <= EditsMax ? $"; did you mean {best.Item1}?" : "";
    }

    /// <summary>Levenshtein's edit distance.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[^1];
    }
}
