using System.Globalization;
using System.Text;
using Verify.Node.Api;
using Verify.Node.State.Kv;
using Verify.Node.State.Ledger;

namespace Verify.Node.State.Fencing;

/// <summary>The primary of each cluster as keys of the key-value store, in orchestrator's words (docs/kv.md): <c>mysql/master/ALIAS</c> is
/// "host:port", and below it hostname, port, ipv4, ipv6 and token. Written by the very entries that change the ledger, so that the two cannot contradict
/// each other: "none" from the entry that takes the lease from the primary to the one that publishes the next. The flags of each
/// key are the fencing token. ipv4 and ipv6 are there for servers that are known by an address.</summary>
public static class PublishedPrimaries
{
    public const string Prefix = "mysql/master/";

    /// <summary>The value while a cluster has no primary.</summary>
    public const string None = "none";
    private static readonly string[] Parts = ["", "/hostname", "/port", "/ipv4", "/ipv6", "/token"];
    private static readonly ReadOnlyMemory<byte> NoneBytes = Encoding.UTF8.GetBytes(None);

    /// <summary>The node writes these keys, and nobody else.</summary>
    public static bool IsOurs(string key) => key.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>The cluster that a key is about; null for any other key.</summary>
    public static string? ClusterOf(string key)
    {
        if (!IsOurs(key)) return null;
        var end = key.IndexOf('/', Prefix.Length);
        return end < 0 ? key[Prefix.Length..] : key[Prefix.Length..end];
    }

    /// <summary>The same pair, naming nobody.</summary>
    internal static KvPair WithoutPrimary(KvPair pair) => pair with { Value = NoneBytes };

    /// <summary>Makes the keys of all clusters what the ledger says; keys that are right are not touched.</summary>
    internal static void Update(KvStore kv, HaState ha, long index)
    {
        foreach (var ledger in ha.Clusters)
        {
            var (values, token) = ValuesOf(ledger);
            for (var i = 0; i < Parts.Length; i++) Write(kv, Prefix + ledger.Cluster + Parts[i], values[i], (ulong)token, index);
        }

        foreach (var pair in kv.List(Prefix))
            if (ha.Cluster(ClusterOf(pair.Key)!) is null) kv.Delete(new(pair.Key, null, null), index);
    }

    private static (string?[] Values, long Token) ValuesOf(ClusterLedger ledger)
    {
        // A larger token than the old primary's while nobody is: whoever compares tokens does not go back.
        if (!ledger.LeaseIsRenewable) return ([None, None, None, None, None, Number(ledger.OpenRecovery!.Id)], ledger.OpenRecovery.Id);
        var (host, port) = (ledger.Primary.Host, ledger.Primary.Port);
        var kind = Uri.CheckHostName(host);
        return ([
            ledger.Primary.ToString(), host, Number(port), kind == UriHostNameType.IPv4 ? host : null,
            kind == UriHostNameType.IPv6 ? host : null, Number(ledger.Token.Value),
        ], ledger.Token.Value);
    }

    /// <param name="value">Null: no such key.</param>
    private static void Write(KvStore kv, string key, string? value, ulong token, long index)
    {
        var there = kv.Get(key);
        if (value is null)
        {
            if (there is not null) kv.Delete(new(key, null, null), index);
            return;
        }

        var bytes = Encoding.UTF8.GetBytes(value);
        if (there is not null && there.Flags == token && there.Value.Span.SequenceEqual(bytes)) return;
        kv.Put(new(key, bytes, token, null, null), index);
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
