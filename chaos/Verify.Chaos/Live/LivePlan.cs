using Verify.Chaos.Worlds;
using Verify.Fleet.Network;
using Verify.Scenarios;

namespace Verify.Chaos.Live;

/// <summary>Who listens where in a live fleet, and through which proxy each data centre reaches the others. Inside a data centre traffic
/// goes straight; every link between data centres is a proxy of its own, so that it can be cut in either direction.</summary>
internal sealed class LivePlan
{
    private LivePlan(IReadOnlyList<Place> places, IReadOnlyList<Link> links)
    {
        Places = places;
        Links = links;
    }

    /// <param name="Name">A node's or a server's.</param>
    /// <param name="Identity">"n1:10008" or "db1:3306".</param>
    /// <param name="Address">Where it truly listens, "127.x.y.z:port".</param>
    public sealed record Place(string Name, string DataCenter, string Identity, string Address);

    /// <summary>From a data centre to a place in another one.</summary>
    public sealed record Link(string Proxy, string FromDataCenter, Place To, string Listen);

    public IReadOnlyList<Place> Places { get; }
    public IReadOnlyList<Link> Links { get; }

    public Place Of(string name) => Places.First(p => p.Name == name);

    /// <summary>Where somebody in this data centre must connect to reach a place.</summary>
    public string AddressFrom(string dataCenter, string name)
    {
        var place = Of(name);
        return place.DataCenter == dataCenter ? place.Address : Links.First(l => l.FromDataCenter == dataCenter && l.To == place).Listen;
    }

    /// <summary>AddressViews of verify-node's configuration.</summary>
    public SortedDictionary<string, object> AddressViews(IEnumerable<string> dataCenters)
    {
        var views = new SortedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var dc in dataCenters)
        {
            views[dc] = new SortedDictionary<string, string>(Places.ToDictionary(p => p.Identity, p => AddressFrom(dc, p.Name), StringComparer.Ordinal), StringComparer.Ordinal);
        }

        return views;
    }

    /// <param name="serverAddress">Where each server listens, by name.</param>
    public static LivePlan Draw(FleetSpec fleet, LoopbackPlan loopback, IReadOnlyDictionary<string, string> serverAddress)
    {
        var dataCenters = fleet.DataCenters;
        var places = new List<Place>();
        foreach (var (dc, names) in fleet.Nodes)
        {
            places.AddRange(names.Select(n => new Place(n, dc, NodeNames.PeerIdentity(n), Free(loopback, dataCenters.IndexOf(dc)))));
        }

        foreach (var (dc, names) in fleet.Servers)
        {
            places.AddRange(names.Select(n => new Place(n, dc, NodeNames.ServerIdentity(n), serverAddress[n])));
        }

        var links = dataCenters.SelectMany(dc => places.Where(p => p.DataCenter != dc)
            .Select(p => new Link($"verify_{dc}_to_{p.Name}", dc, p, Free(loopback, dataCenters.IndexOf(dc))))).ToList();
        return new(places, links);
    }

    private static string Free(LoopbackPlan loopback, int dataCenter)
    {
        var address = loopback.Next(dataCenter);
        return $"{address}:{FreePorts.Next(address)}";
    }
}
