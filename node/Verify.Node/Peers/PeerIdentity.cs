using Verify.Node.Seam;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>Whether the certificate at the other end of a stream lets it speak for a node: its names must hold the node's id, or the
/// host of that id. Streams without certificates prove nothing and are not asked (RFC 9525 is the rule for names; no wildcards).</summary>
internal static class PeerIdentity
{
    /// <summary>Why not; null when it may.</summary>
    public static string? Objection(Stream stream, NodeId node)
    {
        if (stream is not ICertifiedStream certified) return null;
        var host = Endpoint.TryParse(node.Name, defaultPort: null, out var endpoint) ? endpoint.Host : node.Name;
        foreach (var name in certified.Names)
        {
            if (string.Equals(name, node.Name, StringComparison.OrdinalIgnoreCase) || string.Equals(name, host, StringComparison.OrdinalIgnoreCase)) return null;
        }

        return $"its certificate is for {(certified.Names.Count == 0 ? "nobody" : string.Join(", ", certified.Names))}, not for {node}";
    }
}
