using System.Text.Json;
using Spectre.Console;

namespace Verify.Ctl.Output;

/// <summary>What people or programs see: tables and sentences, or JSON and nothing else.</summary>
internal sealed class Screen(TextWriter output, TextWriter errors, bool isJson)
{
    private const int WidthWithoutTerminal = 240;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public bool IsJson => isJson;

    public void Json(JsonElement json) => output.WriteLine(JsonSerializer.Serialize(json, Indented));

    /// <summary>For people; programs get nothing of it.</summary>
    public void Line(string text)
    {
        if (!isJson) output.WriteLine(text);
    }

    /// <summary>The bare text, whoever reads it.</summary>
    public void Raw(string text) => output.Write(text);

    /// <summary>What happens meanwhile; on the error stream, so that the output stays clean.</summary>
    public void Progress(string text) => errors.WriteLine(text);

    public void Table(string[] columns, IEnumerable<string[]> rows)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (var column in columns) table.AddColumn(new TableColumn(Markup.Escape(column)) { NoWrap = true });
        foreach (var row in rows) table.AddRow(Array.ConvertAll(row, Markup.Escape));
        var isTerminal = output == Console.Out && !Console.IsOutputRedirected;
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        if (!isTerminal) console.Profile.Width = WidthWithoutTerminal;
        console.Write(table);
    }

    /// <summary>All fields of an object, one a line; what is nested has its path.</summary>
    public void Fields(JsonElement json) => Table(["key", "value"], Flat("", json));

    private static IEnumerable<string[]> Flat(string path, JsonElement at)
    {
        switch (at.ValueKind)
        {
            case JsonValueKind.Object:
                return at.EnumerateObject().SelectMany(p => Flat(path.Length == 0 ? p.Name : $"{path}.{p.Name}", p.Value));
            case JsonValueKind.Array when at.EnumerateArray().Any(i => i.ValueKind is JsonValueKind.Object):
                return at.EnumerateArray().SelectMany((item, i) => Flat($"{path}[{i}]", item));
            case JsonValueKind.Array:
                return [[path, string.Join(' ', at.EnumerateArray())]];
            case JsonValueKind.Undefined or JsonValueKind.Null:
                return [[path, "-"]];
            default:
                return [[path, at.ToString()]];
        }
    }
}
