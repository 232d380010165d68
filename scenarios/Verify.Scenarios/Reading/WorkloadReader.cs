using System.Collections.Immutable;
using YamlDotNet.RepresentationModel;

namespace Verify.Scenarios.Reading;

/// <summary>Reads "workload": what the clients do.</summary>
internal static class WorkloadReader
{
    public static readonly string[] Words = ["kvPut", "kvGet", "kvCas", "kvDelete", "sqlInsert"];

    public static WorkloadSpec? Read(YamlNode? node, FleetSpec? fleet, ErrorList errors)
    {
        if (node is null || MapReader.Of(node, "workload", errors, "clients", "for", "keys", "pause", "mix") is not { } map)
        {
            return null;
        }

        var length = map.Duration("for");
        if (length == TimeSpan.Zero)
        {
            errors.Add(map.Find("for")!.Start, "a workload of no length does nothing: write how long the clients work");
        }

        return new WorkloadSpec(
            map.Count("clients", min: 1, max: 1_000) ?? 1,
            length ?? TimeSpan.MaxValue,
            map.Count("keys", min: 1, max: 100_000, isRequired: false) ?? 10,
            map.Duration("pause", isRequired: false) ?? TimeSpan.FromMilliseconds(50),
            Mix(map.Require("mix"), fleet, errors));
    }

    private static ImmutableSortedDictionary<string, int> Mix(YamlNode? node, FleetSpec? fleet, ErrorList errors)
    {
        var mix = ImmutableSortedDictionary.CreateBuilder<string, int>(StringComparer.Ordinal);
        if (node is null || MapReader.Of(node, "mix", errors, Words) is not { } map)
        {
            return mix.ToImmutable();
        }

        foreach (var word in Words)
        {
            if (map.Count(word, min: 0, max: 1_000, isRequired: false) is { } weight)
            {
                mix[word] = weight;
            }
        }

        if (mix.Values.Sum() == 0)
        {
            errors.Add(node.Start, $"the mix is empty: give at least one of {string.Join(", ", Words)} a weight above 0");
        }

        if (mix.GetValueOrDefault("sqlInsert") > 0 && fleet is { Servers.Count: 0 })
        {
            errors.Add(map.Find("sqlInsert")!.Start, "'sqlInsert' needs a MySQL server in the fleet (key 'mysql')");
        }

        return mix.ToImmutable();
    }
}
