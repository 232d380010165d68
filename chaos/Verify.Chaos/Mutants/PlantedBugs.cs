using Verify.Chaos.Running;
using Verify.Node.Loop;

namespace Verify.Chaos.Mutants;

/// <summary>A bug that the test build can switch on: what it breaks, how long finding it may take, and where it is looked for, in
/// this order. Its place in the code is found by its id.</summary>
internal sealed record PlantedBug(string Id, string Broken, TimeSpan Budget, IReadOnlyList<IHunt> Hunts);

/// <summary>The twelve planted bugs of the gate, and the hunts.</summary>
internal static class PlantedBugs
{
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(60);

    public static IReadOnlyList<PlantedBug> All()
    {
        var (swarm, votes) = (new RaftSwarmHunt(), new VoteCrashHunt());
        var answers = ScenarioHunt.Own("lost-answers", new());
        var disks = ScenarioHunt.Own("full-disks-power-cut", new());
        var promotion = ScenarioHunt.Own("prompt-promotion", PromptNodes, PromptTwist);
        return
        [
            new("M01", "a vote is given twice in a term", Usual, [swarm]),
            new("M03", "term and vote are forgotten at a restart", Usual, [votes]),
            new("M07", "a vote that arrives twice counts twice", Usual, [swarm]),
            new("M09", "the check whether a candidate's log is up to date compares lengths only", Usual, [swarm]),
            new("M12", "an entry of an older term is committed by counting replicas (Raft, figure 8)", TimeSpan.FromSeconds(600), [swarm]),
            new("M14", "a late append cuts off entries that agree", Usual, [swarm]),
            new("M21", "the leader commits what only its own disk has", Usual, [swarm]),
            new("M23", "a write that is sent again is applied again", Usual, [answers]),
            new("M26", "a full disk is ignored and the entry acknowledged", Usual, [disks]),
            new("M39", "a leader answers reads without asking a majority", Usual, [swarm]),
            new("M49", "the guardian of an isolated primary does not close it", Usual, [promotion]),
            new("M50", "the majority promotes before the old primary's lease has run out", Usual, [promotion]),
        ];
    }

    /// <summary>The bugs of a list of ids; all when there is none.</summary>
    /// <exception cref="HarnessException">There is no such bug.</exception>
    public static IReadOnlyList<PlantedBug> Named(string ids)
    {
        var all = All();
        if (ids.Length == 0) return all;
        return [.. ids.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(id =>
            all.FirstOrDefault(bug => string.Equals(bug.Id, id, StringComparison.OrdinalIgnoreCase))
            ?? throw new HarnessException($"there is no planted bug '{id}'; there are: {string.Join(", ", all.Select(b => b.Id))}"))];
    }

    private const string PromptTwist = "(Nodes of this hunt probe every 100 ms with a timeout of 200 ms and hold a write lease of 3 s.)";

    /// <summary>Nodes that see a failure long before the write lease ends: only the lease itself keeps two primaries apart.</summary>
    private static Timing PromptNodes => new()
    {
        ProbeInterval = TimeSpan.FromMilliseconds(100),
        ProbeTimeout = TimeSpan.FromMilliseconds(200),
        ReportInterval = TimeSpan.FromMilliseconds(100),
        ObservationAgeMax = TimeSpan.FromSeconds(1),
        WriteLease = TimeSpan.FromSeconds(3),
    };
}
