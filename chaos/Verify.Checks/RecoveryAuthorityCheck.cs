using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>Whoever sends a statement for a recovery leads at that moment, in the term in which it said that it begins, and the recovery
/// is still open: a leader that was deposed must not finish a failover that somebody else is in charge of by now.</summary>
/// <remarks>Judged from what the acting node said of itself before: its own lease, in its own order, so that no two clocks are compared.</remarks>
public sealed class RecoveryAuthorityCheck : ICheck
{
    public string Name => "recoveryAuthority";

    public Finding Judge(RunFacts facts)
    {
        var leased = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var wrong = new List<(long AtUs, string What)>();
        var (acts, promotions) = (0, 0);
        foreach (var e in facts.Events)
        {
            if (e.Is(EventKinds.LeaderLease) && e.IsTrue("held"))
            {
                leased[e.Subject] = e.Number("term");
            }
            else if (LetsGo(e))
            {
                leased.Remove(e.Subject);
            }
            else if (e.Is(EventKinds.Recovery) && e["phase"] is "outcome" && e["step"] is "Promote" && e["detail"].StartsWith("done", StringComparison.Ordinal))
            {
                // Whoever promoted a server has sent something; a recovery that ended before may have reached nobody.
                promotions++;
            }
            else if (e.Is(EventKinds.Acting))
            {
                acts++;
                if (!leased.TryGetValue(e.Subject, out var term) || term != e.Number("term"))
                {
                    wrong.Add((e.AtUs, $"{e.Subject} acts for step {e["step"]} of recovery {e["recoveryId"]} at {OpText.Seconds(e.AtUs)} as leader of term "
                        + $"{e["term"]}, and {(term == 0 ? "holds no lease" : $"holds the lease of term {term}")}"));
                }
            }
        }

        var verdict = wrong.Count > 0 ? Verdict.Invalid : acts == 0 && promotions > 0 ? Verdict.Unknown : Verdict.Valid;
        var observed = acts == 0 ? promotions == 0 ? "no recovery got as far as to promote a server" : "nobody said what was sent for the recoveries"
            : $"{acts} times somebody acted for a recovery, {wrong.Count} times without the right to";
        return new Finding(Name, verdict, "who acts for a recovery leads, in the term in which it began", observed, "0 without the right")
        {
            AtUs = wrong.Select(w => w.AtUs).Take(100).ToArray(),
            Evidence = string.Join('\n', wrong.Take(20).Select(w => w.What)),
            Figures = Durations.Figures(("acts", acts), ("withoutRight", wrong.Count)),
        };
    }

    /// <summary>By the node's own word. That its process was frozen ends nothing: it may go on within its lease.</summary>
    private static bool LetsGo(RunEvent e) => e.Kind switch
    {
        EventKinds.LeaderLease => !e.IsTrue("held"),
        EventKinds.RoleChanged => e["role"] is not "Leader",
        EventKinds.Started or EventKinds.Halted => true,
        _ => false,
    };
}
