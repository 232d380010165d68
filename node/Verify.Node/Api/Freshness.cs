using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>How new this node's state certainly is, for stale reads. On a follower: it asks the leader for a read index at a moment of
/// its own clock; once that index is applied, the state holds everything that was acknowledged to anybody before that moment. When a
/// message merely arrived is no measure: it may have lain in a buffer while this node was stopped. On the leader: it is new while it
/// holds its lease. Lives on the loop.</summary>
internal sealed class Freshness
{
    private const int ConfirmationsMax = 16;
    private readonly Queue<(TimeSpan AskedAt, LogIndex Index)> _waiting = new();
    private TimeSpan? _newAt;

    /// <summary>A leader said: whoever has applied this index has everything from before that moment.</summary>
    public void Confirmed(TimeSpan askedAt, LogIndex index, LogIndex applied)
    {
        if (index <= applied) NewAt(askedAt);
        else if (_waiting.Count < ConfirmationsMax) _waiting.Enqueue((askedAt, index));
    }

    public void Applied(LogIndex applied)
    {
        while (_waiting.TryPeek(out var next) && next.Index <= applied)
        {
            _waiting.Dequeue();
            NewAt(next.AskedAt);
        }
    }

    /// <summary>The state is new at this moment, or was at an earlier one.</summary>
    public void NewAt(TimeSpan moment)
    {
        if (_newAt is not { } known || moment > known) _newAt = moment;
    }

    /// <summary>Null: not once since this node started.</summary>
    public TimeSpan? Age(TimeSpan now) => now - _newAt;
}
