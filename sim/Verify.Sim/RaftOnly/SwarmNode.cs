using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>One node of the swarm: the production core on a disk that keeps what was synced, with a state machine and with what a
/// node does to make, send and receive snapshots.</summary>
internal sealed class SwarmNode : WatchedNode
{
    private readonly RaftOptions _options;
    private readonly Queue<(int DueStep, SnapshotPiece Piece)> _pieces = new();
    private SwarmSnapshot? _making;
    private int _madeStep;

    public SwarmNode(int number, RaftOptions options)
        : base(number)
    {
        _options = options;
        Core = new(options, HardState.Initial, []);
        Start = Membership.OfVoters(options.Voters);
        IsUp = true;
    }

    public SwarmReception Reception { get; } = new();
    public SwarmState State { get; private set; } = new();

    /// <summary>Fractions of a tick that have passed on this node's clock, and how fast it runs; in thousandths.</summary>
    public int TickPhase { get; set; }
    public int TickRate { get; set; } = 1000;

    public override LogIndex Applied => State.Last.Index;

    /// <summary>Takes note of what the core hands out. The state jumps when a snapshot takes its place.</summary>
    public SwarmSnapshot? Took(RaftWork work)
    {
        var installs = work.Install is { } mark ? Reception.TakeArrived(mark.Last) : null;
        if (installs is not null)
        {
            Log.Reset(installs.Mark);
            SnapshotIndexSoon = LogIndex.Max(SnapshotIndexSoon, installs.Last.Index);
            State = SwarmState.Restore(installs.Bytes);
        }
        if (!work.Append.IsEmpty) Log.Append(work.Append);
        return installs;
    }

    public bool HasPieceDue(int step) => _pieces.TryPeek(out var first) && first.DueStep <= step;

    public void Store(SnapshotPiece piece, int dueStep) => _pieces.Enqueue((dueStep, piece));

    public SnapshotPiece TakePiece() => _pieces.Dequeue().Piece;

    /// <summary>Begins a snapshot of what is applied now. False when one is under way, or there is nothing new.</summary>
    public bool BeginSnapshot(int madeStep)
    {
        if (_making is not null || Applied <= Disk.SnapshotIndex) return false;
        // A node that was let in and has not yet reached the entry that says who the members are could not start from its snapshot.
        var membership = Core.MembershipAt(Applied);
        if (membership.IsEmpty) return false;
        _making = new SwarmSnapshot(new SnapshotMark(State.Last, membership), State.Freeze());
        _madeStep = madeStep;
        return true;
    }

    public bool IsSnapshotDue(int step) => _making is not null && _madeStep <= step;

    /// <summary>The snapshot that was being made is durable.</summary>
    public SwarmSnapshot EndSnapshot()
    {
        var made = _making!;
        _making = null;
        Disk.Keep(made);
        SnapshotIndexSoon = LogIndex.Max(SnapshotIndexSoon, made.Last.Index);
        return made;
    }

    public bool IsIdle => Disk.UnsyncedCount == 0 && _pieces.Count == 0 && _making is null;

    /// <summary>Stops at once. The first <paramref name="writesKept"/> of the writes that were not synced are on the disk all the same;
    /// pieces of a snapshot are kept or not.</summary>
    public LogIndex Crash(int writesKept, bool keepsPieces)
    {
        var replacedFrom = Disk.Crash(writesKept);
        _pieces.Clear();
        _making = null;
        Reception.Crash(keepsPieces);
        IsUp = false;
        return replacedFrom;
    }

    public void Restart()
    {
        Core = new RaftCore(_options, Disk.HardState, Disk.Snapshot?.Mark, Disk.Log);
        State = Disk.Snapshot is { } snapshot ? SwarmState.Restore(snapshot.Bytes) : new SwarmState();
        Log.Restart(Disk);
        CommitSeen = Applied;
        SnapshotIndexSoon = Disk.SnapshotIndex;
        IsUp = true;
    }
}
