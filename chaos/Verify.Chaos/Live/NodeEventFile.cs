using System.Text.Json;
using Verify.Chaos.Worlds;
using Verify.Checks;

namespace Verify.Chaos.Live;

/// <summary>Reads what a verify-node process wrote of itself (--events) into the run's events.</summary>
internal static class NodeEventFile
{
    /// <param name="startNs">The machine's monotonic clock at the start of the run.</param>
    public static void ReadInto(EventLog events, string file, string dataCenter, long startNs)
    {
        if (!File.Exists(file)) return;
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (reader.ReadLine() is { } line)
        {
            JsonElement root;
            try
            {
                using var document = JsonDocument.Parse(line);
                root = document.RootElement.Clone();
            }
            catch (JsonException)
            {
                continue; // The last line of a killed process may be cut off.
            }

            var fields = new SortedDictionary<string, string>(StringComparer.Ordinal);
            foreach (var property in root.EnumerateObject())
            {
                if (property.Name is "t" or "kind" or "node") continue;
                fields[property.Name] = NodeNames.Short(property.Name, property.Value.ValueKind switch
                {
                    JsonValueKind.String => property.Value.GetString()!,
                    JsonValueKind.Null => "",
                    JsonValueKind.True => "true",
                    JsonValueKind.False => "false",
                    _ => property.Value.GetRawText(),
                });
            }

            var atUs = (root.GetProperty("t").GetInt64() - startNs) / 1000;
            events.Add(new RunEvent(atUs, 0, root.GetProperty("kind").GetString()!, NodeNames.Short("node", root.GetProperty("node").GetString()!), dataCenter, fields));
        }
    }
}
