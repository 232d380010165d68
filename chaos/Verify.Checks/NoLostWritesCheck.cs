using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>Every row whose insert was acknowledged is on the server that is primary in the end. What is missing is the RPO.</summary>
public sealed class NoLostWritesCheck : ICheck
{
    private const int RowsListedMax = 50;

    public string Name => "noLostWrites";

    public Finding Judge(RunFacts facts)
    {
        var inserts = facts.History.Ops.Where(o => o.Kind == OpKind.SqlInsert).ToArray();
        var acked = inserts.Where(o => o.Outcome == OpOutcome.Ok).ToArray();
        var primary = facts.History.FinalPrimary;
        if (primary is null || !facts.History.FinalRows.TryGetValue(primary, out var rows) || acked.Length == 0)
        {
            var why = primary is null ? "the settled cluster names no primary"
                : acked.Length == 0 ? "no insert was acknowledged"
                : $"the rows of the final primary {primary} were not read";
            return Made(Verdict.Unknown, why, acked.Length, []);
        }

        var lost = acked.Where(o => !rows.Contains(o.Key)).ToArray();
        var appeared = inserts.Count(o => o.Outcome == OpOutcome.Unknown && rows.Contains(o.Key));
        var observed = $"{lost.Length} of {acked.Length} acknowledged rows are missing on {primary}; "
            + $"{appeared} rows of inserts without an answer are there";
        return Made(lost.Length > 0 ? Verdict.Invalid : Verdict.Valid, observed, acked.Length, lost);
    }

    private Finding Made(Verdict verdict, string observed, int acked, Op[] lost) =>
        new(Name, verdict, "no acknowledged transaction is lost", observed, "0 lost")
        {
            AtUs = lost.Select(o => o.ReturnedUs).Order().Take(100).ToArray(),
            Evidence = string.Join('\n', lost.Take(RowsListedMax).Select(o => OpText.Of(o)))
                + (lost.Length > RowsListedMax ? $"\n… and {lost.Length - RowsListedMax} more" : ""),
            Figures = Durations.Figures(("acked", acked), ("lost", lost.Length)),
        };
}
