using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>After everything is healed: exactly one leader with a lease, every live node in its quorum, exactly one writable server and
/// that is the one the cluster names as primary. Reached within the bound, and kept until the final reads.</summary>
/// <param name="bound">From the phase "healed".</param>
/// <param name="liveBlip">In the live world an interruption that is not longer than this is forgiven (a machine that was busy for a moment);
/// in simulation nothing is.</param>
public sealed class ConvergenceCheck(TimeSpan bound, TimeSpan liveBlip) : ICheck
{
    public ConvergenceCheck(TimeSpan bound)
        : this(bound, TimeSpan.FromSeconds(1))
    {
    }

    public string Name => "convergesWithin";

    public Finding Judge(RunFacts facts)
    {
        if (facts.PhaseUs("healed") is not { } healedUs)
        {
            return Made(Verdict.Unknown, "the run was never healed", null);
        }

        var endUs = facts.PhaseUs("final") ?? facts.EndUs;
        var forgivenUs = facts.ObservationsAreExact ? 0 : liveBlip.Us();
        var broken = Broken(facts, healedUs, endUs)
            .Where(b => b.Span.FromUs == healedUs || b.Span.ToUs == endUs || b.Span.LengthUs > forgivenUs)
            .ToArray();
        if (broken.Length == 0)
        {
            return Made(Verdict.Valid, "converged already when everything was healed", 0);
        }

        var (span, missing) = broken[^1];
        if (span.ToUs < endUs)
        {
            var tookUs = span.ToUs - healedUs;
            return tookUs <= bound.Us()
                ? Made(Verdict.Valid, $"converged for good {Durations.Ms(tookUs)} after healing", tookUs)
                : Made(Verdict.Invalid, $"converged for good only {Durations.Ms(tookUs)} after healing; last to come: {missing}", tookUs) with
                {
                    AtUs = [span.ToUs],
                };
        }

        return endUs - healedUs < bound.Us()
            ? Made(Verdict.Unknown, $"the run ended {Durations.Ms(endUs - healedUs)} after healing, before the bound; still missing: {missing}", null)
            : Made(Verdict.Invalid, $"not converged at the end: {missing}", null) with { AtUs = [span.FromUs] };
    }

    private Finding Made(Verdict verdict, string observed, long? tookUs) =>
        new(Name, verdict, "after healing: one leader, all live nodes in its quorum, one writable primary, until the end", observed, Durations.Ms(bound))
        {
            Figures = Durations.Figures(tookUs is { } us ? [("convergenceMs", Durations.ToMs(us))] : []),
        };

    /// <summary>The spans after healing in which something was missing, and what it was at their ends.</summary>
    private static List<(Span Span, string Missing)> Broken(RunFacts facts, long healedUs, long endUs)
    {
        var state = new ClusterState(facts);
        var broken = new List<(Span, string)>();
        long? since = null;
        var missing = "";
        var next = 0;
        foreach (var at in facts.Events.Select(e => e.AtUs).Where(at => at > healedUs && at <= endUs).Prepend(healedUs).Distinct())
        {
            for (; next < facts.Events.Count && facts.Events[next].AtUs <= at; next++)
            {
                state.See(facts.Events[next]);
            }

            var nowMissing = state.Missing();
            if (nowMissing.Length == 0 && since is { } from)
            {
                broken.Add((new Span(from, at), missing));
                since = null;
            }
            else if (nowMissing.Length > 0)
            {
                since ??= at;
                missing = nowMissing;
            }
        }

        if (since is { } last)
        {
            broken.Add((new Span(last, endUs), missing));
        }

        return broken;
    }

    /// <summary>Who is up, in the quorum, leading and writable, after the events seen so far.</summary>
    private sealed class ClusterState(RunFacts facts)
    {
        private readonly SortedSet<string> _down = new(StringComparer.Ordinal);
        private readonly SortedSet<string> _inQuorum = new(StringComparer.Ordinal);
        private readonly SortedSet<string> _leading = new(StringComparer.Ordinal);
        private readonly SortedSet<string> _frozenLeading = new(StringComparer.Ordinal);
        private readonly SortedSet<string> _writable = new(StringComparer.Ordinal);

        public void See(RunEvent e)
        {
            if (facts.Nodes.ContainsKey(e.Subject))
            {
                SeeNode(e);
            }
            else if (e.Kind is EventKinds.Writable or EventKinds.ServerDown)
            {
                Set(_writable, e.Subject, e.Is(EventKinds.Writable) && e.IsTrue("writable"));
            }
        }

        public string Missing()
        {
            var outside = facts.Nodes.Keys.Where(n => !_down.Contains(n) && !_inQuorum.Contains(n)).Order(StringComparer.Ordinal).ToArray();
            string?[] missing =
            [
                _leading.Count == 1 ? null : _leading.Count == 0 ? "no leader" : $"several leaders ({string.Join(", ", _leading)})",
                outside.Length == 0 ? null : $"outside the quorum: {string.Join(", ", outside)}",
                facts.Servers.Count == 0 ? null : MissingPrimary(),
            ];
            return string.Join("; ", missing.Where(m => m is not null));
        }

        private string? MissingPrimary() => (facts.History.FinalPrimary, _writable.Count) switch
        {
            (null, _) => "the cluster names no primary",
            (_, 0) => "no writable server",
            (var primary, 1) when _writable.Contains(primary) => null,
            (var primary, _) => $"writable: {string.Join(", ", _writable)}, but the primary is {primary}",
        };

        private void SeeNode(RunEvent e)
        {
            if (e.Kind is EventKinds.NodeDown or EventKinds.Halted)
            {
                Set(_down, e.Subject, isIn: true);

                // A process that was only frozen still holds what it said; it says so when that changes.
                if (e["how"] != "pause") _inQuorum.Remove(e.Subject);
            }
            else if (e.Kind is EventKinds.NodeUp or EventKinds.Started)
            {
                Set(_down, e.Subject, isIn: false);
            }
            else if (e.Is(EventKinds.QuorumSeen))
            {
                Set(_inQuorum, e.Subject, e.IsTrue("inQuorum"));
            }

            if (e.Is(EventKinds.LeaderLease) && e.IsTrue("held"))
            {
                _leading.Add(e.Subject);
            }
            else if (LeaderClaims.Ends(e))
            {
                // Frozen, it does not lead; thawed, it goes on with what it held until it says otherwise (a single node need not).
                var wasLeading = _leading.Remove(e.Subject);
                if (e.Is(EventKinds.NodeDown) && e["how"] == "pause" && wasLeading) _frozenLeading.Add(e.Subject);
                else if (_frozenLeading.Remove(e.Subject) && e.Is(EventKinds.NodeUp) && e["how"] == "resume") _leading.Add(e.Subject);
            }
        }

        private static void Set(SortedSet<string> set, string who, bool isIn) => _ = isIn ? set.Add(who) : set.Remove(who);
    }
}
