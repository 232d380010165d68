using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Verify.Checks;

/// <summary>A line of a history or event file that cannot be read. The message names the line and what is wrong with it.</summary>
public sealed class RunFileException(string file, int line, string what) : Exception($"{file}, line {line}: {what}")
{
    public int Line { get; } = line;
}

/// <summary>Files with one JSON object per line (NDJSON): a run that was cut short is readable up to its last whole line, and a line
/// can be found with grep.</summary>
internal static class NdjsonFile
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Line(TextWriter to, Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        to.Write(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
        to.Write('\n');
    }

    public static IEnumerable<T> Read<T>(TextReader from, string file, Func<JsonElement, T> read)
    {
        for (var line = 1; from.ReadLine() is { } text; line++)
        {
            if (text.Length > 0)
            {
                yield return Parsed(text, file, line, read);
            }
        }
    }

    public static string? TextOrNull(JsonElement of, string name) => of.TryGetProperty(name, out var value) ? value.GetString() : null;

    public static string Text(JsonElement of, string name) =>
        TextOrNull(of, name) ?? throw new FormatException($"'{name}' is missing");

    public static long Number(JsonElement of, string name) =>
        of.TryGetProperty(name, out var value) ? value.GetInt64() : throw new FormatException($"'{name}' is missing");

    /// <summary>Enum members are written as they are, in camel case.</summary>
    public static string Word<T>(T member)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(member.ToString());

    public static T Member<T>(JsonElement of, string name)
        where T : struct, Enum
    {
        var word = Text(of, name);
        var members = Enum.GetValues<T>();
        var at = Array.FindIndex(members, m => string.Equals(Word(m), word, StringComparison.Ordinal));
        return at >= 0
            ? members[at]
            : throw new FormatException($"'{word}' is not a value of '{name}'; allowed are {string.Join(", ", members.Select(Word))}");
    }

    public static void RefuseOthers(JsonElement of, params ReadOnlySpan<string> allowed)
    {
        foreach (var property in of.EnumerateObject())
        {
            if (!allowed.Contains(property.Name))
            {
                throw new FormatException($"'{property.Name}' is not known here");
            }
        }
    }

    private static T Parsed<T>(string text, string file, int line, Func<JsonElement, T> read)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return read(json.RootElement);
        }
        catch (Exception wrong) when (wrong is JsonException or FormatException or InvalidOperationException or OverflowException or ArgumentException)
        {
            throw new RunFileException(file, line, wrong.Message);
        }
    }
}
