using System.Collections.Immutable;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Verify.Scenarios.Reading;

/// <summary>Reads "expect": what must hold. Also refuses what the workload could never show, because it would always be "unknown".</summary>
internal sealed class ExpectationReader(FleetSpec? fleet, WorkloadSpec? workload, ErrorList errors)
{
    /// <summary>Every word, with an example of how it is written.</summary>
    private static readonly (string Word, string Example)[] Words =
    [
        ("singleLeader", "singleLeader"), ("sameLog", "sameLog"), ("linearizable", "linearizable: kv"), ("singlePrimary", "singlePrimary: { window: 0s }"),
        ("noLostWrites", "noLostWrites"), ("fencedWithin", "fencedWithin: 3s"), ("convergesWithin", "convergesWithin: 20s"),
        ("electionWithin", "electionWithin: 2s"), ("writeP99Within", "writeP99Within: 200ms"), ("rtoWithin", "rtoWithin: 10s"),
        ("unhealthyWithin", "unhealthyWithin: 2s"), ("primaryNamedWithin", "primaryNamedWithin: 2s"), ("throttleWithin", "throttleWithin: 1100ms"),
    ];

    public ImmutableArray<Expectation> Read(YamlNode? node)
    {
        if (node is null || MapReader.ListOf(node, "expect", errors) is not { } list)
        {
            return [];
        }

        if (list.Count == 0)
        {
            errors.Add(node.Start, "a scenario without expectations proves nothing: write at least one");
        }

        var seen = new SortedSet<string>(StringComparer.Ordinal);
        var expectations = ImmutableArray.CreateBuilder<Expectation>();
        foreach (var entry in list)
        {
            if (One(entry) is { } expectation)
            {
                if (!seen.Add(expectation.Word))
                {
                    errors.Add(entry.Start, $"'{expectation.Word}' is expected twice");
                }

                CheckCanBeShown(expectation.Word, entry.Start);
                expectations.Add(expectation);
            }
        }

        return expectations.ToImmutable();
    }

    private Expectation? One(YamlNode entry)
    {
        var (word, value, at) = entry switch
        {
            YamlScalarNode scalar => (scalar.Value ?? "", (YamlNode?)null, scalar.Start),
            YamlMappingNode { Children.Count: 1 } map => (
                (map.Children[0].Key as YamlScalarNode)?.Value ?? "", map.Children[0].Value, map.Start),
            _ => ("", null, entry.Start),
        };
        var example = Array.Find(Words, w => string.Equals(w.Word, word, StringComparison.Ordinal)).Example;
        if (example is null)
        {
            errors.Add(at, word.Length == 0
                ? $"an expectation is one word, some with a value, as in '- fencedWithin: 3s'; words are {string.Join(", ", Words.Select(w => w.Word))}"
                : $"'{word}' is not an expectation; allowed are {string.Join(", ", Words.Select(w => w.Word))}"
                    + $"{ErrorList.Guess(word, Words.Select(w => w.Word))}");
            return null;
        }

        return word switch
        {
            "singleLeader" => Bare(new Expectation.SingleLeader(), value, example),
            "sameLog" => Bare(new Expectation.SameLog(), value, example),
            "noLostWrites" => Bare(new Expectation.NoLostWrites(), value, example),
            "linearizable" => Linearizable(value, at),
            "singlePrimary" => SinglePrimary(value, at, example),
            _ => Bounded(word, value, at, example),
        };
    }

    private Expectation Bare(Expectation expectation, YamlNode? value, string example)
    {
        if (value is not null)
        {
            errors.Add(value.Start, $"'{expectation.Word}' takes no value; write '- {example}'");
        }

        return expectation;
    }

    private Expectation.Linearizable Linearizable(YamlNode? value, Mark at)
    {
        if (value is not YamlScalarNode { Value: "kv" })
        {
            errors.Add(value?.Start ?? at, "only the KV store can be checked for linearizability; write '- linearizable: kv'");
        }

        return new Expectation.Linearizable();
    }

    private Expectation.SinglePrimary? SinglePrimary(YamlNode? value, Mark at, string example)
    {
        if (value is null)
        {
            errors.Add(at, $"'singlePrimary' needs a window; write '- {example}'");
            return null;
        }

        return MapReader.Of(value, "singlePrimary", errors, "window")?.Duration("window") is { } window ? new Expectation.SinglePrimary(window) : null;
    }

    private Expectation? Bounded(string word, YamlNode? value, Mark at, string example)
    {
        if (value is not YamlScalarNode { Value: { } text })
        {
            errors.Add(value?.Start ?? at, $"'{word}' needs a duration; write '- {example}'");
            return null;
        }

        if (!DurationText.TryParse(text, out var bound))
        {
            errors.Add(value.Start, $"'{text}' is not a duration for '{word}': write {DurationText.Form}");
            return null;
        }

        return word switch
        {
            "fencedWithin" => new Expectation.FencedWithin(bound),
            "convergesWithin" => new Expectation.ConvergesWithin(bound),
            "electionWithin" => new Expectation.ElectionWithin(bound),
            "writeP99Within" => new Expectation.WriteP99Within(bound),
            "unhealthyWithin" => new Expectation.UnhealthyWithin(bound),
            "primaryNamedWithin" => new Expectation.PrimaryNamedWithin(bound),
            "throttleWithin" => new Expectation.ThrottleWithin(bound),
            _ => new Expectation.RtoWithin(bound),
        };
    }

    private void CheckCanBeShown(string word, Mark at)
    {
        if (fleet is { Servers.Count: 0 } && word is "singlePrimary" or "noLostWrites" or "fencedWithin" or "rtoWithin" or "primaryNamedWithin" or "throttleWithin")
        {
            errors.Add(at, $"'{word}' needs a MySQL server in the fleet (key 'mysql')");
        }

        string[] shownBy = word switch
        {
            "noLostWrites" or "rtoWithin" => ["sqlInsert"],
            "linearizable" => ["kvGet", "kvCas"],
            "writeP99Within" => ["kvPut", "kvCas", "kvDelete"],
            _ => [],
        };
        if (workload is { } work && shownBy.Length > 0 && shownBy.All(op => work.Mix.GetValueOrDefault(op) == 0))
        {
            errors.Add(at, $"'{word}' can only be shown with {string.Join(" or ", shownBy)} in the workload's mix");
        }
    }
}
