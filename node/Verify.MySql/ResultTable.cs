namespace Verify.MySql;

/// <summary>A whole text-protocol answer. Names are found without regard to case.</summary>
public sealed class ResultTable(IReadOnlyList<string> columns, IReadOnlyList<string?[]> rows, long affectedRows)
{
    public IReadOnlyList<string> Columns { get; } = columns;
    public IReadOnlyList<string?[]> Rows { get; } = rows;
    public long AffectedRows { get; } = affectedRows;

    public bool Has(string column) => IndexOf(column) >= 0;

    /// <summary>The value, or null for SQL NULL and for a column that is not there.</summary>
    public string? Text(int row, string column) => IndexOf(column) is >= 0 and var i ? Rows[row][i] : null;

    private int IndexOf(string column)
    {
        for (var i = 0; i < Columns.Count; i++)
        {
            if (string.Equals(Columns[i], column, StringComparison.OrdinalIgnoreCase)) return i;
        }

        return -1;
    }
}
