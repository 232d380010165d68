using System.Globalization;

namespace Verify.Chaos.Tests.Exports;

/// <summary>Reads as much EDN as a history of Jepsen has: maps, vectors, keywords (with their colon), texts, integers, nil. Written for the
/// tests alone, so that what the export writes is read by somebody else.</summary>
internal sealed class EdnReader(string text)
{
    private int _at;

    public static IReadOnlyList<IReadOnlyDictionary<string, object?>> Maps(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => (IReadOnlyDictionary<string, object?>)new EdnReader(line).Whole()!)];

    private object? Whole()
    {
        var value = Value();
        Blanks();
        return _at == text.Length ? value : throw new FormatException($"'{text[_at..]}' is left over");
    }

    private object? Value()
    {
        Blanks();
        return text[_at] switch
        {
            '{' => Map(),
            '[' => Vector(),
            '"' => Text(),
            _ => Word(),
        };
    }

    private Dictionary<string, object?> Map()
    {
        var map = new Dictionary<string, object?>(StringComparer.Ordinal);
        for (_at++; !Ends('}');) map.Add((string)Value()!, Value());
        return map;
    }

    private List<object?> Vector()
    {
        var items = new List<object?>();
        for (_at++; !Ends(']');) items.Add(Value());
        return items;
    }

    private string Text()
    {
        var read = new System.Text.StringBuilder();
        for (_at++; text[_at] != '"'; _at++)
            read.Append(text[_at] != '\\' ? text[_at] : text[++_at] switch { 'n' => '\n', 'r' => '\r', 't' => '\t', var c => c });
        _at++;
        return read.ToString();
    }

    private object? Word()
    {
        var from = _at;
        while (_at < text.Length && text[_at] is not (' ' or ',' or '}' or ']')) _at++;
        var word = text[from.._at];
        return word == "nil" ? null : word.StartsWith(':') ? word : long.Parse(word, CultureInfo.InvariantCulture);
    }

    private bool Ends(char end)
    {
        Blanks();
        if (text[_at] != end) return false;
        _at++;
        return true;
    }

    private void Blanks()
    {
        while (_at < text.Length && (text[_at] is ' ' or ',')) _at++;
    }
}
