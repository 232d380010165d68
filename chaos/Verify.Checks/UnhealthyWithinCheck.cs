using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>A node that is cut off from the majority of the nodes says so to whoever asks for its health, at the latest the bound after it
/// was cut off: a load balancer that believes it would keep sending people to a node that can decide nothing
/// (orchestrator docs/raft.md: "HTTP 500 when not part of a healthy group").</summary>
public sealed class UnhealthyWithinCheck(TimeSpan bound) : ICheck
{
    public string Name => "unhealthyWithin";

    public Finding Judge(RunFacts facts)
    {
        var faults = FaultWindow.Of(facts);
        var cutOff = facts.Nodes.Keys.Order(StringComparer.Ordinal)
            .SelectMany(node => Isolation.OfNode(node, facts, faults).Select(span => new NamedSpan(node, new Span(span.FromUs + bound.Us(), span.ToUs))))
            .Where(s => s.Span.LengthUs > 0).ToArray();
        var told = facts.Events.Where(e => e.Is(EventKinds.Told))
            .Where(e => cutOff.Any(s => string.Equals(s.Who, e.Subject, StringComparison.Ordinal) && s.Span.FromUs < e.AtUs && e.AtUs < s.Span.ToUs)).ToArray();
        var wrong = told.Where(e => e.IsTrue("healthy")).ToArray();
        var observed = cutOff.Length == 0 ? "no node was cut off from the majority for longer than the bound"
            : $"cut off: {string.Join(", ", cutOff.Select(s => s.Who).Distinct(StringComparer.Ordinal))}; asked {told.Length} times after the bound, {wrong.Length} times \"healthy\"";
        return new Finding(
            Name, wrong.Length > 0 ? Verdict.Invalid : told.Length == 0 ? Verdict.Unknown : Verdict.Valid,
            "a node that is cut off from the majority calls itself healthy no longer than the bound", observed, Durations.Ms(bound))
        {
            AtUs = wrong.Select(e => e.AtUs).Take(100).ToArray(),
            Evidence = string.Join('\n', wrong.Take(20).Select(e => $"{OpText.Seconds(e.AtUs)}: {e.Subject} says that it is healthy")),
            Figures = Durations.Figures(("asked", told.Length), ("falselyHealthy", wrong.Length)),
        };
    }
}
