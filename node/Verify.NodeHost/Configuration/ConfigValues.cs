using System.Globalization;
using System.Text.Json;
using Verify.Node.Seam;

namespace Verify.NodeHost.Configuration;

/// <summary>One key as config check shows it.</summary>
/// <param name="Value">As it is in force; *** for a secret that is set.</param>
/// <param name="Allowed">Range or form, with the unit.</param>
/// <param name="Source">file:line:column, "environment NAME", or "default".</param>
internal sealed record ConfigLine(string Key, string Value, string Default, string Allowed, string Source, string Meaning);

/// <summary>Typed access to the settings. Every wrong value becomes a problem with its place; reading goes on, so that a person sees
/// all of them at once. Every key that is asked for is noted with its default, range and source: that is config check.</summary>
internal sealed class ConfigValues
{
    private readonly string _path;
    private readonly Func<string, string?> _environment;
    private readonly SortedDictionary<string, ConfigEntry> _byKey = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, ConfigLine> _lines = new(StringComparer.Ordinal);

    public ConfigValues(string path, IReadOnlyList<ConfigEntry> file, Func<string, string?> environment)
    {
        (_path, _environment) = (path, environment);
        foreach (var entry in file)
        {
            if (_byKey.TryAdd(entry.Key, entry)) continue;
            Problems.Add($"{entry.Place}: {entry.Key} stands here a second time (first at {_byKey[entry.Key].Place})");
        }
    }

    public List<string> Problems { get; } = [];

    /// <summary>Every key asked for so far, by name.</summary>
    public IEnumerable<ConfigLine> Lines => _lines.Values;
    public IEnumerable<ConfigEntry> Unused => _byKey.Values.Where(e => e.Place is ConfigPlace.InFile && !_lines.ContainsKey(e.Key));

    /// <summary>What the environment says takes the file's place.</summary>
    public void Override(ConfigEntry entry) => _byKey[entry.Key] = entry;

    public bool Has(string key) => _byKey.ContainsKey(key);

    public string Text(string key, string otherwise, string allowed = "text")
    {
        var value = TextOf(Find(key), "a text between double quotes") ?? otherwise;
        Note(key, value, otherwise, allowed);
        return value;
    }

    /// <summary>A text that is shown to nobody.</summary>
    public string Secret(string key)
    {
        var value = TextOf(Find(key), "a text between double quotes") ?? "";
        Note(key, value.Length > 0 ? "***" : "", "", "text, secret; \"${NAME}\" takes it from the environment");
        return value;
    }

    public string Choice(string key, string otherwise, params string[] choices)
    {
        var value = Text(key, otherwise, string.Join(" | ", choices.Select(c => c.Length == 0 ? "\"\"" : c)));
        if (choices.Contains(value, StringComparer.OrdinalIgnoreCase)) return value.ToLowerInvariant();
        Problem(key, $"one of {string.Join(", ", choices.Select(c => $"\"{c}\""))}");
        return otherwise;
    }

    public bool Bool(string key, bool otherwise)
    {
        var value = otherwise;
        if (Find(key) is { } entry)
        {
            if (entry.Value.ValueKind is JsonValueKind.True or JsonValueKind.False) value = entry.Value.GetBoolean();
            else if (entry.Place is ConfigPlace.InEnvironment && Truth(entry.Value.GetString()!) is { } truth) value = truth;
            else Problem(entry, "true or false");
        }

        Note(key, value ? "true" : "false", otherwise ? "true" : "false", "true | false");
        return value;
    }

    public int Int(string key, int otherwise, int min, int max)
    {
        var value = otherwise;
        if (Find(key) is { } entry)
        {
            if (NumberOf(key, entry) is { } number && number >= min && number <= max) value = number;
            else Problem(entry, $"a whole number from {min} to {max}{(UnitOf(key) is { } unit && entry.Place is ConfigPlace.InEnvironment ? $" ({unit}), or a time like 500ms" : "")}");
        }

        Note(key, value.ToString(CultureInfo.InvariantCulture), otherwise.ToString(CultureInfo.InvariantCulture), $"{min}..{max}{(UnitOf(key) is { } of ? " " + of : "")}");
        return value;
    }

    /// <param name="isSecret">config check shows only how many there are.</param>
    public IReadOnlyList<string> Texts(string key, string otherwise = "", bool isSecret = false)
    {
        IReadOnlyList<string> values = otherwise.Length > 0 ? [otherwise] : [];
        if (Find(key) is { } entry)
        {
            if (JsonOf(entry, '[') is not { ValueKind: JsonValueKind.Array } list)
            {
                if (entry.Place is ConfigPlace.InEnvironment) values = entry.Value.GetString()!.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
                else Problem(entry, "a list of texts: [\"…\", …]");
            }
            else if (list.EnumerateArray().Any(e => e.ValueKind != JsonValueKind.String))
            {
                Problem(entry, "a list of texts: [\"…\", …]");
            }
            else
            {
                values = [.. list.EnumerateArray().Select(e => Expand(entry, e.GetString()!))];
            }
        }

        Note(key, isSecret ? string.Join(", ", values.Select(_ => "***")) : string.Join(", ", values), otherwise, "list of texts");
        return values;
    }

    /// <summary>An object whose values are texts.</summary>
    public IReadOnlyDictionary<string, string> Map(string key)
    {
        var map = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (Find(key) is { } entry)
        {
            if (JsonOf(entry, '{') is { ValueKind: JsonValueKind.Object } value && value.EnumerateObject().All(p => p.Value.ValueKind == JsonValueKind.String))
            {
                foreach (var property in value.EnumerateObject()) map[property.Name] = Expand(entry, property.Value.GetString()!);
            }
            else
            {
                Problem(entry, "an object of texts: { \"…\": \"…\" }");
            }
        }

        Note(key, string.Join(", ", map.Select(p => $"{p.Key}={p.Value}")), "", "object of texts");
        return map;
    }

    /// <summary>A value with a form of its own.</summary>
    public JsonElement? Raw(string key, string allowed)
    {
        var entry = Find(key);
        JsonElement? value = entry is null ? null : JsonOf(entry, '{') ?? entry.Value;
        Note(key, value is { } given ? given.GetRawText().ReplaceLineEndings(" ") : "", "", allowed);
        return value;
    }

    public Verify.Node.Seam.Endpoint EndpointOf(string key, string text, int? defaultPort)
    {
        if (Endpoint.TryParse(text, defaultPort, out var endpoint)) return endpoint;
        Problem(key, $"host:port, not '{text}'");
        return new("invalid", 1);
    }

    public void Problem(string key, string expected)
    {
        if (_byKey.TryGetValue(key, out var entry)) Problem(entry, expected);
        else Problems.Add($"{_path}: {key} is missing: {expected}");
    }

    /// <summary>A text inside a setting: "${NAME}" is taken from the environment.</summary>
    public string Expanded(string key, string text) => Find(key) is { } entry ? Expand(entry, text) : text;

    public string PlaceOf(string key) => _byKey.TryGetValue(key, out var entry) ? entry.Place.ToString() : "default";

    private void Problem(ConfigEntry entry, string expected) => Problems.Add($"{entry.Place}: {entry.Key} must be {expected}");

    private ConfigEntry? Find(string key) => _byKey.GetValueOrDefault(key);

    private string? TextOf(ConfigEntry? entry, string expected)
    {
        if (entry is null) return null;
        if (entry.Value.ValueKind == JsonValueKind.String) return Expand(entry, entry.Value.GetString()!);
        Problem(entry, expected);
        return null;
    }

    private string Expand(ConfigEntry entry, string text)
    {
        if (!text.StartsWith("${", StringComparison.Ordinal) || !text.EndsWith('}')) return text;
        var name = text[2..^1];
        if (_environment(name) is { } value) return value;
        Problem(entry, $"set by the environment variable {name}, which is not there");
        return "";
    }

    /// <summary>From the environment a list or an object is written as JSON.</summary>
    private JsonElement? JsonOf(ConfigEntry entry, char opening)
    {
        if (entry.Place is ConfigPlace.InFile) return entry.Value;
        var text = entry.Value.GetString()!.Trim();
        if (!text.StartsWith(opening)) return null;
        try
        {
            using var document = JsonDocument.Parse(text);
            JsonTexts.Check(document.RootElement);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            Problem(entry, $"valid JSON: {e.Message}");
            return null;
        }
    }

    private static int? NumberOf(string key, ConfigEntry entry)
    {
        if (entry.Value.ValueKind == JsonValueKind.Number) return entry.Value.TryGetInt32(out var number) ? number : null;
        if (entry.Place is not ConfigPlace.InEnvironment) return null;
        var text = entry.Value.GetString()!;
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var plain)) return plain;
        if (UnitOf(key) is not { } unit || !GoDuration.TryParse(text, out var span)) return null;
        var value = unit == "s" ? span.TotalSeconds : span.TotalMilliseconds;
        return value <= int.MaxValue ? (int)Math.Ceiling(value) : null;
    }

    private static string? UnitOf(string key) => key.EndsWith("Milliseconds", StringComparison.Ordinal) ? "ms"
        : key.EndsWith("Seconds", StringComparison.Ordinal) ? "s" : key.EndsWith("Bytes", StringComparison.Ordinal) ? "bytes" : null;

    private static bool? Truth(string text) => text.Trim().ToUpperInvariant() switch
    {
        "TRUE" or "1" or "YES" or "ON" => true,
        "FALSE" or "0" or "NO" or "OFF" => false,
        _ => null,
    };

    private void Note(string key, string value, string otherwise, string allowed) =>
        _lines[key] = new(key, value, otherwise, allowed, PlaceOf(key), KeyMeanings.Of(key));
}
