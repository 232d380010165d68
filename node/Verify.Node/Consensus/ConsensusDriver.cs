using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>What <see cref="ConsensusDriver"/> needs of the node around it. All calls are made on the loop.</summary>
internal sealed record ConsensusOutlets
{
    public required Action<Envelope> Send { get; init; }

    /// <summary>What has been sent may now leave the node.</summary>
    public required Action Flush { get; init; }
    public required Action<Entry> Apply { get; init; }

    /// <summary>Entries are known to be committed; they are about to be applied.</summary>
    public required Action Committed { get; init; }

    /// <summary>A snapshot takes the place of the state.</summary>
    public required Action<SnapshotMark, RestoredState> Install { get; init; }
    public required Action<ReadGrant> ReadGranted { get; init; }
    public required Action<ReadTicket> ReadRefused { get; init; }

    /// <summary>The disk is full, or has space again.</summary>
    public required Action<bool, string> DiskFullChanged { get; init; }

    /// <summary>The disk has not answered for too long, or answers again.</summary>
    public required Action<bool> DiskStallChanged { get; init; }
    public required Action<TimeSpan, Action> After { get; init; }
    public required Func<TimeSpan> Now { get; init; }
}

/// <summary>Carries <see cref="RaftWork"/> out in the order that is its contract: what may go at once goes at once, what must be
/// durable first waits for its group, what is committed is applied. One group is under way at a time; everything that comes
/// meanwhile shares the next. Lives on the loop.</summary>
internal sealed class ConsensusDriver(
    RaftCore raft, DiskWriter disk, ConsensusOutlets outlets, TimeSpan stallMax, bool isInDebt, ILogger log)
{
    private static readonly TimeSpan FullDiskRetry = TimeSpan.FromSeconds(1);
    private readonly Queue<ImmutableArray<Entry>> _applyLater = new();
    private List<RaftWork> _waiting = [];
    private List<RaftWork> _writing = [];
    private TimeSpan _writingSince;
    private LogIndex _discardUpTo;
    private int _installs;
    private bool _isWriting;

    /// <summary>To stand for election; Raft hears of it when the disk has shown that it takes something.</summary>
    private Envelope? _request;
    private DiskGroup? _trial;
    private bool _isStopped;

    /// <summary>This node may have acknowledged entries that its disk has lost: until they are back it is no voter
    /// (<see cref="LostEntries"/>, where the argument is).</summary>
    private bool _isInDebt = isInDebt;

    /// <summary>The last write found no space. What Raft wants written waits, in order; nothing of it is acknowledged.</summary>
    public bool IsDiskFull { get; private set; }

    /// <summary>A write has been under way for too long.</summary>
    public bool IsDiskStalled { get; private set; }

    /// <summary>No group is under way.</summary>
    public bool IsIdle => !_isWriting && !Snapshots.IsBusy;

    /// <summary>A snapshot is on its way to become the state: what is applied is behind what Raft counts as applied.</summary>
    public bool IsInstalling => _installs > 0;
    public LogFigures Figures { get; set; }

    /// <summary>Works with the snapshots; set before the first work is taken.</summary>
    public SnapshotDesk Snapshots { get; set; } = null!;

    /// <summary>Looks on, in simulation.</summary>
    public IRaftWitness? Witness { get; init; }

    /// <summary>Takes all of Raft's work. Called after each batch of inputs.</summary>
    public void CarryOut()
    {
        while (raft.TryTakeWork(out var work))
        {
            Witness?.Took(work);
            foreach (var envelope in work.SendNow) Send(envelope);
            if (work.Install is not null) _installs++;
            if (!work.Apply.IsEmpty) outlets.Committed();
            if (work.DiscardUpTo > _discardUpTo) _discardUpTo = work.DiscardUpTo;
            if (work.NeedsSync || !work.SendWhenDurable.IsEmpty) Keep(work);
            StartWriting();
            outlets.Flush();
            Apply(work.Apply);
            foreach (var grant in work.ReadsGranted) outlets.ReadGranted(grant);
            foreach (var ticket in work.ReadsRefused) outlets.ReadRefused(ticket);
            Snapshots.Take(work);
        }

        Witness?.Settled();
        Snapshots.Go();
    }

    /// <summary>The disk has answered.</summary>
    public void Synced(DiskGroup group, DiskOutcome outcome)
    {
        _isWriting = false;
        SetStalled(false);
        switch (outcome)
        {
            case DiskOutcome.Durable(var figures, var restored, var isInDebt):
                Figures = figures;
                if (_isInDebt && !isInDebt) NodeLog.Recovered(log);
                _isInDebt = isInDebt;
                var works = _writing.Count(static work => work.Install is not null);
                if (Witness is { } witness) _writing.ForEach(witness.Durable);
                _writing.Clear();
                if (group.NeedsDisk) SetDiskFull(false, "");
                if (group.Install is { } mark) Install(mark, restored!, works);
                foreach (var envelope in group.Messages) Send(envelope);
                if (group.HardState is { } state) raft.HardStateDurable(state);
                if (group.Last is { } last) raft.Appended(last);
                if (ReferenceEquals(group, _trial)) Answered();
                Snapshots.IsHeld = _isStopped;
                if (IsDiskFull) Retry();
                else StartWriting();
                break;
            case DiskOutcome.Full(var why, var isHardStateDurable):
                if (isHardStateDurable && group.HardState is { } kept) raft.HardStateDurable(kept);
                (_request, _trial) = (null, null);
                _waiting.InsertRange(0, _writing);
                _writing.Clear();
                Snapshots.IsHeld = _isStopped;
                SetDiskFull(true, why);
                StartWriting();
                outlets.After(FullDiskRetry, Retry);
                break;
            case DiskOutcome.Failed(UnusableDataException cause):
                throw cause;
            case DiskOutcome.Failed(var cause):
                throw new DiskFailedException(cause);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>Time has passed.</summary>
    public void Tick()
    {
        if (_isWriting && !IsDiskStalled && outlets.Now() - _writingSince >= stallMax) SetStalled(true);
        Snapshots.Go();
    }

    /// <summary>The snapshot driver has nothing to do: a group that needs the snapshots may go.</summary>
    public void SnapshotsAreIdle() => StartWriting();

    /// <summary>Starts nothing any more; a group that is under way will still be reported.</summary>
    public void Stop()
    {
        _isStopped = true;
        Snapshots.IsHeld = true;
    }

    /// <summary>A message came for Raft. False: this node must not hear it.</summary>
    /// <remarks>A node that cannot write, or whose disk is silent, must not be made leader: its promises would hang. It may not know of it, when
    /// it has had nothing to write since; so one that is asked to lead tries its disk first. One that owes entries
    /// neither leads nor votes. It may acknowledge what it is sent, since that is true, and is how it gets its entries back.</remarks>
    public bool Hear(in Envelope envelope)
    {
        var may = envelope.Body switch
        {
            Message.TimeoutNow => MayLead,
            Message.VoteRequest => !_isInDebt,
            _ => true,
        };
        if (may && envelope.Body is Message.TimeoutNow) TryDiskFirst(envelope);
        else if (may) raft.Receive(envelope);
        return may;
    }

    private void TryDiskFirst(in Envelope request)
    {
        _request = request;
        StartWriting();
    }

    private bool MayLead => !IsDiskFull && !IsDiskStalled && !_isInDebt;

    private void Apply(ImmutableArray<Entry> entries)
    {
        if (entries.IsEmpty) return;
        if (IsInstalling)
        {
            _applyLater.Enqueue(entries);
            return;
        }

        foreach (var entry in entries)
        {
            Witness?.Applies(entry);
            outlets.Apply(entry);
        }

        raft.Applied(entries[^1].Index);
    }

    /// <summary>The snapshot is durable: it becomes the state, and what was committed behind it follows.</summary>
    private void Install(SnapshotMark mark, RestoredState restored, int works)
    {
        _installs -= works;
        outlets.Install(mark, restored);
        if (IsInstalling) return;
        while (_applyLater.TryDequeue(out var entries)) Apply([.. entries.Where(entry => entry.Index > mark.Last.Index)]);
    }

    /// <summary>Work that needs no disk but must not overtake what is waiting for it. On a full disk only the newest of it is kept:
    /// Raft says such things again, and the queue must not grow for as long as the disk stays full.</summary>
    private void Keep(RaftWork work)
    {
        if (IsDiskFull && _waiting.Count > 0 && !work.NeedsSync && !_waiting[^1].NeedsSync) _waiting[^1] = work;
        else _waiting.Add(work);
    }

    private void StartWriting()
    {
        if (_isWriting || _isStopped) return;
        if (!IsDiskFull) Discard();
        if (_isWriting) return;
        if (_request is not null || _waiting.Exists(static work => work.NeedsSync))
        {
            if (!IsDiskFull) Write();
            return;
        }

        // Nothing to write: what waited for nothing but its turn leaves, in order.
        foreach (var work in _waiting)
        {
            foreach (var envelope in work.SendWhenDurable) Send(envelope);
        }

        _waiting.Clear();
    }

    private void Retry()
    {
#if VERIFY_MUTANTS
        if (Mutant.Is("M27", deviates: IsDiskFull)) return;
#endif
        if (_isWriting || _isStopped) return;
        Discard();
        if (!_isWriting && IsDiskFull) Write();
    }

    private void Write()
    {
        if (_waiting.Exists(static work => work.Install is not null))
        {
            // The snapshots are needed for this group alone.
            Snapshots.IsHeld = true;
            if (Snapshots.IsBusy) return;
        }

        (_writing, _waiting) = (_waiting, _writing);
        var group = DiskGroup.Of(_writing) with { TriesSpace = _request is not null || IsDiskFull };
        if (_request is not null) _trial = group;
        Start(group);
    }

    private void Answered()
    {
        var request = _request;
        (_request, _trial) = (null, null);
        if (request is { } asked && MayLead) raft.Receive(asked);
    }

    /// <summary>What the log may forget goes between two groups: it comes seldom and takes a moment. On a full disk it makes space.</summary>
    private void Discard()
    {
        if (_discardUpTo.Value == 0) return;
        var upTo = _discardUpTo;
        _discardUpTo = LogIndex.Zero;
        Start(new(null, [], []) { DiscardUpTo = upTo });
    }

    private void Start(DiskGroup group)
    {
        (_isWriting, _writingSince) = (true, outlets.Now());
        disk.Start(group);
    }

    private void SetDiskFull(bool isFull, string why)
    {
        if (IsDiskFull == isFull) return;
        (IsDiskFull, raft.IsDiskFull) = (isFull, isFull);
        if (isFull) NodeLog.DiskIsFull(log, why);
        else NodeLog.DiskHasSpace(log);
        outlets.DiskFullChanged(isFull, why);
    }

    private void SetStalled(bool isStalled)
    {
        if (IsDiskStalled == isStalled) return;
        IsDiskStalled = isStalled;
        if (isStalled) NodeLog.DiskStalls(log, stallMax);
        else NodeLog.DiskAnswers(log);
        outlets.DiskStallChanged(isStalled);
    }

    /// <summary>A node that must not lead asks for no votes until it may.</summary>
    private void Send(Envelope envelope)
    {
        if (envelope.Body is Message.VoteRequest && !MayLead) return;
        Witness?.Sends(envelope);
        outlets.Send(envelope);
    }
}

/// <summary>A write or sync failed for another reason than lack of space. What the disk holds is no longer known, so the node must
/// not go on, and must not try the sync again (Rebello et al., ATC'20).</summary>
internal sealed class DiskFailedException(Exception cause) : Exception(
    $"The data directory failed: {cause.Message.TrimEnd('.')}. What it holds is no longer certain. Check the disk, then start the node again.", cause);
