using System.Text.Json;

namespace Verify.Checks;

/// <summary>events.ndjson: one event per line, in order. The fields of a kind are in "fields", sorted by name.</summary>
public static class EventsFile
{
    public static void Write(TextWriter to, IEnumerable<RunEvent> events)
    {
        foreach (var e in events)
        {
            NdjsonFile.Line(to, json => WriteEvent(json, e));
        }
    }

    /// <exception cref="RunFileException">Names the line.</exception>
    public static IReadOnlyList<RunEvent> Read(TextReader from, string file = "events.ndjson") =>
        NdjsonFile.Read(from, file, ReadEvent).ToArray();

    private static void WriteEvent(Utf8JsonWriter json, RunEvent e)
    {
        json.WriteNumber("atUs", e.AtUs);
        json.WriteNumber("step", e.Step);
        json.WriteString("kind", e.Kind);
        json.WriteString("subject", e.Subject);
        json.WriteString("dataCenter", e.DataCenter);
        if (e.Fields.Count > 0)
        {
            json.WriteStartObject("fields");
            foreach (var (name, value) in e.Fields.OrderBy(f => f.Key, StringComparer.Ordinal))
            {
                json.WriteString(name, value);
            }

            json.WriteEndObject();
        }
    }

    private static RunEvent ReadEvent(JsonElement line)
    {
        NdjsonFile.RefuseOthers(line, "atUs", "step", "kind", "subject", "dataCenter", "fields");
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (line.TryGetProperty("fields", out var written))
        {
            foreach (var field in written.EnumerateObject())
            {
                fields.Add(field.Name, field.Value.GetString() ?? throw new FormatException($"the field '{field.Name}' has no text"));
            }
        }

        return new RunEvent(
            NdjsonFile.Number(line, "atUs"), NdjsonFile.Number(line, "step"), NdjsonFile.Text(line, "kind"), NdjsonFile.Text(line, "subject"),
            NdjsonFile.Text(line, "dataCenter"), fields);
    }
}
