using System.Net;

namespace Verify.NodeHost.Security;

/// <summary>Networks from which connections are taken; none: from everywhere.</summary>
internal sealed class AllowedNetworks(IReadOnlyList<IPNetwork> networks)
{
    public static AllowedNetworks Everywhere { get; } = new([]);
    public bool IsEmpty => networks.Count == 0;

    /// <summary>A single address is a network of its own. Bits behind the prefix are an error, as they are mostly a slip.</summary>
    public static bool TryParse(string text, out IPNetwork network)
    {
        network = default;
        if (text.Contains('/', StringComparison.Ordinal))
        {
            return IPNetwork.TryParse(text, out network) && IPAddress.TryParse(text[..text.IndexOf('/', StringComparison.Ordinal)], out var given) && given.Equals(network.BaseAddress);
        }

        if (!IPAddress.TryParse(text, out var address)) return false;
        network = new(address, address.GetAddressBytes().Length * 8);
        return true;
    }

    public bool Allows(IPAddress? address)
    {
        if (IsEmpty) return true;
        if (address is null) return false;
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return networks.Any(n => n.Contains(plain));
    }
}
