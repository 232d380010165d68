using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
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
    public required Action<ReadGrant> ReadGranted { get; init; }
    public required Action<ReadTicket> ReadRefused { get; init; }

    /// <summary>The disk is full, or has space again.</summary>
    public required Action<bool, string> DiskFullChanged { get; init; }
    public required Action<TimeSpan, Action> After { get; init; }
}

/// <summary>Carries <see cref="RaftWork"/> out in the order that is its contract: what may go at once goes at once, what must be
/// durable first waits for its group, what is committed is applied. One group is under way at a time; everything that comes
/// meanwhile shares the next. Lives on the loop.</summary>
internal sealed class ConsensusDriver(RaftCore raft, DiskWriter disk, ConsensusOutlets outlets, ILogger log)
{
    private static readonly TimeSpan FullDiskRetry = TimeSpan.FromSeconds(1);
    private List<RaftWork> _waiting = [];
    private List<RaftWork> _writing = [];
    private bool _isWriting;
    private bool _isStopped;

    /// <summary>The last write found no space. What Raft wants written waits, in order; nothing of it is acknowledged.</summary>
    public bool IsDiskFull { get; private set; }

    /// <summary>No group is under way.</summary>
    public bool IsIdle => !_isWriting;

    /// <summary>Takes all of Raft's work. Called after each batch of inputs.</summary>
    public void CarryOut()
    {
        while (raft.TryTakeWork(out var work))
        {
            foreach (var envelope in work.SendNow) Send(envelope);
            if (work.NeedsSync || !work.SendWhenDurable.IsEmpty) Keep(work);
            StartWriting();
            outlets.Flush();
            foreach (var entry in work.Apply) outlets.Apply(entry);
            if (!work.Apply.IsEmpty) raft.Applied(work.Apply[^1].Index);
            foreach (var grant in work.ReadsGranted) outlets.ReadGranted(grant);
            foreach (var ticket in work.ReadsRefused) outlets.ReadRefused(ticket);
        }
    }

    /// <summary>The disk has answered.</summary>
    public void Synced(DiskGroup group, DiskOutcome outcome)
    {
        _isWriting = false;
        switch (outcome)
        {
            case DiskOutcome.Durable:
                _writing.Clear();
                SetDiskFull(false, "");
                foreach (var envelope in group.Messages) Send(envelope);
                if (group.Entries.Count > 0) raft.Appended(group.Entries[^1].Id);
                StartWriting();
                break;
            case DiskOutcome.Full(var why):
                _waiting.InsertRange(0, _writing);
                _writing.Clear();
                SetDiskFull(true, why);
                outlets.After(FullDiskRetry, Retry);
                break;
            case DiskOutcome.Failed(var cause):
                throw new DiskFailedException(cause);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>Starts nothing any more; a group that is under way will still be reported.</summary>
    public void Stop() => _isStopped = true;

    /// <summary>Work that needs no disk but must not overtake what is waiting for it. On a full disk only the newest of it is kept:
    /// Raft says such things again, and the queue must not grow for as long as the disk stays full.</summary>
    private void Keep(RaftWork work)
    {
        if (IsDiskFull && _waiting.Count > 0 && !work.NeedsSync && !_waiting[^1].NeedsSync) _waiting[^1] = work;
        else _waiting.Add(work);
    }

    private void StartWriting()
    {
        if (_isWriting || _isStopped || IsDiskFull || _waiting.Count == 0) return;
        if (_waiting.Exists(static work => work.NeedsSync))
        {
            Write();
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
        if (_isWriting || _isStopped || _waiting.Count == 0) return;
        Write();
    }

    private void Write()
    {
        _isWriting = true;
        (_writing, _waiting) = (_waiting, _writing);
        disk.Start(DiskGroup.Of(_writing));
    }

    private void SetDiskFull(bool isFull, string why)
    {
        if (IsDiskFull == isFull) return;
        IsDiskFull = isFull;
        if (isFull) NodeLog.DiskIsFull(log, why);
        else NodeLog.DiskHasSpace(log);
        outlets.DiskFullChanged(isFull, why);
    }

    /// <summary>A node that cannot write must not lead: it asks for no votes until it can.</summary>
    private void Send(Envelope envelope)
    {
        if (IsDiskFull && envelope.Body is Message.VoteRequest) return;
        outlets.Send(envelope);
    }
}

/// <summary>A write or sync failed for another reason than lack of space. What the disk holds is no longer known, so the node must
/// not go on, and must not try the sync again (Rebello et al., ATC'20).</summary>
internal sealed class DiskFailedException(Exception cause) : Exception(
    $"The data directory failed: {cause.Message.TrimEnd('.')}. What it holds is no longer certain. Check the disk, then start the node again.", cause);
