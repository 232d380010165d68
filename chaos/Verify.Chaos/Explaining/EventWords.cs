using Verify.Checks;
using Verify.Reports.SpaceTime;

namespace Verify.Chaos.Explaining;

/// <summary>Kinds of events that only the swarm over the Raft core tells; the rest are <see cref="EventKinds"/>.</summary>
internal static class SwarmKinds
{
    public const string Voted = "voted";          // to, term
    public const string Appended = "appended";    // entries
    public const string Committed = "committed";  // index, term
    public const string Installed = "installed";  // entry
    public const string Synced = "synced";
    public const string Answered = "answered";    // what: a read
    public const string Story = "story";          // what
}

/// <summary>Events as sentences of the chain, their colour, and how much they matter before anything is known of the violation.</summary>
internal static class EventWords
{
    public static string Of(RunEvent e) => e.Kind switch
    {
        EventKinds.Started => e["recovered"] == "true" ? $"{e.Subject} started with a log up to entry {e["lastIndex"]}" : $"{e.Subject} started with an empty log",
        EventKinds.RoleChanged => Role(e),
        EventKinds.LeaderLease => e["held"] == "true" ? $"{e.Subject} holds the leader lease of term {e["term"]}: a quorum confirmed it" : $"{e.Subject} no longer holds the leader lease of term {e["term"]}{LateWords(e)}",
        EventKinds.QuorumSeen => e["inQuorum"] == "true" ? $"{e.Subject} sees a quorum" : $"{e.Subject} sees no quorum any more",
        EventKinds.VerdictReached => $"{e.Subject} concludes that {e["instance"]} is {e["diagnosis"]} ({e["votes"]})",
        EventKinds.WriteLease => e["held"] == "true" ? $"{e.Subject}, as guardian, holds the write lease of {e["instance"]} with token {e["token"]}" : $"{e.Subject}, as guardian, no longer holds the write lease of {e["instance"]}",
        EventKinds.Fencing => e["phase"] == "begun" ? $"{e.Subject} begins to close {e["instance"]} ({e["by"]})" : e["phase"] == "done" ? $"{e.Subject} has closed {e["instance"]}" : $"{e.Subject} failed to close {e["instance"]}",
        EventKinds.Opened => $"{e.Subject} opened {e["instance"]} for writes with token {e["token"]}",
        EventKinds.Recovery => $"{e.Subject}: recovery {e["recoveryId"]} {e["phase"]}{After(": ", e["step"])}{After(", ", e["detail"])}",
        EventKinds.RecoverySkipped => $"{e.Subject} begins no recovery of {e["instance"]} ({e["analysis"]}): {e["reason"]} [{e["code"]}]",
        EventKinds.DiskFull => e["full"] == "true" ? $"the disk of {e.Subject} is full" : $"the disk of {e.Subject} has room again",
        EventKinds.Halted => $"{e.Subject} stopped itself: {e["reason"]}",
        EventKinds.NodeDown or EventKinds.ServerDown => $"{e.Subject} goes down ({e["how"]})",
        EventKinds.NodeUp or EventKinds.ServerUp => $"{e.Subject} is up again{After(" (", e["how"], ")")}",
        EventKinds.Writable => e["writable"] == "true" ? $"{e.Subject} takes writes of ordinary users" : $"{e.Subject} takes no more writes",
        EventKinds.FaultBegun => $"{e.Subject}: {e["fault"]} {e["resolved"]} begins{After(" (", e["effect"], ")")}",
        EventKinds.FaultEnded => $"{e.Subject}: {e["fault"]} {e["resolved"]} ends{(e.Number("proof") > 0 ? $" (it held or dropped {e["proof"]})" : "")}",
        EventKinds.Applied => $"{e.Subject} applies entry {e["index"]} of term {e["term"]} (content {e["hash"]})",
        EventKinds.SnapshotInstalled => $"{e.Subject} puts a snapshot up to entry {e["index"]} of term {e["term"]} in the place of its state",
        EventKinds.Phase => $"phase: {e["name"]}",
        SwarmKinds.Voted => $"{e.Subject} gives its vote of term {e["term"]} to {e["to"]}",
        SwarmKinds.Appended => $"{e.Subject} takes {e["entries"]} into its log",
        SwarmKinds.Committed => $"{e.Subject} holds everything up to index {e["index"]} for committed (term {e["term"]})",
        SwarmKinds.Installed => $"{e.Subject} puts a snapshot up to {e["entry"]} in the place of its log",
        SwarmKinds.Synced => $"the disk of {e.Subject} has synced",
        _ => e["what"].Length > 0 ? e["what"] : $"{e.Subject}: {e.Kind} {string.Join(", ", e.Fields.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key} {f.Value}"))}",
    };

    public static MarkStyle Style(RunEvent e) => e.Kind switch
    {
        EventKinds.RoleChanged or SwarmKinds.Voted => MarkStyle.Election,
        EventKinds.LeaderLease or EventKinds.WriteLease or EventKinds.QuorumSeen => MarkStyle.Lease,
        EventKinds.Fencing or EventKinds.Opened or EventKinds.Writable => MarkStyle.Fence,
        EventKinds.Recovery or EventKinds.RecoverySkipped or EventKinds.VerdictReached => MarkStyle.Recovery,
        EventKinds.FaultBegun or EventKinds.FaultEnded or EventKinds.DiskFull => MarkStyle.Fault,
        EventKinds.Applied or EventKinds.SnapshotInstalled or SwarmKinds.Appended or SwarmKinds.Committed or SwarmKinds.Installed or SwarmKinds.Synced => MarkStyle.Log,
        SwarmKinds.Answered => MarkStyle.Operation,
        _ => MarkStyle.Process,
    };

    /// <summary>0: never part of a chain by itself.</summary>
    public static double Weight(RunEvent e, Concern concern) => e.Kind switch
    {
        EventKinds.Halted => 90,
        EventKinds.FaultBegun => 80,
        EventKinds.FaultEnded => 38,
        EventKinds.NodeDown or EventKinds.ServerDown or EventKinds.DiskFull => 60,
        EventKinds.NodeUp or EventKinds.ServerUp => 44,
        EventKinds.Started => 20,
        EventKinds.RoleChanged => e["role"] switch { "Leader" => 66, "Candidate" => concern == Concern.Servers ? 14 : 40, "PreCandidate" => 8, _ => concern == Concern.Servers ? 6 : 24 },
        EventKinds.LeaderLease => concern == Concern.Servers ? 22 : 50,
        EventKinds.QuorumSeen => e["inQuorum"] == "true" ? 12 : 34,
        EventKinds.WriteLease => concern == Concern.Servers ? e["held"] == "true" ? 48 : 58 : 4,
        EventKinds.Fencing => concern == Concern.Servers ? 62 : 4,
        EventKinds.Opened => concern == Concern.Servers ? 70 : 4,
        EventKinds.Writable => concern == Concern.Servers ? 68 : 3,
        EventKinds.VerdictReached => concern == Concern.Servers && e["diagnosis"] is not ("Healthy" or "healthy" or "NoProblem") ? 46 : 3,
        EventKinds.RecoverySkipped => concern == Concern.Servers ? 44 : 3,
        EventKinds.Recovery => concern != Concern.Servers ? 4 : e["phase"] switch { "opened" => 56, "closed" => 40, "outcome" => 42, _ => 20 },
        SwarmKinds.Voted => 42,
        SwarmKinds.Committed => 30,
        SwarmKinds.Appended => 16,
        SwarmKinds.Installed => 50,
        SwarmKinds.Answered => 34,
        SwarmKinds.Story => 48,
        _ => 0,
    };

    private static string LateWords(RunEvent e) => e.Number("lateUs") is > 0 and var lateUs ? $": it ran out {lateUs / 1e6:0.000} s ago, and the node has not run since" : "";

    private static string Role(RunEvent e) => e["role"] switch
    {
        "Leader" => $"{e.Subject} leads term {e["term"]}",
        "Candidate" => $"{e.Subject} stands for election in term {e["term"]}",
        "PreCandidate" => $"{e.Subject} hears no leader and asks whether it would be elected (term {e["term"]})",
        _ => e["leader"].Length > 0 ? $"{e.Subject} follows {e["leader"]} in term {e["term"]}" : $"{e.Subject} is a follower in term {e["term"]} and knows no leader",
    };

    private static string After(string before, string text, string after = "") => text.Length > 0 ? before + text + after : "";
}

/// <summary>What a broken promise is about; decides which events matter.</summary>
internal enum Concern { Leadership, Log, Operations, Servers, Progress }
