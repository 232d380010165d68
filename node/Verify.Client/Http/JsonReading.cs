using System.Text.Json;

namespace Verify.Client.Http;

/// <summary>Reads fields that an older or newer node may lack.</summary>
internal static class JsonReading
{
    public static string Text(this JsonElement at, string name) =>
        Field(at, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() ?? "" : "";

    public static long? Number(this JsonElement at, string name) =>
        Field(at, name) is { ValueKind: JsonValueKind.Number } number ? number.TryGetInt64(out var whole) ? whole : (long)number.GetDouble() : null;

    public static double? Real(this JsonElement at, string name) =>
        Field(at, name) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;

    public static bool? Flag(this JsonElement at, string name) => Field(at, name) switch
    {
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => null,
    };

    public static IReadOnlyList<JsonElement> Items(this JsonElement at, string name) =>
        Field(at, name) is { ValueKind: JsonValueKind.Array } array ? [.. array.EnumerateArray()] : [];

    public static JsonElement? Field(this JsonElement at, string name) =>
        at.ValueKind == JsonValueKind.Object && at.TryGetProperty(name, out var field) ? field : null;
}
