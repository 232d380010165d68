using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>A recovery is a ledger: every outcome has its intent before it, no step is begun again after it succeeded, and what was
/// opened is closed by the end. A recovery that is open at the end because nobody led any more is "unknown".</summary>
/// <remarks>Whoever leads when it applies an entry of the ledger tells of it, so that an entry may be told twice, and late, by a new
/// leader. The entry's place in the log settles it: it is the index that the teller applied last. One index counts once, and
/// the order is that of the log. Where a teller's applied entries were not recorded, the order of telling has to do.</remarks>
/// <param name="recoveriesMin">Fewer recoveries than this: the run showed nothing, unknown. 0 where no failover is expected.</param>
public sealed class RecoveryLedgerCheck(int recoveriesMin) : ICheck
{
    public RecoveryLedgerCheck()
        : this(recoveriesMin: 0)
    {
    }

    public string Name => "recoveryLedger";

    public Finding Judge(RunFacts facts)
    {
        var recoveries = Told(facts)
            .GroupBy(t => (Cluster: t.Event["cluster"], Id: t.Event.Number("recoveryId"))).OrderBy(g => g.Key)
            .ToArray();
        var wrong = recoveries.SelectMany(r => Wrong(InOrder([.. r]))).OrderBy(w => w.AtUs).ToArray();
        var open = recoveries.Where(r => !r.Any(t => t.Event["phase"] is "closed")).Select(r => $"{r.Key.Id} of {r.Key.Cluster}").ToArray();
        var isLedAtEnd = LeaderClaims.Of(facts, FaultWindow.Of(facts)).Any(c => c.IsOpen);

        var verdict = wrong.Length > 0 || (open.Length > 0 && isLedAtEnd) ? Verdict.Invalid
            : open.Length > 0 || recoveries.Length < recoveriesMin ? Verdict.Unknown
            : Verdict.Valid;
        var observed = recoveries.Length == 0 ? "no recovery was opened"
            : $"{recoveries.Length} recoveries, {wrong.Length} steps out of order, {open.Length} open at the end"
                + (open.Length > 0 && !isLedAtEnd ? " (nobody led at the end)" : "");
        return new Finding(
            Name, verdict, "each outcome has its intent, no step is begun again after it succeeded, every recovery is closed", observed, "0 wrong, 0 open")
        {
            AtUs = wrong.Select(w => w.AtUs).ToArray(),
            Evidence = string.Join('\n', wrong.Select(w => w.What).Concat(open.Select(o => $"recovery {o} was never closed")).Take(20)),
            Figures = Durations.Figures(("recoveries", recoveries.Length), ("open", open.Length), ("stepsOutOfOrder", wrong.Length)),
        };
    }

    /// <summary>Every event of a recovery with the index of its entry: what its teller applied last. 0: not known.</summary>
    private static List<(RunEvent Event, long Index)> Told(RunFacts facts)
    {
        var applied = new Dictionary<string, long>(StringComparer.Ordinal); // looked up, never walked through
        var told = new List<(RunEvent, long)>();
        foreach (var e in facts.Events)
        {
            if (e.Is(EventKinds.Applied))
            {
                applied[e.Subject] = e.Number("index");
            }
            else if (e.Is(EventKinds.Recovery))
            {
                told.Add((e, applied.GetValueOrDefault(e.Subject)));
            }
        }

        return told;
    }

    private static IEnumerable<RunEvent> InOrder((RunEvent Event, long Index)[] told) =>
        told.All(t => t.Index > 0) ? told.DistinctBy(t => t.Index).OrderBy(t => t.Index).Select(t => t.Event) : told.Select(t => t.Event);

    private static IEnumerable<(long AtUs, string What)> Wrong(IEnumerable<RunEvent> ledger)
    {
        var intended = new SortedSet<string>(StringComparer.Ordinal);
        var succeeded = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var e in ledger)
        {
            var step = e["step"];
            if (e["phase"] is "intent")
            {
                intended.Add(step);
                if (succeeded.Contains(step))
                {
                    yield return (e.AtUs, $"{Teller(e)} began step '{step}' again after it had succeeded");
                }
            }
            else if (e["phase"] is "outcome")
            {
                if (!intended.Contains(step))
                {
                    yield return (e.AtUs, $"{Teller(e)} told an outcome of step '{step}' without an intent");
                }

                if (!e["detail"].StartsWith("failed", StringComparison.OrdinalIgnoreCase))
                {
                    succeeded.Add(step);
                }
            }
        }
    }

    private static string Teller(RunEvent e) => $"recovery {e["recoveryId"]}, {OpText.Seconds(e.AtUs)}: {e.Subject}";
}
