using System.Text.Json;
using Verify.Node.Seam;

namespace Verify.NodeHost.Configuration;

/// <summary>Typed access to the entries of a file. Every wrong value becomes a problem with its place; reading goes on, so that
/// a person sees all of them at once.</summary>
internal sealed class ConfigValues
{
    private readonly string _path;
    private readonly Func<string, string?> _environment;
    private readonly SortedDictionary<string, ConfigEntry> _byKey = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _used = new(StringComparer.Ordinal);

    public ConfigValues(string path, IReadOnlyList<ConfigEntry> entries, Func<string, string?> environment)
    {
        (_path, _environment) = (path, environment);
        foreach (var entry in entries)
        {
            if (_byKey.TryAdd(entry.Key, entry)) continue;
            Problems.Add($"{path}:{entry.Line}:{entry.Column}: {entry.Key} stands here a second time (first at line {_byKey[entry.Key].Line})");
        }
    }

    public List<string> Problems { get; } = [];

    public IEnumerable<ConfigEntry> Unused => _byKey.Values.Where(e => !_used.Contains(e.Key));

    public bool Has(string key) => Take(key) is not null;

    public string Text(string key, string otherwise)
    {
        if (Take(key) is not { } entry) return otherwise;
        if (entry.Value.ValueKind == JsonValueKind.String) return Expand(entry, entry.Value.GetString()!);
        Problem(entry, "a text between double quotes");
        return otherwise;
    }

    public bool Bool(string key, bool otherwise)
    {
        if (Take(key) is not { } entry) return otherwise;
        if (entry.Value.ValueKind is JsonValueKind.True or JsonValueKind.False) return entry.Value.GetBoolean();
        Problem(entry, "true or false");
        return otherwise;
    }

    public int Int(string key, int otherwise, int min, int max)
    {
        if (Take(key) is not { } entry) return otherwise;
        if (entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out var value) && value >= min && value <= max) return value;
        Problem(entry, $"a whole number from {min} to {max}");
        return otherwise;
    }

    public IReadOnlyList<string> Texts(string key)
    {
        if (Take(key) is not { } entry) return [];
        if (entry.Value.ValueKind == JsonValueKind.Array && entry.Value.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String))
        {
            return [.. entry.Value.EnumerateArray().Select(e => Expand(entry, e.GetString()!))];
        }

        Problem(entry, "a list of texts: [\"…\", …]");
        return [];
    }

    /// <summary>An object whose values are texts.</summary>
    public IReadOnlyDictionary<string, string> Map(string key)
    {
        var map = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (Take(key) is not { } entry) return map;
        if (entry.Value.ValueKind == JsonValueKind.Object && entry.Value.EnumerateObject().All(p => p.Value.ValueKind == JsonValueKind.String))
        {
            foreach (var property in entry.Value.EnumerateObject()) map[property.Name] = Expand(entry, property.Value.GetString()!);
        }
        else
        {
            Problem(entry, "an object of texts: { \"…\": \"…\" }");
        }

        return map;
    }

    public JsonElement? Raw(string key) => Take(key)?.Value;

    public Endpoint EndpointOf(string key, string text, int? defaultPort)
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

    private void Problem(ConfigEntry entry, string expected) => Problems.Add($"{_path}:{entry.Line}:{entry.Column}: {entry.Key} must be {expected}");

    private string Expand(ConfigEntry entry, string text)
    {
        if (!text.StartsWith("${", StringComparison.Ordinal) || !text.EndsWith('}')) return text;
        var name = text[2..^1];
        if (_environment(name) is { } value) return value;
        Problem(entry, $"set by the environment variable {name}, which is not there");
        return "";
    }

    private ConfigEntry? Take(string key)
    {
        _used.Add(key);
        return _byKey.GetValueOrDefault(key);
    }
}
