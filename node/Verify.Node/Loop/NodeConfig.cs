using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Seam;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Loop;

/// <summary>One member of the Raft group: its name is its advertised "host:port" identity.</summary>
public sealed record Member(NodeId Id, Endpoint Endpoint, string DataCenter);

/// <summary>A MySQL server the node looks after.</summary>
public sealed record Instance(InstanceKey Key, string DataCenter);

/// <summary>A replication cluster: its alias and the servers that may belong to it.</summary>
public sealed record ClusterSpec(string Alias, ImmutableArray<Instance> Instances)
{
    public Durability Durability { get; init; } = Durability.None;

    /// <summary>True: a primary is opened only with the source's half of semi-sync on, so that a commit is acknowledged only when
    /// replicas have it; a server that follows has it off. False: durability is nobody's promise.</summary>
    public bool SemiSync => Durability.Policy != DurabilityPolicy.None;

    /// <summary>Servers may follow one another (intermediate primaries); false: each belongs directly below the primary and is taken there.</summary>
    public bool IsDeep { get; init; }

    /// <summary>The node guards the primary and recovers it; false (a cluster that was found and that no filter names): it only looks.</summary>
    public bool IsManaged { get; init; } = true;
}

/// <summary>What a guardian does about the dead-man switch inside the servers that it guards (ARCHITECTURE.md, "The dead-man switch").</summary>
public enum DeadManPolicy
{
    /// <summary>No switch; one that is found is removed.</summary>
    Off,

    /// <summary>Installed and fed where the server allows it; where it does not, the status says so and the server is opened all the same.</summary>
    Auto,

    /// <summary>A server that does not allow it is not opened.</summary>
    Required,
}

/// <summary>All a node is told at its start; NodeHost makes it from the configuration file, the simulator directly.</summary>
public sealed record NodeConfig
{
    public required NodeId Self { get; init; }
    public required string DataCenter { get; init; }

    /// <summary>Where the peer listener binds.</summary>
    public required Endpoint PeerBind { get; init; }

    /// <summary>The members with which a new group begins, this node included. Counts only while neither log nor snapshot holds a
    /// membership: from the first change on, the log says who the members are. One member: a single node that keeps its state over
    /// restarts and may grow. Empty: this node asks to be let in (<see cref="Join"/>).</summary>
    public required ImmutableArray<Member> Members { get; init; }

    /// <summary>How a node without data gets into a group that exists already.</summary>
    public JoinSettings Join { get; init; } = new();

    /// <summary>Where this node's HTTP listener can be reached by clients and other nodes; null when it has none.</summary>
    public Endpoint? ApiAdvertise { get; init; }

    /// <summary>The peer address that others dial; null: <see cref="PeerBind"/>.</summary>
    public Endpoint? PeerAdvertise { get; init; }

    /// <summary>Failure domain for autopilot; empty: the data centre.</summary>
    public string Zone { get; init; } = "";
    public SnapshotSettings Snapshots { get; init; } = new();
    public AutopilotSettings Autopilot { get; init; } = new();

    /// <summary>Keys for data at rest; none: log and snapshots are written in the clear.</summary>
    public Consensus.DataKeys Keys { get; init; } = Consensus.DataKeys.None;

    /// <summary>The newest protocol that this node speaks with its peers. Lower than what the program can: for tests, and to hold a new
    /// program back until all nodes have it.</summary>
    public int WireVersionMax { get; init; } = Peers.PeerCodec.VersionMax;

    /// <summary>Peers that speak only an older protocol are refused. Set it to 2 or 3 when all nodes have been upgraded: version 1 knows no
    /// protection against replayed frames.</summary>
    public int WireVersionMin { get; init; } = 1;

    /// <summary>Peers with another id are refused.</summary>
    public string ClusterId { get; init; } = "verify";
    public ImmutableArray<ClusterSpec> Clusters { get; init; } = [];

    /// <summary>Of clusters that were found.</summary>
    public Durability Durability { get; init; } = Durability.None;

    /// <summary>What counts as lagging, and the like.</summary>
    public Failures.AnalysisLimits Analysis { get; init; } = new();

    /// <summary>How servers are found, and what is asked of them.</summary>
    public DiscoverySettings Discovery { get; init; } = new();
    public AddressBook Addresses { get; init; } = AddressBook.Empty;
    public MySqlLogin TopologyLogin { get; init; } = new("", "");

    /// <summary>User and password that replicas use towards their source.</summary>
    public MySqlLogin ReplicationLogin { get; init; } = new("", "");

    /// <summary>The operator's commands around recoveries.</summary>
    public HookSettings Hooks { get; init; } = new();
    public DeadManPolicy DeadMan { get; init; } = DeadManPolicy.Auto;

    /// <summary>How replication lag is collected and judged.</summary>
    public Throttle.ThrottleSettings Throttle { get; init; } = new();
    public Limits Limits { get; init; } = new();
    public RecoverySettings Recovery { get; init; } = new();
    public Timing Timing { get; init; } = new();
    public CatalogueSettings Catalogue { get; init; } = new();

    /// <summary>Test only: false switches off the guardian's fencing and the majority's wait for it, so that the harness can be
    /// seen to fail. NodeHost sets it from VERIFY_TEST_ONLY_NO_FENCING alone and says so loudly.</summary>
    public bool FencingEnabled { get; init; } = true;
}

/// <summary>The catalogue of services.</summary>
public sealed record CatalogueSettings
{
    /// <summary>A node that was not heard for this long no longer runs its checks: another does.</summary>
    public TimeSpan OwnerGoneAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Checks that a node runs at once; the others wait their turn.</summary>
    public int ChecksAtOnceMax { get; init; } = 256;
}

/// <summary>How a node gets into a group that exists.</summary>
public sealed record JoinSettings
{
    /// <summary>Peer listeners of the group, asked in turn.</summary>
    public ImmutableArray<Endpoint> Via { get; init; } = [];

    /// <summary>"id.secret", made by a member (verify-ctl cluster token); used once. Never logged.</summary>
    public string? Token { get; init; }

    /// <summary>The node gets the log and never votes.</summary>
    public bool StaysLearner { get; init; }

    /// <summary>The member whose place this node takes, in one change; null: it comes in addition.</summary>
    public NodeId? Replaces { get; init; }

    /// <summary>Not let in within this time: the node halts with a sentence that says why. Zero: keeps trying
    /// for ever. A node that has nobody to ask (<see cref="Via"/> is empty) waits until an operator has it taken in.</summary>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Without the token.</summary>
    public override string ToString() => $"JoinSettings {{ Via = {string.Join(' ', Via)}, GiveUpAfter = {GiveUpAfter} }}";
}

/// <summary>When snapshots are made, and how many are kept.</summary>
public sealed record SnapshotSettings
{
    /// <summary>A snapshot is made when this long has passed since the last one and something was applied …</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>… or this many entries were applied.</summary>
    public int Entries { get; init; } = 8_192;
    public int Kept { get; init; } = 2;

    /// <summary>Entries that stay in the log before the snapshot (<see cref="Verify.Raft.RaftOptions.TrailingEntries"/>).</summary>
    public int TrailingEntries { get; init; } = 10_240;

    /// <summary>One piece of a snapshot on the wire.</summary>
    public int ChunkBytes { get; init; } = 1 << 20;
}

/// <summary>What the leader does by itself about members (after HashiCorp's autopilot; ADR-0011 phase 3).</summary>
public sealed record AutopilotSettings
{
    /// <summary>A member that was not heard for this long is removed, when enough healthy voters remain; zero: never.</summary>
    public TimeSpan DeadServerAfter { get; init; }

    /// <summary>A learner becomes a voter when it has been healthy for this long.</summary>
    public TimeSpan StableAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A server is healthy when it was heard within this time …</summary>
    public TimeSpan LastContactMax { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>… and lacks at most this many entries.</summary>
    public int TrailingEntriesMax { get; init; } = 250;

    /// <summary>Voters never fall below this number by clean-up.</summary>
    public int VotersMin { get; init; } = 3;

    /// <summary>True: one voter per zone, the others are learners and spares.</summary>
    public bool RedundancyZones { get; init; }

    /// <summary>With <see cref="RedundancyZones"/>: a zone's voter that was not heard for this long gives its seat to the zone's spare.</summary>
    public TimeSpan SpareAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>True: an operator's join needs a token too, not only one that comes through the peer port.</summary>
    public bool RequireJoinToken { get; init; }
}

/// <summary>All durations of the node. ρ is <see cref="ClockDriftPerMille"/>.</summary>
public sealed record Timing
{
    /// <summary>One Raft tick.</summary>
    public TimeSpan Tick { get; init; } = TimeSpan.FromMilliseconds(10);
    public int HeartbeatTicks { get; init; } = 5;

    /// <summary><see cref="RaftOptions.ElectionTicks"/>. 24 and not 25, so that a killed leader is replaced within 300 ms in the median (<c>verify-chaos bench consensus</c>).</summary>
    public int ElectionTicks { get; init; } = 24;
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromMilliseconds(250);
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Between two exchanges of what the nodes see.</summary>
    public TimeSpan ReportInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>An observation older than this, by its voter's own clock, is stale: it never counts as "down" but stays in the denominator.</summary>
    public TimeSpan ObservationAgeMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The write lease of a primary as this node takes it when it is the guardian; the others wait for the longest that was taken. A primary that stands still is
    /// replaced when it has run out; a guardian that is cut off, or has no leader, for the time between this and <see cref="FencingMargin"/> closes its server.</summary>
    public TimeSpan WriteLease { get; init; } = TimeSpan.FromMilliseconds(2000);

    /// <summary>Between two renewals. Each follows upon an answer of the server, so less than the probing interval means: with each.</summary>
    public TimeSpan LeaseRenewal { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Fencing begins this long before the lease ends, so that it is finished at the deadline.</summary>
    public TimeSpan FencingMargin { get; init; } = TimeSpan.FromMilliseconds(600);

    /// <summary>How far two monotonic clocks may drift apart, in thousandths (20 = 2 %).</summary>
    public int ClockDriftPerMille { get; init; } = 20;

    /// <summary>For one statement of a recovery step.</summary>
    public TimeSpan StatementTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A leader whose disk has not answered for this long hands leadership over, and no node asks for votes while its own disk
    /// is silent for so long; null: two election times.</summary>
    public TimeSpan? DiskStallMax { get; init; }

    /// <summary>How long a client request may wait for its commit before the answer is "unknown".</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(3);
}

/// <summary>Everything has a limit, and the limit has a name and a unit. Full means push back.</summary>
public sealed record Limits
{
    public int InboxInputsMax { get; init; } = 16_384;
    public int PeerQueueFramesMax { get; init; } = 4_096;

    /// <summary>Bytes that wait for one peer. Above it, of Raft's messages the oldest make room, and requests are refused.</summary>
    public int PeerQueueBytesMax { get; init; } = 64 << 20;
    public int FrameBytesMax { get; init; } = 16 << 20;
    public int SegmentBytesMax { get; init; } = 16 << 20;
    public int KeyBytesMax { get; init; } = 1_024;
    public int ValueBytesMax { get; init; } = 1 << 20;

    /// <summary>Sessions of clients' writes that are remembered; a new one is refused while all are younger than <see cref="SessionsKeptFor"/>. Agreed
    /// on through the log when there are a quarter as many.</summary>
    public int SessionsMax { get; init; } = 10_000;

    /// <summary>For so long after its last write a session is remembered, by the group's time. Longer than any client sends a write again: our
    /// library stops after half of it.</summary>
    public TimeSpan SessionsKeptFor { get; init; } = TimeSpan.FromMinutes(2);
    public int PendingRequestsMax { get; init; } = 8_192;

    /// <summary>Keys and values of writes that wait for their commit, together.</summary>
    public long PendingBytesMax { get; init; } = 64 << 20;

    /// <summary>One batch of writes, and one page of an export.</summary>
    public int BatchWritesMax { get; init; } = 1_000;
    public int BatchBytesMax { get; init; } = 4 << 20;

    /// <summary>Exports that a node keeps at once, and for how long between two pages.</summary>
    public int ExportsMax { get; init; } = 4;
    public TimeSpan ExportIdleMax { get; init; } = TimeSpan.FromMinutes(1);
    public int RecoveriesKeptMax { get; init; } = 100;
}
