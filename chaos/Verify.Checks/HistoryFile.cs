using System.Text.Json;

namespace Verify.Checks;

/// <summary>history.ndjson: one operation per line in the order of the calls, and one last line "final" with what was found on every
/// server at the end. Fields that say nothing (no value, no error) are left out; an operation that never came back has no returnedUs.</summary>
public static class HistoryFile
{
    public static void Write(TextWriter to, History history)
    {
        foreach (var op in history.Ops)
        {
            NdjsonFile.Line(to, json => WriteOp(json, op));
        }

        NdjsonFile.Line(to, json => WriteFinal(json, history));
    }

    /// <exception cref="RunFileException">Names the line.</exception>
    public static History Read(TextReader from, string file = "history.ndjson")
    {
        var ops = new List<Op>();
        var history = new History(ops);
        foreach (var line in NdjsonFile.Read(from, file, ReadLine))
        {
            if (line.Op is { } op)
            {
                ops.Add(op);
            }
            else if (line.Final is { } final)
            {
                history = final with { Ops = ops };
            }
        }

        return history;
    }

    private static void WriteOp(Utf8JsonWriter json, Op op)
    {
        json.WriteNumber("id", op.Id);
        json.WriteNumber("client", op.Client);
        json.WriteString("dataCenter", op.DataCenter);
        json.WriteString("kind", NdjsonFile.Word(op.Kind));
        json.WriteString("key", op.Key);
        WriteSaid(json, "value", op.Value);
        WriteSaid(json, "expected", op.Expected);
        json.WriteString("outcome", NdjsonFile.Word(op.Outcome));
        json.WriteNumber("calledUs", op.CalledUs);
        if (op.ReturnedUs != long.MaxValue)
        {
            json.WriteNumber("returnedUs", op.ReturnedUs);
        }

        WriteSaid(json, "by", op.By.Length > 0 ? op.By : null);
        WriteSaid(json, "error", op.Error.Length > 0 ? op.Error : null);
        if (op.CasRefused)
        {
            json.WriteBoolean("casRefused", true);
        }
    }

    private static void WriteSaid(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    private static void WriteFinal(Utf8JsonWriter json, History history)
    {
        json.WriteStartObject("final");
        WriteSaid(json, "primary", history.FinalPrimary);
        json.WriteStartObject("rows");
        foreach (var (server, rows) in history.FinalRows.OrderBy(r => r.Key, StringComparer.Ordinal))
        {
            json.WriteStartArray(server);
            foreach (var row in rows.Order(StringComparer.Ordinal))
            {
                json.WriteStringValue(row);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static (Op? Op, History? Final) ReadLine(JsonElement line) =>
        line.TryGetProperty("final", out var final) ? (null, ReadFinal(final)) : (ReadOp(line), null);

    private static Op ReadOp(JsonElement line)
    {
        NdjsonFile.RefuseOthers(
            line, "id", "client", "dataCenter", "kind", "key", "value", "expected", "outcome", "calledUs", "returnedUs", "by", "error", "casRefused");
        var op = new Op
        {
            Id = NdjsonFile.Number(line, "id"),
            Client = checked((int)NdjsonFile.Number(line, "client")),
            DataCenter = NdjsonFile.Text(line, "dataCenter"),
            Kind = NdjsonFile.Member<OpKind>(line, "kind"),
            Key = NdjsonFile.Text(line, "key"),
            Value = NdjsonFile.TextOrNull(line, "value"),
            Expected = NdjsonFile.TextOrNull(line, "expected"),
            Outcome = NdjsonFile.Member<OpOutcome>(line, "outcome"),
            CalledUs = NdjsonFile.Number(line, "calledUs"),
            ReturnedUs = line.TryGetProperty("returnedUs", out var returned) ? returned.GetInt64() : long.MaxValue,
            By = NdjsonFile.TextOrNull(line, "by") ?? "",
            Error = NdjsonFile.TextOrNull(line, "error") ?? "",
            CasRefused = line.TryGetProperty("casRefused", out var refused) && refused.GetBoolean(),
        };
        return op.ReturnedUs >= op.CalledUs
            ? op
            : throw new FormatException($"operation {op.Id} returned at {op.ReturnedUs} µs, before it was called at {op.CalledUs} µs");
    }

    private static History ReadFinal(JsonElement final)
    {
        NdjsonFile.RefuseOthers(final, "primary", "rows");
        var rows = new SortedDictionary<string, IReadOnlySet<string>>(StringComparer.Ordinal);
        if (final.TryGetProperty("rows", out var servers))
        {
            foreach (var server in servers.EnumerateObject())
            {
                rows.Add(server.Name, server.Value.EnumerateArray().Select(id => id.GetString() ?? "").ToHashSet(StringComparer.Ordinal));
            }
        }

        return new History([]) { FinalPrimary = NdjsonFile.TextOrNull(final, "primary"), FinalRows = rows };
    }
}
