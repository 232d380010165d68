using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>No two nodes apply different entries at one index (Ongaro and Ousterhout 2014, figure 3, "State Machine Safety"), and each
/// node applies its entries in order, without a gap, from one start to the next; a snapshot that it installs takes the place of what is in it,
/// and takes nothing back (the same, section 7).</summary>
public sealed class SameLogCheck : ICheck
{
    public string Name => "sameLog";

    public Finding Judge(RunFacts facts)
    {
        var first = new Dictionary<long, RunEvent>(); // looked up, never walked through
        var last = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var wrong = new List<(long AtUs, string What)>();
        long compared = 0, applied = 0;
        foreach (var e in facts.Events)
        {
            if (e.Kind is EventKinds.Started or EventKinds.NodeUp or EventKinds.NodeDown)
            {
                last.Remove(e.Subject); // a node that starts begins at its snapshot
            }

            if (e.Is(EventKinds.SnapshotInstalled))
            {
                var end = e.Number("index");
                if (last.TryGetValue(e.Subject, out var had) && end < had)
                {
                    wrong.Add((e.AtUs, $"{e.Subject} installed a snapshot up to index {end} after it had applied {had} at {OpText.Seconds(e.AtUs)}"));
                }

                last[e.Subject] = end;
            }

            if (!e.Is(EventKinds.Applied))
            {
                continue;
            }

            applied++;
            var index = e.Number("index");
            if (last.TryGetValue(e.Subject, out var before) && index != before + 1)
            {
                wrong.Add((e.AtUs, $"{e.Subject} applied index {index} after {before} at {OpText.Seconds(e.AtUs)}"));
            }

            last[e.Subject] = index;
            if (first.TryAdd(index, e))
            {
                continue;
            }

            compared += string.Equals(first[index].Subject, e.Subject, StringComparison.Ordinal) ? 0 : 1;
            if (!IsSameEntry(first[index], e))
            {
                wrong.Add((e.AtUs, $"index {index}: {first[index].Subject} applied {Describe(first[index])}, {e.Subject} applied {Describe(e)} "
                    + $"at {OpText.Seconds(e.AtUs)}"));
            }
        }

        var verdict = wrong.Count > 0 ? Verdict.Invalid : compared == 0 ? Verdict.Unknown : Verdict.Valid;
        var observed = verdict == Verdict.Unknown
            ? "no entry was applied by two nodes: nothing could be compared"
            : $"{applied} entries applied, {compared} compared between nodes, {wrong.Count} wrong";
        return new Finding(Name, verdict, "every node applies the same entry at the same index, in order", observed, "0 wrong")
        {
            AtUs = wrong.Select(w => w.AtUs).ToArray(),
            Evidence = string.Join('\n', wrong.Take(20).Select(w => w.What)),
            Figures = Durations.Figures(("applied", applied), ("compared", compared), ("wrong", wrong.Count)),
        };
    }

    private static bool IsSameEntry(RunEvent a, RunEvent b) => a.Fields is AppliedFields fieldsOfA && b.Fields is AppliedFields fieldsOfB
        ? fieldsOfA.IsSameEntry(fieldsOfB)
        : Entry(a) == Entry(b);

    private static (string Term, string Hash) Entry(RunEvent e) => (e["term"], e["hash"]);
    private static string Describe(RunEvent e) => $"term {e["term"]} hash {e["hash"]}";
}
