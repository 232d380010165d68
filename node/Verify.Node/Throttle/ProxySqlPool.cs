using System.Collections.Immutable;
using System.Globalization;
using Verify.MySql;
using Verify.Node.Topology;

namespace Verify.Node.Throttle;

/// <summary>Whose lag counts in one host group of a ProxySQL, as in freno (pkg/proxysql): servers that are online, and those that ProxySQL has
/// shunned because they lag. One that was unhealthy in another way (shunned for errors, offline) has to be seen without trouble for a time
/// before it counts again.</summary>
/// <param name="ignoreFor">For how long after it was last seen unhealthy a server that is online does not count.</param>
internal sealed class ProxySqlPool(TimeSpan ignoreFor)
{
    private readonly SortedDictionary<InstanceKey, TimeSpan> _ignoredUntil = [];

    /// <param name="table">The answer to <see cref="Statement.ListProxySqlServers"/>.</param>
    /// <param name="now">When it arrived.</param>
    /// <returns>Null: the host group has no servers at all, or does not exist; ProxySQL does not tell which.</returns>
    public ImmutableArray<InstanceKey>? Read(ResultTable table, TimeSpan now)
    {
        if (table.Rows.Count == 0) return null;
        foreach (var over in _ignoredUntil.Where(i => i.Value <= now).Select(i => i.Key).ToArray()) _ignoredUntil.Remove(over);
        var found = new SortedSet<InstanceKey>();
        for (var i = 0; i < table.Rows.Count; i++)
        {
            if (table.Text(i, "srv_host") is not { Length: > 0 } host || !ushort.TryParse(table.Text(i, "srv_port"), CultureInfo.InvariantCulture, out var port) || port == 0) continue;
            var key = new InstanceKey(host, port);
            switch (table.Text(i, "status"))
            {
                case "ONLINE" when !_ignoredUntil.ContainsKey(key):
                    found.Add(key);
                    break;
                case "ONLINE":
                    break;
                case "SHUNNED_REPLICATION_LAG":
                    _ignoredUntil.Remove(key);
                    found.Add(key);
                    break;
                default:
                    _ignoredUntil[key] = now + ignoreFor;
                    break;
            }
        }

        return [.. found];
    }
}
