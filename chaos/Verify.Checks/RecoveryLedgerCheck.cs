using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>A recovery is a ledger: every outcome has its intent before it, no step is begun again after it succeeded, and what was
/// opened is closed by the end. A recovery that is open at the end because nobody led any more is "unknown".</summary>
/// <remarks>Works whether only the leader tells of a recovery or every node that applies it: with several tellers each is followed by itself,
/// from its start on, because a node that applies late repeats old news.</remarks>
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
        var recoveries = facts.Events.Where(e => e.Is(EventKinds.Recovery))
            .GroupBy(e => (Cluster: e["cluster"], Id: e.Number("recoveryId"))).OrderBy(g => g.Key)
            .ToArray();
        var starts = facts.Events.Where(e => e.Is(EventKinds.Started)).ToArray();
        var wrong = recoveries.SelectMany(r => Wrong(r.ToArray(), starts)).OrderBy(w => w.AtUs).ToArray();
        var open = recoveries.Where(r => !r.Any(e => e["phase"] is "closed")).Select(r => $"{r.Key.Id} of {r.Key.Cluster}").ToArray();
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

    private static IEnumerable<(long AtUs, string What)> Wrong(RunEvent[] recovery, RunEvent[] starts)
    {
        var tellers = recovery.Where(e => e["phase"] is "opened").Select(e => e.Subject).Distinct(StringComparer.Ordinal).Count();
        return tellers > 1
            ? recovery.GroupBy(e => e.Subject, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal)
                .SelectMany(g => g.GroupBy(e => starts.Count(s => string.Equals(s.Subject, g.Key, StringComparison.Ordinal) && s.AtUs <= e.AtUs)))
                .SelectMany(life => WrongInOrder([.. life]))
            : WrongInOrder(recovery);
    }

    private static IEnumerable<(long AtUs, string What)> WrongInOrder(IReadOnlyList<RunEvent> told)
    {
        var intended = new SortedSet<string>(StringComparer.Ordinal);
        var succeeded = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var e in told)
        {
            var step = e["step"];
            if (e["phase"] is "intent")
            {
                intended.Add(step);
                if (succeeded.Contains(step))
                {
                    yield return (e.AtUs, $"recovery {e["recoveryId"]}: {e.Subject} began step '{step}' again at {OpText.Seconds(e.AtUs)} after it had succeeded");
                }
            }
            else if (e["phase"] is "outcome")
            {
                if (!intended.Contains(step))
                {
                    yield return (e.AtUs, $"recovery {e["recoveryId"]}: {e.Subject} told an outcome of step '{step}' at {OpText.Seconds(e.AtUs)} without an intent");
                }

                if (!e["detail"].StartsWith("failed", StringComparison.OrdinalIgnoreCase))
                {
                    succeeded.Add(step);
                }
            }
        }
    }
}
