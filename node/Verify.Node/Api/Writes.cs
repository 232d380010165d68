using System.Diagnostics;
using System.Globalization;
using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>The leader's way into the log, with its limits: a full disk refuses, too much that waits pushes back. Lives on the loop.</summary>
internal sealed class Writes(ApiParts parts)
{
    private static readonly TimeSpan StandstillMax = TimeSpan.FromSeconds(2);
    private readonly Proposals _proposals = new(parts.RetryAfter);
    private TimeSpan _committedAt;
    private (LogIndex Commit, TimeSpan At) _moved;
    private (RaftRole Role, Term Term) _lead;

    /// <summary>Null: it is in the log, and the proposer will be told. Otherwise nothing has happened and this is why.</summary>
    public ApiReply? Enter(Command command, Proposer proposer)
    {
        if (parts.IsDiskFull())
        {
            parts.Metrics.Proposed("disk full");
            return new ApiReply.Refused($"disk full on {parts.Config.Self}");
        }

        // The leader stays, for the sake of reads (RaftCore.SlowDisk.cs); what it proposed now would hang.
        var stands = parts.Pulse.Now - _moved.At;
        if (parts.Raft.Commit < parts.Raft.Last.Index && stands >= StandstillMax)
        {
            parts.Metrics.Proposed("no majority writes");
            return new ApiReply.Overloaded(string.Create(CultureInfo.InvariantCulture,
                $"nothing has become durable on a majority for {stands.TotalSeconds:0.0} s: disks of the group are full or stand still (see disk_full in /cluster/status of each node)"), parts.RetryAfter);
        }

        // Before the barrier is applied here, the group's time is not known here: a stamp of this node might be older than what is in the log.
        if (command.StampOf is not null && !parts.LeadsSettled) return new ApiReply.NoLeader(parts.RetryAfter);
        var bytes = CommandCodec.Encode(command);
        if (parts.Protocol.ObjectionTo(CommandCodec.VersionOf(bytes)) is { } old)
        {
            parts.Metrics.Proposed("old peer");
            return new ApiReply.Refused(old);
        }

        var limit = parts.Config.Limits.PendingBytesMax;
        if (_proposals.Bytes > 0 && _proposals.Bytes + bytes.Length > limit)
        {
            parts.Metrics.Proposed("overloaded");
            return new ApiReply.Overloaded($"writes of {limit} bytes wait for a majority already", parts.RetryAfter);
        }

        switch (parts.Raft.Propose(bytes))
        {
            case ProposeResult.Accepted(var id):
                parts.Metrics.Proposed("accepted");
                _proposals.Wait(id, proposer, bytes.Length, parts.Pulse.Now);
                return null;
            case ProposeResult.NotLeader:
                parts.Metrics.Proposed("not leader");
                return new ApiReply.NoLeader(parts.RetryAfter);
            case ProposeResult.Refused(var reason):
                parts.Metrics.Proposed("refused");
                return new ApiReply.Refused(reason);
            case ProposeResult.Overloaded(var reason):
                parts.Metrics.Proposed("overloaded");
                return new ApiReply.Overloaded(reason, parts.RetryAfter);
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>What is applied next is known to be committed now: applying it, and all that is applied before it, counts elsewhere.</summary>
    public void Committed()
    {
        if (!_proposals.IsEmpty) _committedAt = parts.Pulse.Now;
    }

    public void Applied(EntryId id, CommandResult? result)
    {
        if (_proposals.IsEmpty) return;
        if (_proposals.Applied(id, result, _committedAt) is { } took) parts.Metrics.Committed(took);
    }

    public void SkippedTo(LogIndex index) => _proposals.SkippedTo(index);

    public void RaftChanged(RaftStatus status)
    {
        if (_lead != (status.Role, status.Term)) (_lead, _moved) = ((status.Role, status.Term), (status.Commit, parts.Pulse.Now));
        _proposals.Leads(status.Role == RaftRole.Leader ? status.Term : null, parts.Pulse.Now);
    }

    public void Tick(TimeSpan now)
    {
        var commit = parts.Raft.Commit;
        if (commit == parts.Raft.Last.Index || commit > _moved.Commit) _moved = (commit, now);
        _proposals.Tick(now);
    }
}
