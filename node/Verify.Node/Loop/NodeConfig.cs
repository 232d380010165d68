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
    /// <summary>True: a primary is opened only with the source's half of semi-sync on, so that a commit is acknowledged only when a
    /// replica has it; a server that follows has it off. False: durability is nobody's promise.</summary>
    public bool SemiSync { get; init; }
}

/// <summary>All a node is told at its start; NodeHost makes it from the configuration file, the simulator directly.</summary>
public sealed record NodeConfig
{
    public required NodeId Self { get; init; }
    public required string DataCenter { get; init; }

    /// <summary>Where the peer listener binds.</summary>
    public required Endpoint PeerBind { get; init; }

    /// <summary>All members, this node included. One member: a single node that keeps its state over restarts.</summary>
    public required ImmutableArray<Member> Members { get; init; }

    /// <summary>Peers with another id are refused.</summary>
    public string ClusterId { get; init; } = "verify";
    public ImmutableArray<ClusterSpec> Clusters { get; init; } = [];
    public AddressBook Addresses { get; init; } = AddressBook.Empty;
    public MySqlLogin TopologyLogin { get; init; } = new("", "");

    /// <summary>User and password that replicas use towards their source.</summary>
    public MySqlLogin ReplicationLogin { get; init; } = new("", "");
    public Limits Limits { get; init; } = new();
    public Timing Timing { get; init; } = new();

    /// <summary>Test only: false switches off the guardian's fencing and the majority's wait for it, so that the harness can be
    /// seen to fail. NodeHost sets it from VERIFY_TEST_ONLY_NO_FENCING alone and says so loudly.</summary>
    public bool FencingEnabled { get; init; } = true;
}

/// <summary>All durations of the node. ρ is <see cref="ClockDriftPerMille"/>.</summary>
public sealed record Timing
{
    /// <summary>One Raft tick.</summary>
    public TimeSpan Tick { get; init; } = TimeSpan.FromMilliseconds(10);
    public int HeartbeatTicks { get; init; } = 5;
    public int ElectionTicks { get; init; } = 25;
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromMilliseconds(250);
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Between two exchanges of what the nodes see.</summary>
    public TimeSpan ReportInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>An observation older than this, by its voter's own clock, is stale: it never counts as "down" but stays in the denominator.</summary>
    public TimeSpan ObservationAgeMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The write lease of a primary; renewed every <see cref="LeaseRenewal"/>.</summary>
    public TimeSpan WriteLease { get; init; } = TimeSpan.FromMilliseconds(2500);
    public TimeSpan LeaseRenewal { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>Fencing begins this long before the lease ends, so that it is finished at the deadline.</summary>
    public TimeSpan FencingMargin { get; init; } = TimeSpan.FromMilliseconds(600);

    /// <summary>How far two monotonic clocks may drift apart, in thousandths (20 = 2 %).</summary>
    public int ClockDriftPerMille { get; init; } = 20;

    /// <summary>For one statement of a recovery step.</summary>
    public TimeSpan StatementTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a client request may wait for its commit before the answer is "unknown".</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(3);
}

/// <summary>Everything has a limit, and the limit has a name and a unit. Full means push back.</summary>
public sealed record Limits
{
    public int InboxInputsMax { get; init; } = 16_384;
    public int PeerQueueFramesMax { get; init; } = 4_096;
    public int FrameBytesMax { get; init; } = 16 << 20;
    public int SegmentBytesMax { get; init; } = 16 << 20;
    public int KeyBytesMax { get; init; } = 1_024;
    public int ValueBytesMax { get; init; } = 1 << 20;
    public int SessionsMax { get; init; } = 10_000;
    public int PendingRequestsMax { get; init; } = 8_192;
    public int RecoveriesKeptMax { get; init; } = 100;
}
