using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Verify.Checks;

namespace Verify.Chaos.Live.Proofs;

/// <summary>What a run of live proofs gave, where and when. Written as JSON, as a table and as a Markdown page.</summary>
internal sealed record ProofRecord
{
    public required string Command { get; init; }
    public required DateTimeOffset StartedAt { get; init; }
    public required string Commit { get; init; }
    public required IReadOnlyDictionary<string, string> Machine { get; init; }
    public required double WallSeconds { get; init; }
    public required IReadOnlyList<ProofRow> Rows { get; init; }

    /// <summary>What the harness could not do, and what these proofs do not show.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    public Verdict Worst => Rows.Select(r => r.Verdict).DefaultIfEmpty(Verdict.Unknown).Max();
}

/// <summary>Renders a <see cref="ProofRecord"/>.</summary>
internal static class ProofReport
{
    private static readonly string[] Heads = ["proof", "case", "tried", "verdict", "observed"];
    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Converters = { new JsonStringEnumConverter() },
    };

    public static string Json(ProofRecord record) => JsonSerializer.Serialize(record, Indented);

    public static IReadOnlyList<string> Table(ProofRecord record)
    {
        var rows = Rows(record);
        var widths = Enumerable.Range(0, Heads.Length - 1).Select(c => rows.Max(r => r[c].Length)).ToArray();
        var lines = new List<string> { "" };
        lines.AddRange(rows.Select(row => string.Join("  ", row.Select((cell, c) => c < widths.Length ? cell.PadRight(widths[c]) : cell)).TrimEnd()));
        lines.Add("");
        lines.AddRange(record.Rows.Where(r => r.Evidence.Length > 0).Select(r => $"{r.Proof}, {r.Case}:{Environment.NewLine}{r.Evidence}"));
        lines.AddRange(record.Notes);
        return lines;
    }

    public static string Markdown(ProofRecord record)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# verify-chaos live, {record.StartedAt:yyyy-MM-dd HH:mm} UTC\n\n");
        text.Append($"- command: `{record.Command}`\n- commit: {record.Commit}\n");
        text.Append($"- machine: {string.Join(", ", record.Machine.Select(f => $"{f.Key} {f.Value}"))}\n");
        text.Append(CultureInfo.InvariantCulture, $"- wall time: {record.WallSeconds:0} s; verdict: {record.Worst}\n\n");
        text.Append($"| {string.Join(" | ", Heads)} |\n|{string.Concat(Enumerable.Repeat("---|", Heads.Length))}\n");
        foreach (var row in Rows(record).Skip(1)) text.Append($"| {string.Join(" | ", row)} |\n");
        foreach (var row in record.Rows.Where(r => r.Evidence.Length > 0)) text.Append($"\n{row.Proof}, {row.Case}:\n\n```\n{row.Evidence}\n```\n");
        foreach (var note in record.Notes) text.Append($"\n{note}\n");
        return text.ToString();
    }

    private static List<string[]> Rows(ProofRecord record) =>
        [Heads, .. record.Rows.Select(r => new[] { r.Proof, r.Case, r.Tried, r.Verdict.ToString(), r.Observed })];
}
