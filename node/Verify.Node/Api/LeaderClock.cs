using Verify.Node.State;
using Verify.Node.State.Time;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Counts the group's time (<see cref="ReplicatedTime"/>) while this node leads: from what the log said when it began to lead, on by its
/// own monotonic clock. Puts the time into the log while something waits for it. Lives on the loop.</summary>
internal sealed class LeaderClock(ApiParts parts, Writes writes)
{
    /// <summary>How late an expiry is seen under one leader, at the most, besides the commit of one entry.</summary>
    public static readonly TimeSpan Grain = TimeSpan.FromMilliseconds(200);

    /// <summary>While something waits for the time, the log is told of it at least so often: no more than this, and the election, is lost
    /// when the leader is.</summary>
    public const long StampEveryMs = 1_000;
    private Term? _counts;
    private long _base;
    private TimeSpan _since;
    private TimeSpan _next;
    private bool _isWriting;

    /// <summary>The stamp for a command that this node proposes now as leader. Not before <see cref="ApiParts.LeadsSettled"/>.</summary>
    public TimeStamp Now
    {
        get
        {
            Count();
            var at = _base + (long)(parts.Pulse.Now - _since).TotalMilliseconds;
            return new(Math.Max(at, parts.State.Time.NowMs), parts.NowMs);
        }
    }

    public void Tick(TimeSpan now)
    {
        if (!parts.LeadsSettled)
        {
            _counts = null;
            return;
        }

        Count();
        if (_isWriting || now < _next || parts.State.NextDeadlineMs is not { } deadline) return;
        if (Now.AtMs < Math.Min(deadline, parts.State.Time.NowMs + StampEveryMs)) return;
        _next = now + Grain;
        _isWriting = writes.Enter(new Command.TimePasses(Now), new Proposer(null, _ => _isWriting = false)) is null;
    }

    private void Count()
    {
        if (_counts == parts.Raft.Term) return;
        (_counts, _base, _since, _isWriting) = (parts.Raft.Term, parts.State.Time.NowMs, parts.Pulse.Now, false);
    }
}
