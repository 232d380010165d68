using System.Globalization;
using Microsoft.AspNetCore.Http;
using Verify.Node.Api;

namespace Verify.NodeHost.Http;

/// <summary>How fresh a read must be, as Konsul's and Consul's clients ask for it, and what they are told of the answer's freshness
/// (Consul HTTP API, "Consistency modes": X-Consul-Index, X-Consul-LastContact, X-Consul-KnownLeader).</summary>
internal static class ReadOptions
{
    public static ReadConsistency ConsistencyOf(HttpRequest request, ReadConsistency otherwise)
    {
        var query = request.Query;
        if (query.TryGetValue("stale", out var stale) && ClusterApi.IsTrue(stale.ToString())) return ReadConsistency.Stale;
        if (query.TryGetValue("lease", out var lease) && ClusterApi.IsTrue(lease.ToString())) return ReadConsistency.Lease;
        if (query.TryGetValue("consistent", out var consistent)) return ClusterApi.IsTrue(consistent.ToString()) ? ReadConsistency.Consistent : ReadConsistency.Stale;
        return otherwise;
    }

    /// <param name="age">Null: no leader was heard since this node started.</param>
    public static void Stamp(HttpResponse response, long index, TimeSpan? age)
    {
        response.Headers["X-Consul-Index"] = Math.Max(1, index).ToString(CultureInfo.InvariantCulture);
        response.Headers["X-Consul-LastContact"] = (Milliseconds(age) ?? 0).ToString(CultureInfo.InvariantCulture);
        response.Headers["X-Consul-KnownLeader"] = age is null ? "false" : "true";
    }

    public static long? Milliseconds(TimeSpan? age) => age is { } known ? (long)Math.Ceiling(known.TotalMilliseconds) : null;
}
