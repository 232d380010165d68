using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>What <see cref="SnapshotDesk"/> needs of the node around it. All calls are made on the loop.</summary>
internal sealed record SnapshotOutlets
{
    public required Action<Envelope> Send { get; init; }
    public required Action<TimeSpan, Action> After { get; init; }
    public required Func<TimeSpan> Now { get; init; }

    /// <summary>The driver has nothing to do.</summary>
    public required Action Idle { get; init; }
    public required Action<SnapshotFile, TimeSpan> Made { get; init; }

    /// <summary>The state is behind what Raft counts as applied.</summary>
    public required Func<bool> IsInstalling { get; init; }

    /// <summary>Why the log must not be cut yet; null when it may.</summary>
    public required Func<string?> Objection { get; init; }
}

/// <summary>Decides when a snapshot is made (at an interval and at a number of entries; thesis §5), and gives the driver its jobs, one at a
/// time: pieces that came from the leader before pieces to be sent, and both before a new snapshot. The state is frozen on the loop,
/// which takes no time, and written off it, while the node goes on. Lives on the loop.</summary>
internal sealed class SnapshotDesk(
    RaftCore raft, ReplicatedState state, SnapshotDriver driver, SnapshotSettings settings, SnapshotOutlets outlets, ILogger log)
{
    private static readonly TimeSpan FullDiskRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PutOff = TimeSpan.FromSeconds(10);

    /// <summary>So many times the usual number of entries the log may hold because of a peer that could not take a snapshot.</summary>
    private const int PatienceWithOldPeers = 16;
    private readonly List<SnapshotPiece> _pieces = [];
    private readonly List<SnapshotSend> _sends = [];
    private readonly List<(LogIndex From, Action<SnapshotMade> Done)> _asked = [];
    private TimeSpan _lastAt;
    private TimeSpan _notBefore;
    private bool _isMaking;

    /// <summary>A job is under way.</summary>
    public bool IsBusy { get; private set; }

    /// <summary>While somebody else uses the store, or the node stops, no job is begun.</summary>
    public bool IsHeld { get; set; }

    /// <summary>The newest snapshot on disk; null when there is none.</summary>
    public SnapshotFile? Newest { get; set; }

    /// <summary>A snapshot of what is applied now, or a newer one, for somebody who waits for it.</summary>
    public void Ask(Action<SnapshotMade> done)
    {
        if (Newest is { } newest && newest.Mark.Last == state.Applied) done(new(newest, TimeSpan.Zero, Why: null));
        else if (state.Applied.Index.Value == 0) done(new(null, TimeSpan.Zero, "nothing was applied yet"));
        else _asked.Add((state.Applied.Index, done));
        Go();
    }

    public void Take(RaftWork work)
    {
        foreach (var piece in work.SnapshotPieces)
        {
            _pieces.RemoveAll(p => p.Chunk.Id != piece.Chunk.Id || p.Chunk.Offset == piece.Chunk.Offset);
            _pieces.Add(piece);
        }

        foreach (var send in work.SnapshotSends)
        {
            _sends.RemoveAll(s => s.To == send.To);
            _sends.Add(send);
        }

        if (_pieces.Count + _sends.Count > 0) Go();
    }

    /// <summary>Time has passed, or entries were applied.</summary>
    public void Go()
    {
        if (IsBusy || IsHeld) return;
        if (_pieces.Count > 0 && !IsOvertaken) Start(new SnapshotJob.Store(TakeFirst(_pieces)));
        else if (_sends.Count > 0) Start(new SnapshotJob.Read(TakeFirst(_sends)));
        else if (IsDue()) Make();
    }

    /// <summary>A snapshot that came from the leader has become the state.</summary>
    public void Installed(SnapshotFile file)
    {
        Newest = file;
        _lastAt = outlets.Now();
    }

    public void News(SnapshotOutcome outcome)
    {
        IsBusy = false;
        switch (outcome)
        {
            case SnapshotOutcome.Made(var file, var took):
                Made(file, took);
                break;
            case SnapshotOutcome.ToSend(var send, var chunk):
                Mark.ReachedIf(!raft.IsLeader || raft.Term != send.Term, "a piece of a snapshot was read for a term that is over");
                if (raft.IsLeader && raft.Term == send.Term) outlets.Send(new(raft.Self, send.To, send.Term, chunk));
                break;
            case SnapshotOutcome.Missing:
                break; // The core begins with the newest one when it hears nothing.
            case SnapshotOutcome.Stored(var piece, _, { } mark):
                raft.SnapshotArrived(piece, mark);
                break;
            case SnapshotOutcome.Stored(var piece, var received, null):
                raft.SnapshotPieceStored(piece, received);
                break;
            case SnapshotOutcome.Full(SnapshotJob.Store(var piece), _):
                outlets.After(FullDiskRetry, () => raft.SnapshotPieceStored(piece, piece.Chunk.Offset));
                break;
            case SnapshotOutcome.Full(_, var why):
                GiveUp(why);
                break;
            case SnapshotOutcome.Rotten(var what):
                NodeLog.SnapshotRotten(log, what);
                Newest = null;
                (_notBefore, _lastAt) = (TimeSpan.Zero, outlets.Now() - settings.Interval);
                break;
            case SnapshotOutcome.Failed(UnusableDataException cause):
                throw cause;
            case SnapshotOutcome.Failed(var cause):
                throw new DiskFailedException(cause);
            default:
                throw new UnreachableException();
        }

        outlets.Idle();
        Go();
    }

    /// <summary>A snapshot that has arrived takes the place of the state in a moment. Until then its file must stay the one that arrived
    /// last: pieces of a newer one wait (found by the cluster swarm, seed 7: the newer one took its place on the disk).</summary>
    private bool IsOvertaken => outlets.IsInstalling() || raft.SnapshotIndex > state.Applied.Index;

    private bool IsDue()
    {
        var now = outlets.Now();
        if (_isMaking || now < _notBefore || IsOvertaken) return false;
        // This node was let in and its log has not yet said who the members are: it could not start from the snapshot.
        if (raft.MembershipAt(state.Applied.Index).IsEmpty) return false;
        if (_asked.Count > 0) return true;
        var fresh = state.Applied.Index.Value - (Newest?.Mark.Last.Index.Value ?? 0);
#if VERIFY_MUTANTS
        if (fresh > 0 && FaultPoint.Fires("a snapshot comes early", perMille: 20)) return true;
#endif
        var byEntries = settings.Entries > 0 && fresh >= settings.Entries;
        var byTime = settings.Interval > TimeSpan.Zero && fresh > 0 && now - _lastAt >= settings.Interval;
        if (!byEntries && !byTime) return false;
        if (outlets.Objection() is not { } objection || fresh >= (long)settings.Entries * PatienceWithOldPeers) return true;
        PutOffBecause(objection);
        return false;
    }

    private void Make()
    {
        _isMaking = true;
        var last = state.Applied;
        Start(new SnapshotJob.Make(state.Freeze(), new(last, raft.MembershipAt(last.Index))));
    }

    private void Made(SnapshotFile file, TimeSpan took)
    {
        (_isMaking, _lastAt) = (false, outlets.Now());
        Mark.Reached("a snapshot was taken");
        if (Newest is null || file.Mark.Last.Index > Newest.Mark.Last.Index) Newest = file;
        raft.SnapshotTaken(file.Mark);
        NodeLog.SnapshotTaken(log, file.Mark.Last, file.Bytes, took);
        outlets.Made(file, took);
        foreach (var (from, done) in _asked.ToArray())
        {
            if (from > file.Mark.Last.Index) continue;
            _asked.Remove((from, done));
            done(new(file, took, Why: null));
        }
    }

    private void GiveUp(string why)
    {
        _isMaking = false;
        PutOffBecause(why);
        foreach (var (_, done) in _asked) done(new(null, TimeSpan.Zero, why));
        _asked.Clear();
    }

    private void PutOffBecause(string why)
    {
        NodeLog.SnapshotPutOff(log, why);
        _notBefore = outlets.Now() + PutOff;
    }

    private static T TakeFirst<T>(List<T> list)
    {
        var first = list[0];
        list.RemoveAt(0);
        return first;
    }

    private void Start(SnapshotJob job)
    {
        IsBusy = true;
        driver.Start(job);
    }
}

/// <summary>The answer to somebody who asked for a snapshot: the file, or why there is none.</summary>
internal sealed record SnapshotMade(SnapshotFile? File, TimeSpan Took, string? Why);
