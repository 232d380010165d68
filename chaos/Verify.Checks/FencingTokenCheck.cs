using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>Fencing tokens strictly increase from primary to primary, a token names one server only, and no server is opened, and no
/// write lease taken, with an older token than one that was already seen (Kleppmann 2016, "How to do distributed locking").</summary>
public sealed class FencingTokenCheck : ICheck
{
    public string Name => "fencingTokens";

    public Finding Judge(RunFacts facts)
    {
        var newest = new SortedDictionary<string, (long Token, string Server, RunEvent Seen)>(StringComparer.Ordinal);
        var wrong = new List<(long AtUs, string What)>();
        var tokens = new SortedSet<(string Cluster, long Token)>();
        foreach (var e in facts.Events.Where(e => e.Is(EventKinds.Opened) || (e.Is(EventKinds.WriteLease) && e.IsTrue("held"))))
        {
            var (cluster, token, server) = (e["cluster"], e.Number("token"), facts.Server(e["instance"]));
            tokens.Add((cluster, token));
            if (!newest.TryGetValue(cluster, out var last))
            {
                newest[cluster] = (token, server, e);
                continue;
            }

            if (token < last.Token)
            {
                wrong.Add((e.AtUs, $"{Describe(e, server)}, after {Describe(last.Seen, last.Server)}"));
            }
            else if (token == last.Token && !string.Equals(server, last.Server, StringComparison.Ordinal))
            {
                wrong.Add((e.AtUs, $"one token for two servers: {Describe(last.Seen, last.Server)}, then {Describe(e, server)}"));
            }
            else
            {
                newest[cluster] = (token, server, e);
            }
        }

        var verdict = wrong.Count > 0 ? Verdict.Invalid : tokens.Count == 0 ? Verdict.Unknown : Verdict.Valid;
        var observed = tokens.Count == 0 ? "no fencing token was seen" : $"{tokens.Count} tokens seen, {wrong.Count} used after a newer one";
        return new Finding(Name, verdict, "fencing tokens strictly increase; nothing is opened with an older one", observed, "0 older")
        {
            AtUs = wrong.Select(w => w.AtUs).ToArray(),
            Evidence = string.Join('\n', wrong.Take(20).Select(w => w.What)),
            Figures = Durations.Figures(("tokens", tokens.Count), ("older", wrong.Count)),
        };
    }

    private static string Describe(RunEvent e, string server) =>
        $"{e.Subject} {(e.Is(EventKinds.Opened) ? "opened" : "took the lease of")} {server} with token {e["token"]} at {OpText.Seconds(e.AtUs)}";
}
