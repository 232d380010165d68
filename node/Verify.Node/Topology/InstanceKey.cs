using Verify.Node.Seam;

namespace Verify.Node.Topology;

/// <summary>The identity of a MySQL server: the host name and port that everybody agrees on. How it is reached from a
/// given data centre is the address book's business.</summary>
public readonly record struct InstanceKey(string Host, int Port) : IComparable<InstanceKey>
{
    public Endpoint Endpoint => new(Host, Port);

    public static InstanceKey Parse(string text)
    {
        var endpoint = Endpoint.TryParse(text, 3306, out var e) ? e : throw new FormatException($"'{text}' is not host[:port]");
        return new(endpoint.Host, endpoint.Port);
    }

    public int CompareTo(InstanceKey other) => Endpoint.CompareTo(other.Endpoint);
    public override string ToString() => $"{Host}:{Port}";
}

/// <summary>How names are reached from each data centre (split-horizon addresses): data centre → name:port → host:port.
/// What is not listed is reached by its own name.</summary>
public sealed class AddressBook(IReadOnlyDictionary<string, IReadOnlyDictionary<Endpoint, Endpoint>> views)
{
    public static readonly AddressBook Empty =
        new(new SortedDictionary<string, IReadOnlyDictionary<Endpoint, Endpoint>>(StringComparer.Ordinal));

    /// <summary>The address of a name as seen from a data centre.</summary>
    public Endpoint From(string dataCenter, Endpoint name) =>
        views.TryGetValue(dataCenter, out var view) && view.TryGetValue(name, out var address) ? address : name;

    /// <summary>The name behind an address as seen from a data centre (what SHOW REPLICA STATUS gives back).</summary>
    public Endpoint NameOf(string dataCenter, Endpoint address)
    {
        if (views.TryGetValue(dataCenter, out var view))
        {
            foreach (var (name, at) in view)
            {
                if (at == address) return name;
            }
        }

        return address;
    }
}
