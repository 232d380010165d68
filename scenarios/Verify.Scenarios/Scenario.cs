using System.Collections.Immutable;

namespace Verify.Scenarios;

/// <summary>A test of the system as data: a fleet, a workload, what is done to it and when, and what must hold.
/// Written as YAML (scenarios/README.md), or built in C#.</summary>
public sealed record Scenario
{
    public required string Name { get; init; }

    /// <summary>One or two sentences: what happens, and what must come out of it.</summary>
    public required string Story { get; init; }
    public required FleetSpec Fleet { get; init; }
    public required WorkloadSpec Workload { get; init; }
    public required ImmutableArray<Step> Steps { get; init; }
    public required ImmutableArray<Expectation> Expect { get; init; }

    /// <summary>Time before the first step, with the fleet whole: a leader is elected and a primary adopted within it.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the healed system may take to converge before the final reads.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>Which node and which server stands in which data centre. Sorted by name.</summary>
public sealed record FleetSpec(
    ImmutableSortedDictionary<string, ImmutableArray<string>> Nodes,
    ImmutableSortedDictionary<string, ImmutableArray<string>> Servers,
    string? Primary)
{
    /// <summary>"semi_sync" (default): a commit is acknowledged only when a replica has it, without falling back to
    /// asynchronous. "cross_dc": only when a replica in another data centre than the primary's has it. "none": asynchronous; an
    /// isolated primary then loses what it acknowledged before it was fenced.</summary>
    public string Durability { get; init; } = "semi_sync";

    /// <summary>Nothing is acknowledged that no replica has.</summary>
    public bool IsSemiSync => Durability != "none";

    /// <summary>Whether a server acknowledges while the first primary lives; afterwards the nodes see to it.</summary>
    public bool Acknowledges(string server) => Durability switch
    {
        "none" => false,
        "cross_dc" => !Servers.Any(dc => dc.Value.Contains(server, StringComparer.Ordinal) && Primary is { } primary && dc.Value.Contains(primary, StringComparer.Ordinal)),
        _ => true,
    };

    /// <summary>"mysql" (default) or "mariadb". A live run obeys its command line instead.</summary>
    public string Flavor { get; init; } = "mysql";

    /// <summary>Replicas are divided among the nodes instead of being probed by all of them.</summary>
    public bool SharesProbing { get; init; }

    /// <summary>A primary that stays closed although its guardian holds its lease is replaced.</summary>
    public bool ReplacesUnwritable { get; init; }

    /// <summary>DiskStalledSeconds in both worlds: less than the default, so that short scenarios get there.</summary>
    public static TimeSpan StalledAfter { get; } = TimeSpan.FromSeconds(2);

    /// <summary>A primary that answers while no commit comes back from its disk is replaced.</summary>
    public bool ReplacesStalled { get; init; }

    /// <summary>Who replicates from another replica: server → its source. Everybody else replicates from the primary. The primary itself may stand
    /// here, below a server that is directly below it: co-primaries.</summary>
    public ImmutableSortedDictionary<string, string> Below { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Whom a server replicates from in the beginning; null for a primary without a co-primary.</summary>
    public string? SourceOf(string server) => Below.GetValueOrDefault(server) ?? (server == Primary ? null : Primary);

    /// <summary>Every data centre named by nodes or servers, sorted.</summary>
    public ImmutableArray<string> DataCenters => [.. Nodes.Keys.Union(Servers.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)];
}

/// <summary>What clients do meanwhile. Clients are spread over the data centres in turn; each waits <see cref="Pause"/> between two operations.</summary>
public sealed record WorkloadSpec(int Clients, TimeSpan For, int Keys, TimeSpan Pause, ImmutableSortedDictionary<string, int> Mix);

/// <summary>One thing that is done to the fleet. Times count from the end of the warm-up.</summary>
/// <param name="At">When.</param>
/// <param name="Until">When it is undone; null for what needs no undoing (a kill) or lasts until the scenario heals everything.</param>
/// <param name="Line">Line in the file, for messages; 0 when built in C#.</param>
public sealed record Step(TimeSpan At, TimeSpan? Until, Fault Fault, int Line = 0);

/// <summary>Everything that can be done. A closed list.</summary>
public abstract record Fault
{
    private Fault() { }

    /// <summary>The word in the file.</summary>
    public string Word => GetType().Name switch { var n => char.ToLowerInvariant(n[0]) + n[1..] };

    /// <summary>Groups of targets that cannot reach each other; whoever is in no group forms one more group.</summary>
    public sealed record Partition(ImmutableArray<ImmutableArray<Target>> Groups) : Fault;

    /// <summary>One direction only: what <paramref name="From"/> sends never reaches <paramref name="To"/>.</summary>
    public sealed record OneWay(Target From, Target To) : Fault;

    /// <summary>SIGKILL. With <see cref="Step.Until"/> it is started again then.</summary>
    public sealed record Kill(Target Target) : Fault;

    /// <summary>SIGSTOP until <see cref="Step.Until"/>.</summary>
    public sealed record Pause(Target Target) : Fault;

    /// <summary>The data directory takes no more bytes.</summary>
    public sealed record DiskFull(Target Target) : Fault;

    /// <summary>Wall clock off by <paramref name="Offset"/>, and every clock of the host running at <paramref name="Drift"/> (1.02 = 2 % fast).</summary>
    public sealed record ClockSkew(Target Target, TimeSpan Offset, double Drift) : Fault;

    /// <summary>Latency between data centres.</summary>
    public sealed record Slow(Target From, Target To, TimeSpan Delay, TimeSpan Jitter) : Fault;

    /// <summary>Each of these data centres reaches its two neighbours in this circle only.</summary>
    public sealed record Ring(ImmutableArray<Target> Places) : Fault;

    /// <summary>The other data centres form two halves that reach each other through nobody but this one, which reaches both.</summary>
    public sealed record Bridge(Target Place) : Fault;

    /// <summary>The links of these data centres are clogged one by one and unclogged in another order, both drawn (FoundationDB's swizzle-clogging).</summary>
    public sealed record Swizzle(ImmutableArray<Target> Places) : Fault;

    /// <summary>So many of 1,000 segments are lost and sent again, which holds up those behind them.</summary>
    public sealed record Lossy(Target From, Target To, int PerMille) : Fault;

    /// <summary>In so many of 1,000 segments between nodes a bit is turned, past TCP's checksum.</summary>
    public sealed record Garble(Target From, Target To, int PerMille) : Fault;

    /// <summary>So many of 1,000 segments between nodes arrive twice.</summary>
    public sealed record Repeat(Target From, Target To, int PerMille) : Fault;

    /// <summary>Again and again who speaks on this way loses the connection and dials anew, while what was under way still arrives.</summary>
    public sealed record Reconnect(Target From, Target To, TimeSpan Every) : Fault;

    /// <summary>The node's disk takes so many times as long.</summary>
    public sealed record SlowDisk(Target Target, int Factor) : Fault;

    /// <summary>The next write to the node's disk fails. The node ends, and is started again.</summary>
    public sealed record FailWrites(Target Target) : Fault;

    /// <summary>The next sync of the node's disk fails. The node ends, and is started again.</summary>
    public sealed record FailSyncs(Target Target) : Fault;

    /// <summary>The node dies; bits turn in its files; it is started again.</summary>
    public sealed record BitRot(Target Target) : Fault;

    /// <summary>The node dies; a sector of its files is torn at rest; it is started again.</summary>
    public sealed record TornSector(Target Target) : Fault;

    /// <summary>A write of the node lands in another sector, and nobody is told. At the end the node is started anew, so that it reads what is there.</summary>
    public sealed record Misdirect(Target Target) : Fault;

    /// <summary>The node dies and its disk is gone. It is taken out of the group, and comes in again with a token and an empty disk.</summary>
    public sealed record LostDisk(Target Target) : Fault;

    /// <summary>The wall clock jumps, and back at the end.</summary>
    public sealed record ClockStep(Target Target, TimeSpan By) : Fault;

    /// <summary>The wall clock jumps there and back again and again.</summary>
    public sealed record ClockStrobe(Target Target, TimeSpan By, TimeSpan Every) : Fault;

    /// <summary>Killed and started again, over and over.</summary>
    public sealed record RestartStorm(Target Target, TimeSpan Every) : Fault;

    /// <summary>Every node in turn is killed and, a while later, started again, before the next one's turn comes.</summary>
    public sealed record RollingRestart(TimeSpan Down, TimeSpan Every) : Fault;

    /// <summary>The link between two alone is cut, in both directions; everybody else reaches both.</summary>
    public sealed record CutLink(Target From, Target To) : Fault;

    /// <summary>The servers go on fetching and apply nothing (STOP REPLICA SQL_THREAD).</summary>
    public sealed record StopSqlThread(Target Target) : Fault;

    /// <summary>The disks of the servers stand still (fsfreeze): who writes waits, who reads is answered.</summary>
    public sealed record StallDisk(Target Target) : Fault;

    /// <summary>The servers apply everything so long after it was committed (SOURCE_DELAY).</summary>
    public sealed record Lag(Target Target, TimeSpan By) : Fault;

    /// <summary>When the servers start the next time they hold a transaction that nobody else has.</summary>
    public sealed record Errant(Target Target) : Fault;

    /// <summary>The node that leads is killed (SIGKILL) the next time that a recovery comes to this moment, before it does anything more; it is started again
    /// at the end.</summary>
    public sealed record DieAt(LedgerMoment Moment) : Fault;

    /// <summary>An operator moves the primary (no fault, but a step like one).</summary>
    /// <param name="To">The server that takes over; null: the leader chooses.</param>
    /// <param name="IsForced">The old primary is given up as if it were dead; else both live and nothing is lost.</param>
    public sealed record Takeover(Target? To, bool IsForced) : Fault;
}

/// <summary>Who is hit: a question that is answered when the step runs; the answer is recorded.</summary>
public abstract record Target
{
    private Target() { }

    /// <summary>Everything in a data centre: "dc east".</summary>
    public sealed record DataCenter(string Name) : Target;

    /// <summary>"leader": the node that holds the lease when the step runs.</summary>
    public sealed record Leader : Target;

    /// <summary>"one follower": drawn by the run's seed.</summary>
    public sealed record OneFollower : Target;

    /// <summary>"all followers".</summary>
    public sealed record AllFollowers : Target;

    /// <summary>"primary": the MySQL primary.</summary>
    public sealed record Primary : Target;

    /// <summary>"one replica".</summary>
    public sealed record OneReplica : Target;

    /// <summary>"dc of leader", "dc of primary".</summary>
    public sealed record DataCenterOf(Target Who) : Target;

    /// <summary>A node or server by its name.</summary>
    public sealed record Named(string Name) : Target;
}

/// <summary>What must hold. A closed list; each is one check of Verify.Checks.</summary>
public abstract record Expectation
{
    private Expectation() { }
    public string Word => GetType().Name switch { var n => char.ToLowerInvariant(n[0]) + n[1..] };

    /// <summary>At most one leader per term, and never two leader leases at once.</summary>
    public sealed record SingleLeader : Expectation;

    /// <summary>No two nodes apply different entries at one index.</summary>
    public sealed record SameLog : Expectation;
    public sealed record Linearizable : Expectation;

    /// <summary>At most one writable primary at any time, but for this long.</summary>
    public sealed record SinglePrimary(TimeSpan Window) : Expectation;
    public sealed record NoLostWrites : Expectation;

    /// <summary>The isolated primary accepts no write this long after its isolation.</summary>
    public sealed record FencedWithin(TimeSpan Bound) : Expectation;

    /// <summary>After healing: one leader, all nodes in its quorum, one primary, the others replicate from it.</summary>
    public sealed record ConvergesWithin(TimeSpan Bound) : Expectation;

    /// <summary>From a fault that ends the leader's lease to the next leader's lease.</summary>
    public sealed record ElectionWithin(TimeSpan Bound) : Expectation;

    /// <summary>99 % of the acknowledged KV writes outside fault windows took at most this long.</summary>
    public sealed record WriteP99Within(TimeSpan Bound) : Expectation;

    /// <summary>So long after a node was cut off from the majority it calls itself healthy no more.</summary>
    public sealed record UnhealthyWithin(TimeSpan Bound) : Expectation;

    /// <summary>So long after another primary was opened nobody is told any more that the old one holds the lease.</summary>
    public sealed record PrimaryNamedWithin(TimeSpan Bound) : Expectation;

    /// <summary>No node answers a throttle check with 200 from a sample of a replica that is older than this.</summary>
    public sealed record ThrottleWithin(TimeSpan Bound) : Expectation;

    /// <summary>From the loss of the primary to the first write that the next one acknowledged.</summary>
    public sealed record RtoWithin(TimeSpan Bound) : Expectation;
}
