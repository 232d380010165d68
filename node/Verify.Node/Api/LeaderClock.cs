using Verify.Node.State;
using Verify.Node.State.Time;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Counts the group's time (<see cref="ReplicatedTime"/>) while this node leads: from what the log said when it began to lead, on by its
/// own monotonic clock, slower by the drift bound. Puts the time into the log while something waits for it. Lives on the loop.</summary>
/// <remarks>Why nothing ends early, on any clock that keeps to the drift bound:
/// <list type="number">
/// <item>Under one leader two stamps lie apart by the time between them on its clock, less the drift bound, so by no more than on anybody's clock.</item>
/// <item>A new leader begins with the newest stamp that is committed, and at a moment after that stamp was made. So its time is behind what its
/// predecessor's would be. What a deposed leader stamps afterwards is never committed.</item>
/// <item>Before a leader has applied the barrier of its own term it does not know the newest stamp. Until then it proposes nothing that is
/// stamped (<see cref="Writes.Enter"/>), and does not begin to count.</item>
/// <item>Deadlines count from the group's time when the entry is applied, which is never older than its stamp. A stamp that is too old, from
/// wherever, makes a deadline late and not early.</item>
/// <item>A leader that was stopped counts on by its monotonic clock: that time did pass. A machine whose monotonic clock stood still with it is late.</item>
/// <item>A snapshot brings the time of its last entry along; a leader installs none.</item>
/// </list>
/// How late: besides drift, by <see cref="Grain"/> and a commit; with every change of leader by up to <see cref="StampEveryMs"/> and the election.</remarks>
internal sealed class LeaderClock(ApiParts parts, Writes writes)
{
    /// <summary>How late an expiry is seen under one leader, at the most, besides the commit of one entry and the drift bound.</summary>
    public static readonly TimeSpan Grain = TimeSpan.FromMilliseconds(200);

    /// <summary>While something waits for the time, the log is told of it at least so often: no more than this, and the election, is lost
    /// when the leader is.</summary>
    public const long StampEveryMs = 1_000;
    private Term? _counts;
    private long _base;
    private TimeSpan _since;
#if VERIFY_MUTANTS
    private long _wallSince;
#endif
    private TimeSpan _next;
    private bool _isWriting;

    /// <summary>The stamp for a command that this node proposes now as leader. Before <see cref="ApiParts.LeadsSettled"/> it is only the time of what is
    /// applied here, and <see cref="Writes.Enter"/> takes no command with it.</summary>
    public TimeStamp Now
    {
        get
        {
            if (!parts.LeadsSettled) return new(parts.State.Time.NowMs, WallMs);
            Count();
            var at = _base + ((long)(parts.Pulse.Now - _since).TotalMilliseconds * 1_000 / (1_000 + parts.Config.Timing.ClockDriftPerMille));
#if VERIFY_MUTANTS
            var wall = _base + (parts.NowMs - _wallSince);
            if (Mutant.Is("M59", deviates: Math.Abs(wall - at) > 1_000)) at = wall;
#endif
            return new(Math.Max(at, parts.State.Time.NowMs), WallMs);
        }
    }

    /// <summary>For people only, and a wall clock may stand before 1970.</summary>
    private long WallMs => Math.Max(0, parts.NowMs);

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
        var term = _counts;
        _isWriting = writes.Enter(new Command.TimePasses(Now), new Proposer(null, _ => _isWriting &= _counts != term)) is null;
    }

    private void Count()
    {
        if (_counts == parts.Raft.Term) return;
        (_counts, _base, _since, _isWriting) = (parts.Raft.Term, parts.State.Time.NowMs, parts.Pulse.Now, false);
#if VERIFY_MUTANTS
        _wallSince = parts.NowMs;
#endif
    }
}
