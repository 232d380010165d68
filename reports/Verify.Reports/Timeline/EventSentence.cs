using Verify.Checks;

namespace Verify.Reports.Timeline;

/// <summary>One line of "what happened, and when", in words.</summary>
public sealed record SequenceLine(double AtS, string Where, string Who, string What);

/// <summary>Events as sentences for readers who do not know the names of our fields.</summary>
public static class EventSentence
{
    /// <summary>What is worth a line: no applied entries, and of the samples of a server only those that changed something.</summary>
    public static IReadOnlyList<SequenceLine> Of(IReadOnlyList<RunEvent> events, int linesMax)
    {
        var lines = new List<SequenceLine>();
        var writable = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var e in events.Where(e => e.Kind is not EventKinds.Applied))
        {
            if (e.Kind == EventKinds.Writable)
            {
                if (writable.TryGetValue(e.Subject, out var before) && before == e["writable"]) continue;
                writable[e.Subject] = e["writable"];
            }

            if (lines.Count == linesMax) break;
            lines.Add(new(e.AtUs / 1e6, e.DataCenter, e.Subject, Sentence(e)));
        }

        return lines;
    }

    private static string Sentence(RunEvent e) => e.Kind switch
    {
        EventKinds.Started => e["recovered"] == "true" ? $"started, log recovered up to entry {e["lastIndex"]}" : "started with an empty log",
        EventKinds.RoleChanged => $"is {e["role"]} in term {e["term"]}{(e["leader"].Length > 0 ? $", leader {e["leader"]}" : "")}",
        EventKinds.LeaderLease => $"{(e["held"] == "true" ? "holds" : "no longer holds")} the leader lease of term {e["term"]}",
        EventKinds.QuorumSeen => e["inQuorum"] == "true" ? "sees a quorum" : "sees no quorum",
        EventKinds.VerdictReached => $"verdict on {e["instance"]}: {e["diagnosis"]} ({e["votes"]})",
        EventKinds.WriteLease => $"{(e["held"] == "true" ? "holds" : "no longer holds")} the write lease of {e["instance"]}, token {e["token"]}",
        EventKinds.Fencing => $"fencing of {e["instance"]} by {e["by"]}: {e["phase"]}",
        EventKinds.Opened => $"opened {e["instance"]} for writes with token {e["token"]}",
        EventKinds.Recovery => $"recovery {e["recoveryId"]} {e["phase"]}{After(": ", e["step"])}{After(", ", e["detail"])}",
        EventKinds.RecoverySkipped => $"no recovery of {e["instance"]} ({e["analysis"]}) is begun: {e["reason"]} [{e["code"]}]",
        EventKinds.DiskFull => e["full"] == "true" ? "disk is full" : "disk has room again",
        EventKinds.SnapshotInstalled => $"installed a snapshot up to entry {e["index"]} of term {e["term"]}",
        EventKinds.Halted => $"halted: {e["reason"]}",
        EventKinds.NodeDown or EventKinds.ServerDown => $"down ({e["how"]})",
        EventKinds.NodeUp or EventKinds.ServerUp => $"up again{After(" (", e["how"], ")")}",
        EventKinds.Writable => e["writable"] == "true" ? "takes writes" : "takes no writes",
        EventKinds.FaultBegun => $"fault begins: {e["fault"]} {e["resolved"]}{After("; ", e["effect"])}",
        EventKinds.FaultEnded => $"fault ends: {e["fault"]} {e["resolved"]}{(e.Number("proof") > 0 ? $"; it bit {e["proof"]} times" : "")}",
        EventKinds.Phase => $"phase: {e["name"]}{After(", ", e["waiting"])}",
        _ => $"{e.Kind} {string.Join(", ", e.Fields.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key} {f.Value}"))}",
    };

    private static string After(string before, string text, string after = "") => text.Length > 0 ? before + text + after : "";
}
