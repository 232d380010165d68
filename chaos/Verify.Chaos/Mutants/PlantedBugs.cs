using Verify.Chaos.Running;
using Verify.Chaos.Swarms;
using Verify.Node.Loop;
using Verify.Sim.RaftOnly;

namespace Verify.Chaos.Mutants;

/// <summary>A bug that the test build can switch on: what it breaks, how long finding it may take, and where it is looked for, in
/// this order. Its place in the code is found by its id.</summary>
internal sealed record PlantedBug(string Id, string Broken, TimeSpan Budget, IReadOnlyList<IHunt> Hunts);

/// <summary>The planted bugs, and where each is looked for.</summary>
internal static class PlantedBugs
{
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(60);

    public static IReadOnlyList<PlantedBug> All()
    {
        IHunt random = new SwarmHunt(new RaftSwarmTrials(SwarmStrategy.Random)), storm = new SwarmHunt(new RaftSwarmTrials(SwarmStrategy.Storm));
        IHunt links = new SwarmHunt(new RaftSwarmTrials(SwarmStrategy.Priorities)), takeover = new SwarmHunt(new RaftSwarmTrials(SwarmStrategy.Takeover));
        IHunt cluster = new SwarmHunt(new ClusterSwarm()), damage = Directed(ClusterStory.Damage);
        IHunt installs = Directed(ClusterStory.InstallCrash), lateAnswers = Directed(ClusterStory.LostAnswers), clocks = Directed(ClusterStory.ClockJumps);
        var takenOut = Directed(ClusterStory.TakenOut);
        var votes = new VoteCrashHunt();
        var answers = ScenarioHunt.Own("lost-answers", new());
        var disks = ScenarioHunt.Own("full-disks-power-cut", new());
        var midFailover = ScenarioHunt.Own("leader-lost-mid-failover", PromptNodes, PromptTwist);
        var lagging = ScenarioHunt.Own("lagging-replica", PromptNodes, PromptTwist);
        var oneLink = ScenarioHunt.Own("one-link-down", PromptNodes, PromptTwist);
        var promotion = ScenarioHunt.Own("prompt-promotion", PromptNodes, PromptTwist);
        return
        [
            new("M01", "a vote is given twice in a term", Usual, [random, storm]),
            new("M02", "a candidate that steps down within its term forgets its vote", Usual, [random, storm, links]),
            new("M03", "term and vote are forgotten at a restart", Usual, [votes, damage]),
            new("M04", "a vote is answered before it is synced", Usual, [votes, damage]),
            new("M05", "term and vote are written one after the other, and only the first is synced", Usual, [votes, damage]),
            new("M06", "a vote of an earlier term counts", Usual, [random, storm]),
            new("M07", "a vote that arrives twice counts twice", Usual, [random, storm]),
            new("M08", "half of an even number of voters is a majority", Usual, [random, storm]),
            new("M09", "the check whether a candidate's log is up to date compares lengths only", Usual, [random, storm]),
            new("M10", "a leader or candidate ignores a later term", Usual, [random, storm]),
            new("M11", "a pre-vote that is granted changes the term", Usual, [random, storm]),
            new("M12", "an entry of an older term is committed by counting replicas (Raft, figure 8)", TimeSpan.FromSeconds(600), [random, storm]),
            new("M13", "a follower commits beyond what it knows to match", Usual, [random, storm]),
            new("M14", "a late append cuts off entries that agree", Usual, [random, storm]),
            new("M15", "a conflict is overwritten and the stale tail behind it stays", Usual, [random, storm]),
            new("M16", "the term of the entry before is not compared", Usual, [random, storm]),
            new("M17", "a follower acknowledges its own last entry", Usual, [random, storm]),
            new("M18", "a refusal counts as an acknowledgement", Usual, [random, storm]),
            new("M19", "the leader counts itself before its own disk has answered", Usual, [random, storm]),
            new("M20", "a write is answered by the index alone, whoever's entry that is", Usual, [lateAnswers, answers]),
            new("M21", "the leader commits what only its own disk has", Usual, [random, storm]),
            new("M22", "a restored state lacks something that was applied", Usual, [cluster, damage]),
            new("M23", "a write that is sent again is applied again", Usual, [answers, cluster]),
            new("M24", "a record with a wrong checksum at the end of the log is accepted", Usual, [damage, cluster]),
            new("M25", "damage in the middle of the log is taken for its end", Usual, [damage, cluster]),
            new("M26", "a full disk is ignored and the entry acknowledged", Usual, [disks, damage]),
            new("M27", "after a full disk a node never writes again", Usual, [cluster, damage]),
            new("M28", "a failed sync is taken for one that worked", Usual, [damage, cluster]),
            new("M29", "an older snapshot is installed over a newer state", Usual, [random, storm, links]),
            new("M30", "a snapshot is named with the term of the next entry", Usual, [random, storm]),
            new("M31", "an append that begins inside the snapshot is a conflict", Usual, [random, storm]),
            new("M32", "the sessions, or the members, are not in the snapshot", Usual, [cluster, damage]),
            new("M33", "a snapshot is installed in two steps", Usual, [installs, cluster]),
            new("M34", "a leader changes the members before it has committed in its own term (Ongaro 2015)", TimeSpan.FromSeconds(600), [takeover, storm]),
            new("M35", "a change of members stays in force though its entry was cut off", Usual, [random, storm]),
            new("M36", "a joint change asks the new voters only", Usual, [random, storm]),
            new("M37", "learners and nodes that left count", Usual, [random, storm]),
            new("M38", "a leader that hands over keeps its lease", Usual, [random, storm]),
            new("M39", "a leader answers reads without asking a majority", Usual, [random, storm]),
            new("M40", "a leader answers reads before it has committed in its own term", Usual, [random, storm]),
            new("M41", "the lease counts from when the answer came", Usual, [random, links]),
            new("M42", "a follower of a living leader votes for another", Usual, [random, storm]),
            new("M43", "elections and leases follow the wall clock", Usual, [clocks, cluster]),
            new("M44", "a leader that hears nobody stays leader", Usual, [random, storm]),
            new("M45", "no pre-vote", Usual, [random, storm]),
            new("M46", "all wait equally long before they stand for election", Usual, [random, storm]),
            new("M47", "the place where a follower's log goes on is never found again", Usual, [random, storm]),
            new("M48", "a node that has left stands for election for ever", Usual, [takenOut, cluster]),
            new("M49", "the guardian of an isolated primary does not close it", Usual, [promotion]),
            new("M50", "the majority promotes before the old primary's lease has run out", Usual, [promotion]),
            new("M51", "a leader that was deposed goes on with its failover", Usual, [midFailover]),
            new("M52", "a recovery that another leader opened is not taken up", Usual, [midFailover]),
            new("M53", "the replica that comes first is promoted, whatever it lacks", Usual, [lagging]),
            new("M54", "a server with errant transactions is re-attached", Usual, [promotion]),
            new("M55", "the old primary is named with a lease after that has run out", Usual, [promotion]),
            new("M56", "one node that does not reach the primary is enough to call it dead", Usual, [oneLink]),
            new("M58", "a node outside the quorum says that it is healthy", Usual, [promotion]),
        ];
    }

    private static SwarmHunt Directed(ClusterStory story) => new(new ClusterSwarm(story: story));

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
