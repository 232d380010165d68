namespace Verify.Checks;

/// <summary>One line of events.ndjson: what happened in the run besides client operations. A flat record on purpose: the same in
/// both worlds, easy to grep, stable over versions. Kinds and their fields are listed in <see cref="EventKinds"/>.</summary>
/// <param name="AtUs">Microseconds of run time.</param>
/// <param name="Step">Running number of the simulator's event; in the live world a counter.</param>
/// <param name="Kind">One of <see cref="EventKinds"/>.</param>
/// <param name="Subject">The node or server it is about.</param>
/// <param name="DataCenter">Where that is.</param>
/// <param name="Fields">The rest, by name.</param>
public sealed record RunEvent(
    long AtUs, long Step, string Kind, string Subject, string DataCenter, IReadOnlyDictionary<string, string> Fields)
{
    public string this[string field] => Fields.TryGetValue(field, out var value) ? value : "";
    public long Number(string field) => Fields is AppliedFields applied && applied.Number(field) is { } number ? number
        : long.TryParse(this[field], out var value) ? value : 0;
}

/// <summary>The kinds of <see cref="RunEvent"/>. Node events keep the names and fields of the node's own NodeEvent list.</summary>
public static class EventKinds
{
    // From nodes: subject = node. Booleans are written "true" and "false".
    public const string Started = "started";              // recovered, lastIndex
    public const string RoleChanged = "roleChanged";      // role (Follower|PreCandidate|Candidate|Leader), term, leader
    public const string LeaderLease = "leaderLease";      // term, held (true|false); lateUs: of an end, how long ago it was
    public const string QuorumSeen = "quorumSeen";        // inQuorum (true|false)
    public const string Applied = "applied";              // index, term, hash
    public const string SnapshotInstalled = "snapshotInstalled"; // index, term: of the last entry in the snapshot that took the state's place
    public const string VerdictReached = "verdict";       // cluster, instance, diagnosis, votes
    public const string WriteLease = "writeLease";        // cluster, instance, token, held
    public const string Fencing = "fencing";              // cluster, instance, token, phase (begun|done|failed), by
    public const string Opened = "opened";                // cluster, instance, token
    public const string DeadMan = "deadMan";              // cluster, instance, state (Arming|Armed|Absent|Off), detail
    public const string Recovery = "recovery";            // cluster, recoveryId, phase (opened|intent|outcome|closed), step, detail
                                                          // (of an outcome that is no success it begins with "failed")
    public const string Acting = "acting";                // cluster, recoveryId, step, term: a statement goes out if the node may send it
    public const string Sampled = "sampled";              // instance, ageMs: it has looked at a replica's lag; the question was sent so long ago
    public const string SemiSyncRepaired = "semiSyncRepaired"; // cluster, instance, why
    public const string RecoverySkipped = "recoverySkipped"; // cluster, instance, analysis, code, reason: called for, not begun
    public const string DiskFull = "diskFull";            // full
    public const string Halted = "halted";                // reason
    public const string NodeDown = "nodeDown";            // how (kill|stop|halt); lateUs: how long ago it was killed; said by the world
    public const string NodeUp = "nodeUp";

    // From the world: subject = server.
    public const string Writable = "writable";            // writable (true|false): a write of an ordinary user would be accepted;
                                                          // in simulation every change, live every sample
    public const string ServerDown = "serverDown";        // how
    public const string ServerUp = "serverUp";            // a server that comes up writable says writable=true again

    // From the harness: subject = node. What it answers when an application or a load balancer asks it.
    public const string Told = "told";                    // healthy (true|false), primary ("" for none), leased (true|false)

    public const string Checked = "checked";              // status: what it answers to a throttle check at this moment

    // From the nemesis: subject = the step's name, the same at the beginning and at the end. The beginning is written just before the
    // fault is inflicted, the end just after it is undone. "resolved" names nodes and servers
    // (or whole data centres): "n1", "n1, db1"; the sides of a partition "n1, db1 | n2, n3, db2, db3"; one way "n1, db1 > n2, n3".
    public const string FaultBegun = "faultBegun";        // fault, target (as written), resolved (the answer), effect
    public const string FaultEnded = "faultEnded";        // fault, resolved, droppedFrames or other proof that the fault bit
    public const string Phase = "phase";                  // name: warmUp|faults|healed|settled|final
}
