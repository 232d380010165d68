using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>In the end every server that belongs to the cluster has the rows of the primary and no others. A server with transactions of
/// its own may only stand aside, by name: re-attached, it would bring them back as truth the day it is promoted.</summary>
/// <remarks>Rows that a replica lacks may still be on their way when they are read; rows that only it has never go away.</remarks>
public sealed class ReplicasAgreeCheck : ICheck
{
    public string Name => "replicasAgree";

    public Finding Judge(RunFacts facts)
    {
        var (history, aside) = (facts.History, facts.History.SetAside);
        var hasSql = history.Ops.Any(o => o.Kind == OpKind.SqlInsert);
        if (history.FinalPrimary is not { } primary || !history.FinalRows.TryGetValue(primary, out var truth))
        {
            var why = hasSql ? "the rows of the final primary were not read" : "no rows were written";
            return Made(hasSql ? Verdict.Unknown : Verdict.Valid, why, [], 0);
        }

        var others = history.FinalRows.Keys.Where(s => s != primary && !aside.Contains(s, StringComparer.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        var errant = others.Select(s => (Server: s, Rows: history.FinalRows[s].Where(r => !truth.Contains(r)).Order(StringComparer.Ordinal).ToArray()))
            .Where(e => e.Rows.Length > 0).ToArray();
        var observed = $"{others.Length} servers beside {primary}, {errant.Length} of them with rows that {primary} has not"
            + (aside.Count > 0 ? $"; set aside: {string.Join(", ", aside)}" : "");
        return Made(errant.Length > 0 ? Verdict.Invalid : Verdict.Valid, observed, errant, errant.Sum(e => e.Rows.Length));
    }

    private Finding Made(Verdict verdict, string observed, (string Server, string[] Rows)[] errant, int rows) =>
        new(Name, verdict, "a server that belongs to the cluster has no rows that the primary has not", observed, "0 errant rows")
        {
            Evidence = string.Join('\n', errant.Select(e => $"{e.Server}: {string.Join(", ", e.Rows.Take(20))}{(e.Rows.Length > 20 ? ", …" : "")}")),
            Figures = Durations.Figures(("errantRows", rows)),
        };
}
