using Verify.Checks;
using Verify.Scenarios;
using Verify.Sim.Network;

namespace Verify.Chaos.Worlds;

/// <summary>A stage on which a scenario is played: the simulator, or real processes and servers. Everything is asked through
/// it, so that the runner, the workload, the nemesis and the checks are the same for both. In simulation all calls
/// come on the world's one thread and complete inline.</summary>
public partial interface IWorld : IAsyncDisposable
{
    /// <summary>"sim" or "live".</summary>
    string Kind { get; }

    /// <summary>Virtual in simulation, the machine's monotonic clock live.</summary>
    TimeProvider Time { get; }

    /// <summary>Node name → data centre.</summary>
    IReadOnlyDictionary<string, string> Nodes { get; }

    /// <summary>MySQL server name → data centre.</summary>
    IReadOnlyDictionary<string, string> Servers { get; }
    EventLog Events { get; }

    /// <summary>True when the world sees every change of a server's read-only flag at its very moment.</summary>
    bool ObservationsAreExact { get; }

    /// <summary>What a report should say of this stage: versions, network, host of the servers.</summary>
    IReadOnlyDictionary<string, string> Details { get; }

    /// <summary>Servers, replication and nodes; returns when all processes run.</summary>
    ValueTask StartAsync(CancellationToken cancel);

    /// <summary>A client of the replicated KV that sits in a data centre and asks the nodes there.</summary>
    IKvClient Kv(int client, string dataCenter);

    /// <summary>An application's client of MySQL in a data centre: it writes to the primary that the nodes there name.</summary>
    ISqlClient Sql(int client, string dataCenter);

    /// <summary>What the nodes say, asked now; for resolving targets and for telling whether all is well again.</summary>
    ValueTask<FleetState> ObserveAsync();

    /// <summary>What every running node tells an application, a proxy or a load balancer that asks it now.</summary>
    ValueTask<IReadOnlyList<NodeWord>> AskNodesAsync();

    /// <summary>What every running node answers by itself to a throttle check of the cluster at this moment; empty where nobody can be asked.</summary>
    ValueTask<IReadOnlyList<(string Node, int Status)>> CheckThrottleAsync() => ValueTask.FromResult<IReadOnlyList<(string, int)>>([]);

    /// <summary>Nothing that <paramref name="fromDataCenter"/> sends reaches <paramref name="toDataCenter"/>, in silence.</summary>
    ValueTask CutAsync(string fromDataCenter, string toDataCenter);

    /// <summary>Ends the cut. Returns how many frames or bytes were dropped or held: the proof that it bit.</summary>
    ValueTask<long> MendAsync(string fromDataCenter, string toDataCenter);
    ValueTask DelayAsync(string fromDataCenter, string toDataCenter, TimeSpan delay, TimeSpan jitter);

    /// <summary>SIGKILL of a node or server.</summary>
    ValueTask KillAsync(string name);
    ValueTask StartAgainAsync(string name);
    ValueTask PauseAsync(string name);
    ValueTask ResumeAsync(string name);
    ValueTask FillDiskAsync(string node);

    /// <summary>Returns how many writes were refused for want of space meanwhile, where the world can tell; else -1.</summary>
    ValueTask<long> FreeDiskAsync(string node);

    /// <summary>Offset 0 and drift 1 is a right clock.</summary>
    ValueTask SkewClockAsync(string node, TimeSpan offset, double drift);

    /// <summary>The wall clock of a node jumps; nothing else changes.</summary>
    ValueTask StepClockAsync(string node, TimeSpan by) => throw new NotSupportedException("this world sets clocks by offset and drift only");

    /// <summary>What is wrong with the way from one data centre to the other from now on; takes the place of what was wrong before.</summary>
    ValueTask TroubleAsync(string fromDataCenter, string toDataCenter, LinkTrouble trouble) =>
        throw new NotSupportedException("the live proxies carry TCP connections: they cannot lose, garble or repeat single segments below TCP");

    /// <summary>How many segments troubles have hit on this way since the beginning.</summary>
    ValueTask<long> TroublesAsync(string fromDataCenter, string toDataCenter) => ValueTask.FromResult(0L);

    /// <summary>Who speaks on this way learns that the connection is lost; what was under way still arrives. Returns how many were told.</summary>
    ValueTask<long> LoseWritersAsync(string fromDataCenter, string toDataCenter) =>
        throw new NotSupportedException("a live proxy cannot break one end of a connection and keep the bytes that are under way");

    /// <summary>The disk of a node takes so many times as long; 1 is its own speed.</summary>
    ValueTask SlowDiskAsync(string node, int factor) => throw new NotSupportedException("the disks of live nodes are the machine's: they cannot be slowed down for one process");

    /// <summary>Does this to the disk of a node.</summary>
    ValueTask HurtDiskAsync(string node, DiskHurt hurt) =>
        throw new NotSupportedException("the disks of live nodes are the machine's: damage to single bytes and operations is for the simulation");

    /// <summary>What was to happen to the disk's next operations does not happen any more.</summary>
    ValueTask MendDiskAsync(string node) => ValueTask.CompletedTask;

    /// <summary>These nodes die and stay down, whatever anybody says, until <see cref="ReleaseAsync"/>.</summary>
    ValueTask HoldDownAsync(IReadOnlyCollection<string> nodes) => throw new NotSupportedException("a liveness phase with a core is for the simulation");

    /// <summary>Nodes that were held down may be started again.</summary>
    ValueTask ReleaseAsync() => ValueTask.CompletedTask;

    /// <summary>What a supervisor does: starts every node whose process has ended. False when there was none.</summary>
    ValueTask<bool> ReviveAsync() => ValueTask.FromResult(false);

    /// <summary>How often the hurts of this kind bit on this node since the beginning: operations that failed or went astray, or bytes that changed.</summary>
    ValueTask<long> DiskHurtsAsync(string node, DiskHurt hurt) => ValueTask.FromResult(0L);

    /// <summary>The node dies and its disk is empty.</summary>
    ValueTask LoseDiskAsync(string node) => throw new NotSupportedException("a live node is let in again with a token by an operator (verify-ctl), not by the nemesis");

    /// <summary>The node whose disk was lost is taken out of the group and started, to come in again with a token.</summary>
    /// <exception cref="IOException">Nobody leads who could take it out.</exception>
    ValueTask ComeBackEmptyAsync(string node) => throw new NotSupportedException("a live node is let in again with a token by an operator (verify-ctl), not by the nemesis");

    /// <summary>The ids in app.writes on every server that answers.</summary>
    ValueTask<IReadOnlyDictionary<string, IReadOnlySet<string>>> ReadRowsAsync();
}

/// <summary>What can happen to a disk besides being full or slow.</summary>
public enum DiskHurt
{
    /// <summary>The next write fails.</summary>
    FailedWrite,

    /// <summary>The next sync fails.</summary>
    FailedSync,

    /// <summary>The next write lands in another sector.</summary>
    MisdirectedWrite,

    /// <summary>A few bits turn at rest.</summary>
    Rot,

    /// <summary>A sector at rest is torn.</summary>
    TornSector,
}

/// <summary>What the nodes say of themselves right now.</summary>
/// <param name="Leader">The node that holds the leader lease; null when none does.</param>
/// <param name="Primary">The primary that the leader names.</param>
/// <param name="Converged">One leader, every running node in its quorum, the primary writable, every other running server
/// read-only and either replicating from the primary (or from a replica of it) or set aside by name, no recovery open.</param>
/// <param name="Waiting">What is missing for that, for messages.</param>
public sealed record FleetState(string? Leader, string? Primary, bool Converged, string Waiting)
{
    /// <summary>One leader, and every running node in its quorum; whatever the servers do.</summary>
    public bool GroupIsWhole { get; init; }

    /// <summary>The nodes that answer and say that they are in a quorum.</summary>
    public IReadOnlyList<string> InQuorum { get; init; } = [];

    /// <summary>The nodes whose process runs.</summary>
    public IReadOnlyList<string> Running { get; init; } = [];

    /// <summary>Servers that the leader keeps out for their errant transactions.</summary>
    public IReadOnlyList<string> SetAside { get; init; } = [];
}

/// <summary>What one node answers.</summary>
/// <param name="IsHealthy">To a load balancer's health check.</param>
/// <param name="Primary">The server that it names as the primary; null for none.</param>
/// <param name="IsLeased">It says that somebody holds that server's write lease, so that writes belong there.</param>
public sealed record NodeWord(string Node, bool IsHealthy, string? Primary, bool IsLeased);

/// <summary>One question to the KV.</summary>
public sealed record KvQuestion(OpKind Kind, string Key, string? Value, long? ExpectedIndex, string Session, long Sequence);

/// <summary>The answer; Unknown when nobody can say whether a write took or will take effect.</summary>
public sealed record KvAnswer(OpOutcome Outcome, string By)
{
    public string? Value { get; init; }
    public long ModifyIndex { get; init; }
    public bool CasRefused { get; init; }
    public string Error { get; init; } = "";
}

public interface IKvClient
{
    /// <summary>Never throws; bounded in time.</summary>
    ValueTask<KvAnswer> AskAsync(KvQuestion question);
}

/// <summary>How an insert ended.</summary>
public sealed record SqlAnswer(OpOutcome Outcome, string Server, string Error);

public interface ISqlClient : IAsyncDisposable
{
    /// <summary>Never throws; bounded in time.</summary>
    ValueTask<SqlAnswer> InsertAsync(string id);
}
