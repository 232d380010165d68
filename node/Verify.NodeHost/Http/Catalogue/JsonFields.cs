using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Http.Catalogue;

/// <summary>A JSON object whose names are read as Konsul and as Consul write them: DeregisterCriticalServiceAfter is
/// deregister_critical_service_after. The first wrong value is remembered, and so is every name that nobody asked for.</summary>
internal sealed class JsonFields
{
    public const int BytesMax = 256 * 1024;
    private readonly SortedDictionary<string, JsonElement> _fields = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _unread = new(StringComparer.Ordinal);
    private readonly string _place;

    public JsonFields(JsonElement root, string place = "")
    {
        _place = place;
        foreach (var property in root.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Null) continue;
            _fields[Plain(property.Name)] = property.Value;
            _unread[Plain(property.Name)] = property.Name;
        }
    }

    /// <summary>The first thing that is wrong, with its place; null: nothing.</summary>
    public string? Problem { get; private set; }

    public static async Task<(JsonElement? Root, string? Problem)> ReadAsync(HttpRequest request, int bytesMax = BytesMax)
    {
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await request.Body.ReadAsync(buffer, request.HttpContext.RequestAborted)) > 0)
        {
            body.Write(buffer, 0, read);
            if (body.Length > bytesMax) return (null, $"the body is too large: at most {bytesMax} bytes");
        }

        try
        {
            using var document = JsonDocument.Parse(body.GetBuffer().AsMemory(0, (int)body.Length));
            JsonTexts.Check(document.RootElement);
            return (document.RootElement.Clone(), null);
        }
        catch (JsonException e)
        {
            return (null, $"the body is not JSON: {e.Message}");
        }
    }

    /// <summary>The body as an object.</summary>
    public static async Task<(JsonFields? Fields, string? Problem)> ReadObjectAsync(HttpRequest request) => await ReadAsync(request) switch
    {
        ({ ValueKind: JsonValueKind.Object } root, _) => (new(root), null),
        (null, var problem) => (null, problem),
        _ => (null, "the body must be a JSON object"),
    };

    public bool Has(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (_fields.ContainsKey(name)) return true;
        return false;
    }

    public string Text(string name, string otherwise = "")
    {
        if (Take(name) is not { } value) return otherwise;
        if (value.ValueKind == JsonValueKind.String) return value.GetString() ?? "";
        return Wrong(name, "a text", otherwise);
    }

    public long Whole(string name, long otherwise)
    {
        if (Take(name) is not { } value) return otherwise;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)) return number;
        return value.ValueKind == JsonValueKind.String && long.TryParse(value.GetString(), out number) ? number : Wrong(name, "a whole number", otherwise);
    }

    public bool Flag(string name)
    {
        if (Take(name) is not { } value) return false;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : Wrong(name, "true or false", false);
    }

    /// <summary>"10s", or a number of nanoseconds (both projects' clients send Go's durations); in milliseconds.</summary>
    public long Milliseconds(string name, long otherwise)
    {
        if (Take(name) is not { } value) return otherwise;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var nanoseconds) && nanoseconds >= 0) return (nanoseconds + 999_999) / 1_000_000;
        if (value.ValueKind == JsonValueKind.String && value.GetString() is { } text && (text.Length == 0 || GoDuration.TryParse(text, out _)))
            return text.Length == 0 ? otherwise : GoDuration.TryParse(text, out var time) ? (long)Math.Ceiling(time.TotalMilliseconds) : otherwise;
        return Wrong(name, "a time like \"10s\"", otherwise);
    }

    public ImmutableArray<string> Texts(string name)
    {
        if (Take(name) is not { } value) return [];
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(static item => item.ValueKind != JsonValueKind.String))
            return Wrong(name, "a list of texts", ImmutableArray<string>.Empty);
        return [.. value.EnumerateArray().Select(static item => item.GetString()!)];
    }

    /// <param name="takesLists">A list of texts is joined with ", " (Consul's headers).</param>
    public ImmutableSortedDictionary<string, string> Map(string name, bool takesLists = false)
    {
        var empty = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);
        if (Take(name) is not { } value) return empty;
        if (value.ValueKind != JsonValueKind.Object) return Wrong(name, "an object of texts", empty);
        var map = empty.ToBuilder();
        foreach (var property in value.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.String) map[property.Name] = property.Value.GetString()!;
            else if (takesLists && property.Value.ValueKind == JsonValueKind.Array && property.Value.EnumerateArray().All(static i => i.ValueKind == JsonValueKind.String))
                map[property.Name] = string.Join(", ", property.Value.EnumerateArray().Select(static i => i.GetString()));
            else return Wrong(name, "an object of texts", empty);
        }

        return map.ToImmutable();
    }

    public JsonFields? Object(string name)
    {
        if (Take(name) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Object ? new(value, $"{_place}{name}.") : Wrong<JsonFields?>(name, "an object", null);
    }

    public IReadOnlyList<JsonFields> Objects(string name)
    {
        if (Take(name) is not { } value) return [];
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(static item => item.ValueKind != JsonValueKind.Object))
            return Wrong<IReadOnlyList<JsonFields>>(name, "a list of objects", []);
        return [.. value.EnumerateArray().Select((item, i) => new JsonFields(item, $"{_place}{name}[{i}]."))];
    }

    /// <summary>Known, and of no effect here.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (var name in names) _unread.Remove(name);
    }

    /// <summary>Known to the other project and not built here: refused, unless it says nothing.</summary>
    public void Refuse(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (Take(name) is not { } value) continue;
            var saysNothing = value.ValueKind switch
            {
                JsonValueKind.String => value.GetString()!.Length == 0,
                JsonValueKind.False => true,
                JsonValueKind.Array => value.GetArrayLength() == 0,
                JsonValueKind.Object => !value.EnumerateObject().Any(),
                JsonValueKind.Number => value.TryGetInt64(out var number) && number == 0,
                _ => false,
            };
            if (!saysNothing) Problem ??= $"{_place}{name} is not built here";
        }
    }

    /// <summary>To be called when everything has been asked for.</summary>
    public string? End(params IEnumerable<JsonFields> inner)
    {
        foreach (var part in inner) Problem ??= part.End();
        if (_unread.Count > 0) Problem ??= $"{_place}{_unread.Values.First()} is not known here";
        return Problem;
    }

    private JsonElement? Take(string name)
    {
        _unread.Remove(name);
        return _fields.TryGetValue(name, out var value) ? value : null;
    }

    private T Wrong<T>(string name, string expected, T otherwise)
    {
        Problem ??= $"{_place}{name} must be {expected}";
        return otherwise;
    }

    private static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();
}
