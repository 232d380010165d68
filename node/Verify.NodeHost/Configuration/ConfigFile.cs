using System.Text;
using System.Text.Json;

namespace Verify.NodeHost.Configuration;

/// <summary>Where a setting came from: a place in the file, or an environment variable.</summary>
internal abstract record ConfigPlace
{
    private ConfigPlace() { }

    public sealed record InFile(string Path, int Line, int Column) : ConfigPlace
    {
        public override string ToString() => $"{Path}:{Line}:{Column}";
    }

    public sealed record InEnvironment(string Name) : ConfigPlace
    {
        public override string ToString() => $"environment {Name}";
    }
}

/// <summary>One setting with its value and its place. From the environment the value is always a text.</summary>
internal sealed record ConfigEntry(string Key, JsonElement Value, ConfigPlace Place);

/// <summary>Reads a JSON object of settings and remembers where each key stands. Comments and trailing commas are allowed,
/// as people leave them in such files.</summary>
internal static class ConfigFile
{
    /// <exception cref="ConfigException">The text is no JSON object; says line and column.</exception>
    public static IReadOnlyList<ConfigEntry> Read(string path, ReadOnlySpan<byte> text)
    {
        if (text.StartsWith(Encoding.UTF8.Preamble)) text = text[Encoding.UTF8.Preamble.Length..];
        var entries = new List<ConfigEntry>();
        try
        {
            var reader = new Utf8JsonReader(text, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw new ConfigException([$"{path}:1:1: a JSON object is expected: {{ \"RaftDataDir\": \"…\", … }}"]);
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var (line, column) = PlaceOf(text, (int)reader.TokenStartIndex);
                var key = reader.GetString()!;
                reader.Read();
                using var value = JsonDocument.ParseValue(ref reader);
                JsonTexts.Check(value.RootElement);
                entries.Add(new(key, value.RootElement.Clone(), new ConfigPlace.InFile(path, line, column)));
            }
        }
        catch (JsonException e)
        {
            throw new ConfigException([$"{path}:{(e.LineNumber ?? 0) + 1}:{(e.BytePositionInLine ?? 0) + 1}: not valid JSON: {e.Message.Split(" LineNumber")[0]}"]);
        }
        catch (InvalidOperationException)
        {
            throw new ConfigException([$"{path}: a key is not valid Unicode text"]);
        }

        return entries;
    }

    private static (int Line, int Column) PlaceOf(ReadOnlySpan<byte> text, int offset)
    {
        var before = text[..offset];
        return (before.Count((byte)'\n') + 1, offset - before.LastIndexOf((byte)'\n'));
    }
}

/// <summary>The configuration cannot be used. Holds every problem found, each with its place and what would be right.</summary>
internal sealed class ConfigException(IReadOnlyList<string> problems) : Exception(string.Join(Environment.NewLine, problems))
{
    public IReadOnlyList<string> Problems { get; } = problems;

    /// <summary>What could be understood nevertheless; for config check.</summary>
    public IReadOnlyList<ConfigLine> Lines { get; init; } = [];
}
