namespace Verify.Checks;

/// <summary>An operation as one line for people.</summary>
internal static class OpText
{
    public static string Of(Op op, bool isOpen = false)
    {
        var what = op.Kind switch
        {
            OpKind.KvPut => $"put {op.Key} = {Text(op.Value)}",
            OpKind.KvGet => $"get {op.Key} → {Text(op.Value)}",
            OpKind.KvDelete => $"delete {op.Key}",
            OpKind.KvCas when op.CasRefused => $"cas {op.Key} from {Text(op.Expected)} refused",
            OpKind.KvCas => $"cas {op.Key} from {Text(op.Expected)} to {Text(op.Value)}",
            _ => $"insert row {op.Key} on {Text(op.Value)}",
        };
        var until = isOpen || op.ReturnedUs == long.MaxValue ? "…" : Seconds(op.ReturnedUs);
        var by = op.By.Length > 0 ? $" by {op.By}" : "";
        return $"[{Seconds(op.CalledUs)} – {until}] client {op.Client} ({op.DataCenter}) {what}{by}";
    }

    /// <summary>Seconds of the run, to the microsecond.</summary>
    public static string Seconds(long us) => $"{us / 1_000_000}.{us % 1_000_000:000000} s";

    private static string Text(string? value) => value is null ? "nothing" : $"'{value}'";
}
