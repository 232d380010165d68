using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Verify.Scenarios.Reading;

/// <summary>Reads one mapping of the file: says which keys are not known, which are missing, and which values have the wrong form.</summary>
internal sealed class MapReader
{
    private readonly SortedDictionary<string, YamlNode> _values = new(StringComparer.Ordinal);
    private readonly string _what;

    private MapReader(YamlNode node, string what, ErrorList errors)
    {
        (Start, _what, Errors) = (node.Start, what, errors);
    }

    public Mark Start { get; }
    public ErrorList Errors { get; }

    /// <summary>Every key of the map; for maps whose keys are names.</summary>
    public IReadOnlyList<(string Key, YamlNode KeyNode, YamlNode Value)> Entries { get; private set; } = [];

    /// <param name="allowed">Null: any key.</param>
    public static MapReader? Of(YamlNode node, string what, ErrorList errors, params string[]? allowed)
    {
        if (node is not YamlMappingNode map)
        {
            errors.Add(node.Start, $"{what} must be a map{(allowed is null ? "" : $" with {string.Join(", ", allowed)}")}, not {KindOf(node)}");
            return null;
        }

        var reader = new MapReader(node, what, errors);
        var entries = new List<(string, YamlNode, YamlNode)>();
        foreach (var (key, value) in map.Children)
        {
            var name = (key as YamlScalarNode)?.Value ?? "";
            entries.Add((name, key, value));
            if (allowed is null || allowed.Contains(name, StringComparer.Ordinal))
            {
                reader._values[name] = value;
            }
            else
            {
                errors.Add(key.Start, $"'{name}' is not known in {what}; allowed are {string.Join(", ", allowed)}{ErrorList.Guess(name, allowed)}");
            }
        }

        reader.Entries = entries;
        return reader;
    }

    public YamlNode? Find(string key) => _values.GetValueOrDefault(key);

    public YamlNode? Require(string key)
    {
        if (_values.TryGetValue(key, out var node))
        {
            return node;
        }

        Errors.Add(Start, $"'{key}' is missing in {_what}");
        return null;
    }

    public string? Text(string key, bool isRequired = true)
    {
        var node = isRequired ? Require(key) : Find(key);
        return node is null ? null : ScalarOf(node, key, Errors);
    }

    public TimeSpan? Duration(string key, bool isRequired = true, bool mayBeNegative = false)
    {
        if (Text(key, isRequired) is not { } text)
        {
            return null;
        }

        if (DurationText.TryParse(text, out var duration, mayBeNegative))
        {
            return duration;
        }

        Errors.Add(_values[key].Start, $"'{text}' is not a duration for '{key}': write {DurationText.Form}");
        return null;
    }

    public int? Count(string key, int min, int max, bool isRequired = true) =>
        Text(key, isRequired) is { } text ? CountOf(_values[key], text, key, min, max, Errors) : null;

    public double? Factor(string key, double min, double max)
    {
        if (Text(key, isRequired: false) is not { } text)
        {
            return null;
        }

        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max)
        {
            return value;
        }

        Errors.Add(_values[key].Start, $"'{text}' is not allowed for '{key}': write a number from {min} to {max}");
        return null;
    }

    public static int? CountOf(YamlNode node, string text, string what, int min, int max, ErrorList errors)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max)
        {
            return value;
        }

        errors.Add(node.Start, $"'{text}' is not allowed for '{what}': write a whole number from {min} to {max}");
        return null;
    }

    public static string? ScalarOf(YamlNode node, string what, ErrorList errors)
    {
        if (node is YamlScalarNode { Value.Length: > 0 } scalar)
        {
            return scalar.Value;
        }

        errors.Add(node.Start, $"'{what}' must be a value, not {KindOf(node)}");
        return null;
    }

    public static IReadOnlyList<YamlNode>? ListOf(YamlNode node, string what, ErrorList errors)
    {
        if (node is YamlSequenceNode list)
        {
            return [.. list.Children];
        }

        errors.Add(node.Start, $"'{what}' must be a list, not {KindOf(node)}");
        return null;
    }

    private static string KindOf(YamlNode node) => node switch
    {
        YamlMappingNode => "a map",
        YamlSequenceNode => "a list",
        YamlScalarNode { Value.Length: > 0 } => "a single value",
        _ => "nothing",
    };
}
