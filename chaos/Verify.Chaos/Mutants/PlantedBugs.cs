using Verify.Chaos.Running;
using Verify.Chaos.Swarms;
using Verify.Chaos.Traces;
using Verify.Node.Loop;
using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Mutants;

/// <summary>How hard a bug is (shared facts, planted-bugs.md, section 1): A is found within a minute, B within ten, C is known to be hard and is
/// tracked, with the budget of B.</summary>
internal enum BugClass { A, B, C }

/// <summary>A bug that the test build can switch on: what it breaks, how hard it is, and where it is looked for, in this order. Its place in
/// the code is found by its id.</summary>
internal sealed record PlantedBug(string Id, BugClass Class, string Broken, IReadOnlyList<IHunt> Hunts)
{
    /// <summary>How long finding it may take, on two cores.</summary>
    public TimeSpan Budget => TimeSpan.FromSeconds(Class == BugClass.A ? 60 : 600);
}

/// <summary>A bug of the list that cannot be planted yet, because what it would break does not exist.</summary>
internal sealed record WaitingBug(string Id, string Broken, string Why);

/// <summary>The planted bugs of the node (M) and of the harness itself (T), and where each is looked for.</summary>
internal static class PlantedBugs
{
    /// <summary>Every hunt in its own way: the Raft swarm by its own kinds of schedules, whole worlds in random order.</summary>
    public const string OwnStrategy = "own";

    /// <summary>None of the list at present.</summary>
    public static IReadOnlyList<WaitingBug> Waiting { get; } = [];

    /// <param name="strategy">Who goes first among those who could: a word of <see cref="Strategies"/>, or <see cref="OwnStrategy"/>.</param>
    /// <exception cref="HarnessException">There is no such strategy.</exception>
    public static IReadOnlyList<PlantedBug> All(string strategy = OwnStrategy)
    {
        var actors = ActorsOf(strategy);
        IHunt Raft(SwarmStrategy shape) => new SwarmHunt(new RaftSwarmTrials(shape, actors), seed => RaftPlay.Of(seed, shape, actors is null ? "" : strategy));
        IHunt Directed(ClusterStory story) => new SwarmHunt(
            new ClusterSwarm(story: story, strategy: actors), seed => new ClusterPlay(seed, new() { Story = story.ToString() }, actors is null ? "random" : strategy));
        IHunt Scenario(string name, Timing timing, string twist = "") => ScenarioHunt.Own(name, timing, twist, actors is null ? "random" : strategy);
        IHunt random = Raft(SwarmStrategy.Random), storm = Raft(SwarmStrategy.Storm), links = Raft(SwarmStrategy.Priorities), takeover = Raft(SwarmStrategy.Takeover);
        IHunt cluster = Directed(ClusterStory.Everything), damage = Directed(ClusterStory.Damage), installs = Directed(ClusterStory.InstallCrash);
        IHunt lateAnswers = Directed(ClusterStory.LostAnswers), clocks = Directed(ClusterStory.ClockJumps), takenOut = Directed(ClusterStory.TakenOut), keys = Directed(ClusterStory.Kv), services = Directed(ClusterStory.Catalogue);
        IHunt votes = new VoteCrashHunt(actors), answers = Scenario("lost-answers", new()), disks = Scenario("full-disks-power-cut", new());
        IHunt midFailover = Scenario("leader-lost-mid-failover", PromptNodes, PromptTwist), lagging = Scenario("lagging-replica", PromptNodes, PromptTwist);
        IHunt oneLink = Scenario("one-link-down", PromptNodes, PromptTwist), collector = Scenario("collector-cut-off", new()), promotion = Scenario("prompt-promotion", PromptNodes, PromptTwist);
        IHunt takeovers = Scenario("takeovers", new()), silence = Scenario("short-silence", PromptNodes, PromptTwist);
        return [
            new("M01", BugClass.A, "a vote is given twice in a term", [random, storm]),
            new("M02", BugClass.A, "a candidate that steps down within its term forgets its vote", [random, storm, links]),
            new("M03", BugClass.A, "term and vote are forgotten at a restart", [votes, damage]),
            new("M04", BugClass.B, "a vote is answered before it is synced", [votes, damage]),
            new("M05", BugClass.B, "term and vote are written one after the other, and only the first is synced", [votes, damage]),
            new("M06", BugClass.A, "a vote of an earlier term counts", [random, storm]),
            new("M07", BugClass.A, "a vote that arrives twice counts twice", [random, storm]),
            new("M08", BugClass.A, "half of an even number of voters is a majority", [random, storm]),
            new("M09", BugClass.A, "the check whether a candidate's log is up to date compares lengths only", [random, storm]),
            new("M10", BugClass.A, "a leader or candidate ignores a later term", [random, storm]),
            new("M11", BugClass.B, "a pre-vote that is granted changes the term", [random, storm]),
            new("M12", BugClass.B, "an entry of an older term is committed by counting replicas (Raft, figure 8)", [random, storm]),
            new("M13", BugClass.A, "a follower commits beyond what it knows to match", [random, storm]),
            new("M14", BugClass.A, "a late append cuts off entries that agree", [random, storm]),
            new("M15", BugClass.A, "a conflict is overwritten and the stale tail behind it stays", [random, storm]),
            new("M16", BugClass.A, "the term of the entry before is not compared", [random, storm]),
            new("M17", BugClass.A, "a follower acknowledges its own last entry", [random, storm]),
            new("M18", BugClass.B, "a refusal counts as an acknowledgement", [random, storm]),
            new("M19", BugClass.B, "the leader counts itself before its own disk has answered", [random, storm]),
            new("M20", BugClass.B, "a write is answered by the index alone, whoever's entry that is", [lateAnswers, answers]),
            new("M21", BugClass.A, "the leader commits what only its own disk has", [random, storm]),
            new("M22", BugClass.B, "a restored state lacks something that was applied", [cluster, damage]),
            new("M23", BugClass.A, "a write that is sent again is applied again", [answers, cluster]),
            new("M24", BugClass.B, "a record with a wrong checksum at the end of the log is accepted", [damage, cluster]),
            new("M25", BugClass.B, "damage in the middle of the log is taken for its end", [damage, cluster]),
            new("M26", BugClass.A, "a full disk is ignored and the entry acknowledged", [disks, damage]),
            new("M27", BugClass.B, "after a full disk a node never writes again", [cluster, damage]),
            new("M28", BugClass.B, "a failed sync is taken for one that worked", [damage, cluster]),
            new("M29", BugClass.A, "an older snapshot is installed over a newer state", [random, storm, links]),
            new("M30", BugClass.B, "a snapshot is named with the term of the next entry", [random, storm]),
            new("M31", BugClass.A, "an append that begins inside the snapshot is a conflict", [random, storm]),
            new("M32", BugClass.A, "the sessions, or the members, are not in the snapshot", [cluster, damage]),
            new("M33", BugClass.B, "a snapshot is installed in two steps", [installs, cluster]),
            new("M34", BugClass.C, "a leader changes the members before it has committed in its own term (Ongaro 2015)", [takeover, storm]),
            new("M35", BugClass.C, "a change of members stays in force though its entry was cut off", [random, storm]),
            new("M36", BugClass.A, "a joint change asks the new voters only", [random, storm]),
            new("M37", BugClass.A, "learners and nodes that left count", [random, storm]),
            new("M38", BugClass.B, "a leader that hands over keeps its lease", [random, storm]),
            new("M39", BugClass.A, "a leader answers reads without asking a majority", [random, storm]),
            new("M40", BugClass.B, "a leader answers reads before it has committed in its own term", [random, storm]),
            new("M41", BugClass.B, "the lease counts from when the answer came", [random, links]),
            new("M42", BugClass.B, "a follower of a living leader votes for another", [random, storm]),
            new("M43", BugClass.A, "elections and leases follow the wall clock", [clocks, cluster]),
            new("M44", BugClass.A, "a leader that hears nobody stays leader", [random, storm]),
            new("M45", BugClass.A, "no pre-vote", [random, storm]),
            new("M46", BugClass.A, "all wait equally long before they stand for election", [random, storm]),
            new("M47", BugClass.B, "the place where a follower's log goes on is never found again", [random, storm]),
            new("M48", BugClass.B, "a node that has left stands for election for ever", [takenOut, cluster]),
            .. OfFleets(promotion, midFailover, lagging, oneLink, collector, keys, takeovers, silence),
            .. OfServices(services),
            .. actors is null ? HarnessGates.All(answers) : [],
        ];
    }

    private static PlantedBug[] OfFleets(IHunt promotion, IHunt midFailover, IHunt lagging, IHunt oneLink, IHunt collector, IHunt keys, IHunt takeovers, IHunt silence) =>
    [
        new("M49", BugClass.A, "the guardian of an isolated primary does not close it", [promotion]),
        new("M50", BugClass.A, "the majority promotes before the old primary's lease has run out", [promotion]),
        new("M51", BugClass.A, "a leader that was deposed goes on with its failover", [midFailover]),
        new("M52", BugClass.B, "a recovery that another leader opened is not taken up", [midFailover]),
        new("M53", BugClass.A, "the replica that comes first is promoted, whatever it lacks", [lagging]),
        new("M54", BugClass.A, "a server with errant transactions is re-attached", [promotion]),
        new("M55", BugClass.A, "the old primary is named with a lease after that has run out", [promotion]),
        new("M56", BugClass.A, "one node that does not reach the primary is enough to call it dead", [oneLink]),
        new("M57", BugClass.A, "the throttler answers OK from stale samples", [collector]),
        new("M58", BugClass.A, "a node outside the quorum says that it is healthy", [promotion]),
        new("M59", BugClass.B, "what ends by itself, locks with it, ends by the leader's wall clock", [keys]),
        new("M60", BugClass.A, "a planned takeover opens the new primary before the old one is closed and drained", [takeovers]),
        new("M64", BugClass.A, "a guardian says of a primary that is silent that it is gone", [silence]),
    ];

    /// <summary>Of services; M61 to M63 are planted for the exhaustive exploration alone.</summary>
    private static PlantedBug[] OfServices(IHunt services) =>
    [
        new("M70", BugClass.A, "a leader answers heartbeats of services and does not replicate them", [services]),
        new("M71", BugClass.A, "a node leaves out of its answers what is over by its own wall clock", [services]),
        new("M72", BugClass.A, "nobody tells the log of the time when only a service waits for it", [services]),
        new("M73", BugClass.A, "a follower answers consistent questions about services from what it happens to have applied", [services]),
    ];

    private static Func<IChoiceSource, IActorScheduler>? ActorsOf(string strategy)
    {
        if (strategy == OwnStrategy) return null;
        try
        {
            return Strategies.Parse(strategy);
        }
        catch (FormatException e)
        {
            throw new HarnessException($"{e.Message}; or {OwnStrategy}: each hunt in its own way", e);
        }
    }

    /// <summary>The bugs of a list of ids; all when there is none. "T4" stands for all its forms ("T4-clock", …).</summary>
    /// <exception cref="HarnessException">There is no such bug.</exception>
    public static IReadOnlyList<PlantedBug> Named(string ids, string strategy = OwnStrategy)
    {
        var all = All(strategy);
        if (ids.Length == 0) return all;
        return [.. ids.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).SelectMany(id => Called(id, all, strategy))];
    }

    private static PlantedBug[] Called(string id, IReadOnlyList<PlantedBug> all, string strategy)
    {
        bool Is(string other) => string.Equals(other, id, StringComparison.OrdinalIgnoreCase) || other.StartsWith($"{id}-", StringComparison.OrdinalIgnoreCase);
        var called = all.Where(bug => Is(bug.Id)).ToArray();
        // No strategy decides anything in a gate of the harness: its bugs are hunted once, whatever strategies the table has.
        if (called.Length > 0 || (strategy != OwnStrategy && All().Any(bug => Is(bug.Id)))) return called;
        throw new HarnessException(Waiting.FirstOrDefault(bug => Is(bug.Id)) is { } waiting
            ? $"{waiting.Id} waits: {waiting.Why}" : $"there is no planted bug '{id}'; there are: {string.Join(", ", all.Select(b => b.Id))}");
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
