using System.Collections.Immutable;
using System.Globalization;
using Verify.Scenarios;

namespace Verify.Chaos.Drawn;

/// <summary>Draws who is there: 1 to 6 nodes over 1 to 5 data centres, 0 to 5 MySQL servers in data centres that have a node. A server
/// without a node beside it has no guardian, and a primary there would be outside of what we claim.</summary>
internal static class DrawnFleet
{
    private static readonly string[] Places = ["east", "west", "north", "south", "center"];

    /// <param name="further">For what came later, so that what a seed drew before stays as it was.</param>
    public static FleetSpec Draw(Knobs knobs, Knobs further)
    {
        var nodes = knobs.From("nodes", 1, 6);
        var dataCenters = Math.Min(nodes, knobs.From("data centres", 1, 5));
        var servers = knobs.Switch("MySQL servers", 700) ? knobs.From("servers", 1, 5) : 0;
        var nodePlaces = Spread("n", nodes, dataCenters, knobs);
        var serverPlaces = Spread("db", servers, dataCenters, knobs);
        return new FleetSpec(nodePlaces, serverPlaces, servers == 0 ? null : "db1")
        {
            // With one server nobody could acknowledge a semi-synchronous commit.
            Below = servers >= 3 && further.Switch("replicas below replicas", 250) ? Below(servers, further) : ImmutableSortedDictionary<string, string>.Empty,
            Durability = servers >= 2 && knobs.Switch("semi-synchronous", 850) ? "semi_sync" : "none",
        };
    }

    /// <summary>What came later, drawn when all the rest is.</summary>
    public static FleetSpec Widen(FleetSpec fleet, Knobs later)
    {
        var servers = fleet.Servers.Values.Sum(s => s.Length);
        if (servers == 0) return fleet;
        var crossesPlaces = fleet.Servers.Count > 1 && fleet.IsSemiSync && later.Switch("acknowledged in another data centre", 250);
        return fleet with
        {
            Flavor = later.Switch("MariaDB", 350) ? "mariadb" : "mysql",
            Durability = crossesPlaces ? "cross_dc" : fleet.Durability,
            SharesProbing = later.Switch("shared probing", 300),
            ReplacesUnwritable = later.Switch("an unwritable primary is replaced", 300),
            Below = servers >= 2 && later.Switch("co-primaries", 150) ? fleet.Below.SetItem("db1", "db2") : fleet.Below,
        };
    }

    /// <summary>What came last.</summary>
    public static FleetSpec WidenAgain(FleetSpec fleet, Knobs last) =>
        fleet.Servers.Count == 0 ? fleet : fleet with { ReplacesStalled = last.Switch("a primary whose disk stands still is replaced", 500) };

    /// <summary>db3 and those after it may stand below one that comes before them; db2 always stands below the primary.</summary>
    private static ImmutableSortedDictionary<string, string> Below(int servers, Knobs further)
    {
        var below = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        for (var i = 3; i <= servers; i++)
        {
            if (i == 3 || further.Dice.Chance(500)) below[$"db{i}"] = $"db{2 + further.Dice.Next(i - 2)}";
        }

        return below.ToImmutable();
    }

    /// <summary>Each data centre has one of the first, in turn; the others stand anywhere.</summary>
    private static ImmutableSortedDictionary<string, ImmutableArray<string>> Spread(string prefix, int count, int dataCenters, Knobs knobs)
    {
        var places = new SortedDictionary<string, List<string>>(StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            var place = Places[i < dataCenters ? i : knobs.Dice.Next(dataCenters)];
            if (!places.TryGetValue(place, out var names)) places[place] = names = [];
            names.Add(string.Create(CultureInfo.InvariantCulture, $"{prefix}{i + 1}"));
        }

        return places.ToImmutableSortedDictionary(p => p.Key, p => p.Value.ToImmutableArray(), StringComparer.Ordinal);
    }
}
