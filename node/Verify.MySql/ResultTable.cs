namespace Verify.MySql;

/// <summary>A whole text-protocol answer. Names are found without regard to case.</summary>
public sealed class ResultTable(IReadOnlyList<string> columns, IReadOnlyList<string?[]> rows, long affectedRows)
{
    private readonly string[] _names = columns as string[] ?? [.. columns];

    public IReadOnlyList<string> Columns => _names;
    public IReadOnlyList<string?[]> Rows { get; } = rows;
    public long AffectedRows { get; } = affectedRows;

    public bool Has(string column) => IndexOf(column) >= 0;

    /// <summary>The value, or null for SQL NULL and for a column that is not there.</summary>
    public string? Text(int row, string column) => IndexOf(column) is >= 0 and var i ? Rows[row][i] : null;

    private int IndexOf(string column)
    {
        var names = _names;
        for (var i = 0; i < names.Length; i++)
        {
            if (names[i].Length == column.Length && string.Equals(names[i], column, StringComparison.OrdinalIgnoreCase)) return i;
        }

        return -1;
    }
}
