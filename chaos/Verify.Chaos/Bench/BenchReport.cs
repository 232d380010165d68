using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Encodings.Web;

namespace Verify.Chaos.Bench;

/// <summary>Renders a bench record: a table for the terminal, a Markdown page for the repository, JSON for programs.</summary>
internal static class BenchReport
{
    /// <summary>What the star beside others' figures means.</summary>
    private const string Star = "* from the shared facts (baselines.md), measured on another day on a machine of this kind; not measured in this run. Ratios are theirs / ours.";
    private static readonly string[] Heads = ["what", "median", "min", "max", "p90", "p99", "n", "per s", "goal", "others"];
    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web) { WriteIndented = true, NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Json(BenchRecord record) => JsonSerializer.Serialize(record, Indented);

    /// <summary>Columns in step, one line per figure.</summary>
    public static IReadOnlyList<string> Table(BenchRecord record)
    {
        var rows = Rows(record);
        var widths = Enumerable.Range(0, Heads.Length - 1).Select(c => rows.Max(r => r[c].Length)).ToArray();
        var lines = new List<string> { "" };
        foreach (var row in rows)
            lines.Add(string.Concat(row.Select((cell, c) => c == 0 ? cell.PadRight(widths[0]) : c < widths.Length ? "  " + cell.PadLeft(widths[c]) : "  " + cell)).TrimEnd());
        lines.Add("");
        lines.Add(Star);
        lines.AddRange(record.Notes);
        return lines;
    }

    public static string Markdown(BenchRecord record)
    {
        var text = new StringBuilder();
        text.Append($"# verify-chaos bench, {record.StartedAt:yyyy-MM-dd HH:mm} UTC\n\n");
        text.Append($"- command: `{record.Command}`\n- commit: {record.Commit}\n");
        text.Append($"- machine: {string.Join(", ", record.Machine.Select(f => $"{f.Key} {f.Value}"))}\n");
        text.Append($"- load average (1, 5, 15 min): {record.LoadBefore} before, {record.LoadAfter} after\n");
        text.Append(CultureInfo.InvariantCulture, $"- wall time: {record.WallSeconds:0} s\n\n");
        var rows = Rows(record);
        text.Append($"| {string.Join(" | ", rows[0])} |\n|---|{string.Concat(Enumerable.Repeat("---:|", Heads.Length - 3))}---|---|\n");
        foreach (var row in rows.Skip(1)) text.Append($"| {string.Join(" | ", row)} |\n");
        text.Append($"\n{Star.Replace("*", "\\*", StringComparison.Ordinal)}\n");
        foreach (var note in record.Notes) text.Append($"\n{note}\n");
        return text.ToString();
    }

    private static List<string[]> Rows(BenchRecord record) => [Heads, .. record.Figures.Select(Row)];

    private static string[] Row(Figure figure)
    {
        var values = figure.Values;
        return
        [
            $"{figure.Part}: {figure.What}",
            $"{Number(values.Median)} {figure.Unit}",
            Number(values.Min),
            Number(values.Max),
            Number(values.P90),
            Number(values.P99),
            values.Count.ToString(CultureInfo.InvariantCulture),
            figure.PerSecond is { } rate ? Number(rate) : "",
            figure.Goal.Length == 0 ? "" : $"{figure.Goal} {(figure.ReachesGoal == true ? "reached" : "MISSED")}",
            figure.Beside,
        ];
    }

    private static string Number(double value) => value.ToString(Math.Abs(value) switch
    {
        >= 100 => "0",
        >= 10 => "0.0",
        >= 1 => "0.00",
        _ => "0.000",
    }, CultureInfo.InvariantCulture);
}
