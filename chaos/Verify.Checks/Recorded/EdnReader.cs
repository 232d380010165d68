using System.Globalization;
using System.Text;

namespace Verify.Checks.Recorded;

/// <summary>Reads EDN one value at a time and knows the line. A tagged value (#jepsen.history.Op{…}) is read as what it tags;
/// commas are blanks; "#_" drops the value behind it.</summary>
internal sealed class EdnReader(string text, string file)
{
    private const int DepthMax = 64;
    private int _at;
    private int _line = 1;

    /// <summary>The next value; null at the end.</summary>
    /// <exception cref="RunFileException">Names the line.</exception>
    public EdnValue? Next()
    {
        SkipBlank();
        return _at >= text.Length ? null : Value(0);
    }

    private EdnValue Value(int depth)
    {
        SkipBlank();
        if (_at >= text.Length)
        {
            throw Wrong("the file ends inside a value; was it cut short?");
        }

        if (depth > DepthMax)
        {
            throw Wrong($"values are nested deeper than {DepthMax}");
        }

        var line = _line;
        switch (text[_at])
        {
            case '{':
                return MapOf(Items('}', depth), line);
            case '[':
                return new EdnValue.Sequence(Items(']', depth));
            case '(':
                return new EdnValue.Sequence(Items(')', depth));
            case '"':
                return new EdnValue.Text(QuotedText());
            case '#':
                return Tagged(depth);
            case '}' or ']' or ')':
                throw Wrong($"'{text[_at]}' closes what was not opened");
            default:
                return Atom();
        }
    }

    private EdnValue Tagged(int depth)
    {
        _at++;
        if (_at < text.Length && text[_at] == '{')
        {
            return new EdnValue.Sequence(Items('}', depth));
        }

        if (_at < text.Length && text[_at] == '"')
        {
            return new EdnValue.Text(QuotedText()); // a regular expression, as Clojure prints it
        }

        Token(); // the tag
        return Value(depth + 1);
    }

    private List<EdnValue> Items(char end, int depth)
    {
        var opened = _line;
        var items = new List<EdnValue>();
        _at++;
        for (SkipBlank(); ; SkipBlank())
        {
            if (_at >= text.Length)
            {
                throw Wrong($"the file ends inside what was opened on line {opened}; was it cut short?");
            }

            if (text[_at] == end)
            {
                _at++;
                return items;
            }

            items.Add(Value(depth + 1));
        }
    }

    private EdnValue.Map MapOf(List<EdnValue> items, int line) => items.Count % 2 == 0
        ? new EdnValue.Map(Enumerable.Range(0, items.Count / 2).Select(i => (items[i * 2], items[(i * 2) + 1])).ToArray(), line)
        : throw new RunFileException(file, line, "a map needs a value for every key");

    private string QuotedText()
    {
        var opened = _line;
        var words = new StringBuilder();
        for (_at++; _at < text.Length; _at++)
        {
            var c = text[_at];
            if (c == '"')
            {
                _at++;
                return words.ToString();
            }

            _line += c == '\n' ? 1 : 0;
            if (c == '\\' && _at + 1 < text.Length)
            {
                _at++;
                words.Append(text[_at] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', var other => other });
            }
            else
            {
                words.Append(c);
            }
        }

        throw new RunFileException(file, opened, "a text that begins here has no end");
    }

    private EdnValue Atom()
    {
        var token = Token();
        if (token.Length == 0)
        {
            throw Wrong($"'{text[_at]}' begins no value");
        }

        if (token is "nil")
        {
            return new EdnValue.Nil();
        }

        if (token[0] == ':')
        {
            return new EdnValue.Keyword(token[1..]);
        }

        var digits = token.EndsWith('N') ? token[..^1] : token;
        return long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? new EdnValue.Integer(number)
            : new EdnValue.Word(token);
    }

    private string Token()
    {
        var from = _at;
        while (_at < text.Length && !char.IsWhiteSpace(text[_at]) && text[_at] is not (',' or '{' or '}' or '[' or ']' or '(' or ')' or '"' or ';'))
        {
            _at++;
        }

        return text[from.._at];
    }

    private void SkipBlank()
    {
        for (; _at < text.Length; _at++)
        {
            var c = text[_at];
            if (c == '\n')
            {
                _line++;
            }
            else if (c == ';')
            {
                while (_at + 1 < text.Length && text[_at + 1] != '\n')
                {
                    _at++;
                }
            }
            else if (c == '#' && _at + 1 < text.Length && text[_at + 1] == '_')
            {
                _at += 2;
                Value(0);
                _at--;
            }
            else if (!char.IsWhiteSpace(c) && c != ',' && c != '\uFEFF')
            {
                return;
            }
        }
    }

    private RunFileException Wrong(string what) => new(file, _line, what);
}
