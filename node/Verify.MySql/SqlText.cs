using System.Runtime.CompilerServices;
using System.Text;

namespace Verify.MySql;

/// <summary>A statement that is safe to send: its fixed parts are compile-time text, its values went through
/// <see cref="SqlLiteral"/> or <see cref="SqlName"/>. There is no other way to make one.</summary>
public readonly record struct SqlText
{
    private SqlText(string text) => Text = text;

    public string Text { get; }

    /// <summary>Use as <c>SqlText.Of($"SET GLOBAL x = {new SqlLiteral(v)}")</c>; holes take only literals, names, whole numbers and parts
    /// that were made so themselves.</summary>
    public static SqlText Of(SqlTextHandler handler) => new(handler.Build());

    /// <summary>A statement that an operator wrote into the configuration, as it stands there. Nothing else may come in here.</summary>
    internal static SqlText OfConfiguration(string text) => new(text);

    public override string ToString() => Text;
}

/// <summary>The interpolation handler behind <see cref="SqlText.Of"/>: it has no overload for a plain string.</summary>
[InterpolatedStringHandler]
public readonly ref struct SqlTextHandler
{
    private readonly StringBuilder _text;

    public SqlTextHandler(int literalLength, int formattedCount) => _text = new(literalLength + (formattedCount * 16));

    public void AppendLiteral(string fixedPart) => _text.Append(fixedPart);
    public void AppendFormatted(SqlLiteral value) => _text.Append(value.Quoted);
    public void AppendFormatted(SqlQuotedLiteral value) => _text.Append(value.Quoted);
    public void AppendFormatted(SqlName name) => _text.Append(name.Quoted);
    public void AppendFormatted(OperatorQuery query) => _text.Append(query.Text);
    public void AppendFormatted(SqlText part) => _text.Append(part.Text);
    public void AppendFormatted(long number) => _text.Append(number);
    internal string Build() => _text.ToString();
}

/// <summary>A string value as it stands in a statement: quoted, so that no byte of it can end the literal. Valid under any
/// sql_mode, NO_BACKSLASH_ESCAPES included: text that holds nothing but plain characters is quoted, everything else
/// is written in hexadecimal (MySQL 8.4 manual 11.1.4, MariaDB "Hexadecimal Literals").</summary>
public readonly record struct SqlLiteral(string Value)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="ArgumentException">The value is no text: it holds half of a surrogate pair.</exception>
    public string Quoted => Value.All(IsPlain) ? $"'{Value}'" : $"_utf8mb4 0x{Convert.ToHexString(Strict.GetBytes(Value))}";

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is ' ' or '.' or ':' or '-' or '_' or ',' or '/' or '@' or '%' or '+' or '=';
}

/// <summary>A string for the places where the grammar takes nothing but a quoted string (all of CHANGE REPLICATION SOURCE): there,
/// hexadecimal is a syntax error. Only a backslash means different things under different sql_modes, and only printable
/// ASCII means the same in every character set; so a value with anything else is refused, never sent.</summary>
public readonly record struct SqlQuotedLiteral
{
    /// <param name="value">Printable ASCII without a backslash.</param>
    /// <param name="what">Names the value in the refusal, for example "the replication password"; the value itself is not shown.</param>
    /// <exception cref="ArgumentException">The value holds another character.</exception>
    public SqlQuotedLiteral(string value, string what)
    {
        var at = WrongAt(value);
        if (at >= 0)
        {
            throw new ArgumentException(
                $"{what} holds the character U+{(int)value[at]:X4} at position {at + 1}; a server takes it in this statement only as printable ASCII without a backslash: choose another", nameof(value));
        }

        Value = value;
    }

    public string Value { get; }

    public string Quoted => $"'{Value.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>Whether the constructor would take the value; for those who can refuse it earlier.</summary>
    public static bool CanHold(string value) => WrongAt(value) < 0;

    private static int WrongAt(string value)
    {
        var at = value.AsSpan().IndexOfAnyExceptInRange(' ', '~');
        return at >= 0 ? at : value.IndexOf('\\', StringComparison.Ordinal);
    }
}

/// <summary>An identifier (schema, table, user) between back quotes.</summary>
public readonly record struct SqlName(string Value)
{
    public string Quoted => $"`{Value.Replace("`", "``", StringComparison.Ordinal)}`";
}
