using System.Collections.Immutable;
using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace Verify.Scenarios.Reading;

/// <summary>Reads "fleet": which node and which server stands where.</summary>
internal static partial class FleetReader
{
    private const int CountMax = 99;
    private static readonly string[] Durabilities = ["semi_sync", "cross_dc", "none"];
    private static readonly string[] Flavors = ["mysql", "mariadb"];
    private static readonly string[] Probings = ["all", "shared"];
    private static readonly string[] LeftOrReplaced = ["left", "replaced"];

    public static FleetSpec? Read(YamlNode? node, ErrorList errors)
    {
        if (node is null || MapReader.Of(node, "fleet", errors, "nodes", "mysql", "primary", "below", "flavor", "probing", "unwritable", "stalledDisk", "durability") is not { } map)
        {
            return null;
        }

        var taken = new SortedSet<string>(StringComparer.Ordinal);
        var nodes = Places(map.Require("nodes"), "nodes", prefix: "n", taken, errors);
        var servers = Places(map.Find("mysql"), "mysql", prefix: "db", taken, errors);
        if (map.Find("nodes") is { } written && nodes.Values.Sum(n => n.Length) == 0)
        {
            errors.Add(written.Start, "the fleet needs at least one node");
        }

        var primary = Primary(map, servers);
        var fleet = new FleetSpec(nodes, servers, primary) 
        {
            Below = Below(map, servers, primary),
            Flavor = OneOf(map, "flavor", Flavors),
            SharesProbing = OneOf(map, "probing", Probings) == "shared",
            ReplacesUnwritable = OneOf(map, "unwritable", LeftOrReplaced) == "replaced",
            ReplacesStalled = OneOf(map, "stalledDisk", LeftOrReplaced) == "replaced",
        };
        foreach (var name in fleet.DataCenters.Where(taken.Contains))
        {
            errors.Add(map.Start, $"'{name}' is the name of a data centre and of a node or server in it; names must tell them apart");
        }

        return map.Find("durability") is null ? fleet : fleet with { Durability = OneOf(map, "durability", Durabilities) };
    }

    /// <summary>The first of these when the key is left out, or its value is none of them (then an error says so).</summary>
    private static string OneOf(MapReader map, string key, string[] allowed)
    {
        if (map.Text(key, isRequired: false) is not { } value) return allowed[0];
        if (allowed.Contains(value, StringComparer.Ordinal)) return value;
        map.Errors.Add(map.Find(key)!.Start, $"'{value}' is not a {key}; allowed are {string.Join(", ", allowed)}");
        return allowed[0];
    }

    private static string? Primary(MapReader map, ImmutableSortedDictionary<string, ImmutableArray<string>> servers)
    {
        var names = servers.Values.SelectMany(s => s).ToArray();
        var primary = map.Text("primary", isRequired: names.Length > 0);
        if (primary is not null && !names.Contains(primary, StringComparer.Ordinal))
        {
            map.Errors.Add(map.Find("primary")!.Start, names.Length == 0
                ? $"the primary '{primary}' is not in the fleet: there are no MySQL servers (key 'mysql')"
                : $"the primary '{primary}' is not in the fleet; its servers are {string.Join(", ", names)}");
        }

        return primary;
    }

    /// <summary>"below: { db3: db2 }": db3 replicates from db2. Every chain ends at the primary, which may stand below one of those directly below it.</summary>
    private static ImmutableSortedDictionary<string, string> Below(
        MapReader map, ImmutableSortedDictionary<string, ImmutableArray<string>> servers, string? primary)
    {
        var below = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        if (map.Find("below") is not { } node || MapReader.Of(node, "'below'", map.Errors, allowed: null) is not { } written) return below.ToImmutable();
        var names = servers.Values.SelectMany(s => s).ToArray();
        YamlNode? first = null;
        foreach (var (replica, at, value) in written.Entries)
        {
            if (MapReader.ScalarOf(value, "below", map.Errors) is not { } source) continue;
            foreach (var (name, place) in new[] { (replica, at), (source, value) }.Where(n => !names.Contains(n.Item1, StringComparer.Ordinal)))
                map.Errors.Add(place.Start, $"there is no server '{name}' in the fleet; there are {string.Join(", ", names)}");
            below[replica] = source;
            if (replica == primary) first = at;
        }

        if (first is { } co && (below[primary!] == primary || below.GetValueOrDefault(below[primary!], primary!) != primary))
            map.Errors.Add(co.Start, $"'{primary}' is the primary: it may replicate from a server that replicates from it, as one of two co-primaries");
        foreach (var replica in below.Keys.Where(r => r != primary && IsInACircle(r, primary, below))) map.Errors.Add(node.Start, $"'{replica}' replicates from itself in the end: every chain must end at the primary");
        return below.ToImmutable();
    }

    private static bool IsInACircle(string replica, string? primary, ImmutableSortedDictionary<string, string>.Builder below)
    {
        var at = replica;
        for (var hops = 0; hops <= below.Count; hops++)
        {
            if (at == primary || !below.TryGetValue(at, out var source)) return false;
            at = source;
        }

        return true;
    }

    /// <summary>Each data centre with a number ("east: 2") or with names ("east: [n1, n2]"). Numbers give names in the order of writing.</summary>
    private static ImmutableSortedDictionary<string, ImmutableArray<string>> Places(
        YamlNode? node, string what, string prefix, SortedSet<string> taken, ErrorList errors)
    {
        var places = ImmutableSortedDictionary.CreateBuilder<string, ImmutableArray<string>>(StringComparer.Ordinal);
        if (node is null || MapReader.Of(node, $"'{what}'", errors, allowed: null) is not { } map)
        {
            return places.ToImmutable();
        }

        var counter = 0;
        foreach (var (dataCenter, keyNode, value) in map.Entries)
        {
            CheckName(dataCenter, keyNode, "a data centre", errors);
            var names = value is YamlSequenceNode list
                ? list.Children.Select(n => MapReader.ScalarOf(n, what, errors)).OfType<string>().ToArray()
                : Counted(value, what, prefix, ref counter, errors);
            for (var i = 0; i < names.Length; i++)
            {
                var at = value is YamlSequenceNode sequence ? sequence.Children[Math.Min(i, sequence.Children.Count - 1)] : value;
                CheckName(names[i], at, what is "mysql" ? "a server" : "a node", errors);
                if (!taken.Add(names[i]))
                {
                    errors.Add(at.Start, $"the name '{names[i]}' is taken already; every node and server has a name of its own");
                }
            }

            if (names.Length > 0)
            {
                places[dataCenter] = [.. names];
            }
        }

        return places.ToImmutable();
    }

    private static string[] Counted(YamlNode value, string what, string prefix, ref int counter, ErrorList errors)
    {
        var first = counter + 1;
        if (value is YamlMappingNode)
        {
            errors.Add(value.Start, $"write how many {what} there are, or their names as a list");
            return [];
        }

        var count = MapReader.ScalarOf(value, what, errors) is { } text ? MapReader.CountOf(value, text, what, 0, CountMax, errors) ?? 0 : 0;
        counter += count;
        return Enumerable.Range(first, count).Select(i => $"{prefix}{i}").ToArray();
    }

    private static void CheckName(string name, YamlNode at, string what, ErrorList errors)
    {
        if (!Name().IsMatch(name) || TargetText.Reserved.Contains(name, StringComparer.Ordinal))
        {
            errors.Add(at.Start, $"'{name}' cannot be the name of {what}: write letters, digits and '-', a letter first, and no word of the language "
                + $"({string.Join(", ", TargetText.Reserved)})");
        }
    }

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9-]{0,30}\z", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Name();
}
