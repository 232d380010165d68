namespace Verify.MySql;

/// <summary>A question that the operator has written into the configuration, sent as it stands: one SELECT or SHOW GLOBAL. The operator
/// answers for its text; that it only looks is held here as far as its first word tells, and by the rights of the user that sends it.</summary>
public readonly record struct OperatorQuery
{
    private static readonly string[] Beginnings = ["SELECT ", "SHOW GLOBAL "];

    private OperatorQuery(string text) => Text = text;

    public string Text { get; }

    /// <summary>Where the value stands: SHOW GLOBAL STATUS and VARIABLES give a name first.</summary>
    public int ValueColumn => Text.StartsWith(Beginnings[0], StringComparison.OrdinalIgnoreCase) ? 0 : 1;

    /// <summary>False when the text is something else than one such statement.</summary>
    public static bool TryParse(string text, out OperatorQuery query)
    {
        ArgumentNullException.ThrowIfNull(text);
        var trimmed = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).TrimEnd(';', ' ');
        query = new(trimmed);
        return Beginnings.Any(b => trimmed.StartsWith(b, StringComparison.OrdinalIgnoreCase)) && !trimmed.Contains(';', StringComparison.Ordinal);
    }
}
