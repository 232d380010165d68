namespace Verify.Checks.Timelines;

/// <summary>When somebody was cut off from the majority of the nodes, according to the faults alone (not according to any node).</summary>
public static class Isolation
{
    /// <summary>The spans in which this node reaches, both ways, fewer than a majority of the nodes, itself included.</summary>
    public static IReadOnlyList<Span> OfNode(string node, RunFacts facts, IReadOnlyList<FaultWindow> faults) =>
        SpansWhere(facts, faults, active => !ReachesMajority(node, facts, active));

    /// <summary>The spans in which no node that could guard this server reaches a majority. Its guards are the nodes of its own
    /// data centre; where there is none, every node that reaches the server.</summary>
    public static IReadOnlyList<Span> OfServer(string server, RunFacts facts, IReadOnlyList<FaultWindow> faults)
    {
        var dataCenter = facts.Servers.GetValueOrDefault(server, "");
        var near = NodesOf(facts).Where(n => string.Equals(facts.Nodes[n], dataCenter, StringComparison.Ordinal)).ToArray();
        return SpansWhere(facts, faults, active =>
            (near.Length > 0 ? near : NodesOf(facts).Where(n => Reaches(n, server, active))).All(n => !ReachesMajority(n, facts, active)));
    }

    private static IEnumerable<string> NodesOf(RunFacts facts) => facts.Nodes.Keys.Order(StringComparer.Ordinal);

    private static bool Reaches(string a, string b, IReadOnlyList<FaultWindow> active) =>
        active.All(f => !f.Cuts(a, b) && !f.Cuts(b, a));

    private static bool ReachesMajority(string node, RunFacts facts, IReadOnlyList<FaultWindow> active) =>
        facts.Nodes.Keys.Count(other => string.Equals(other, node, StringComparison.Ordinal) || Reaches(node, other, active)) * 2 > facts.Nodes.Count;

    private static List<Span> SpansWhere(RunFacts facts, IReadOnlyList<FaultWindow> faults, Func<IReadOnlyList<FaultWindow>, bool> isIsolated)
    {
        var cuts = faults.Where(f => f.IsCut && f.Span.LengthUs > 0).ToArray();
        var moments = cuts.SelectMany(f => new[] { f.Span.FromUs, f.Span.ToUs }).Distinct().Order().ToArray();
        var spans = new List<Span>();
        long? since = null;
        foreach (var at in moments)
        {
            var active = cuts.Where(f => f.Span.FromUs <= at && at < f.Span.ToUs).ToArray();
            if (isIsolated(active))
            {
                since ??= at;
            }
            else if (since is { } from)
            {
                spans.Add(new Span(from, at));
                since = null;
            }
        }

        if (since is { } last)
        {
            spans.Add(new Span(last, facts.EndUs));
        }

        return spans;
    }
}
