namespace Verify.Raft;

/// <summary>How a leader talks to a follower.</summary>
internal enum ProgressState
{
    /// <summary>The leader looks for the last entry that both hold: one message at a time.</summary>
    Probe,

    /// <summary>The place is known: entries stream, several messages ahead of their acknowledgements.</summary>
    Replicate,

    /// <summary>It needs entries that the leader has discarded, and receives a snapshot, one piece at a time.</summary>
    Snapshot,
}

/// <summary>What a leader knows of one follower (Raft paper figure 2: nextIndex and matchIndex).</summary>
/// <remarks>Match &lt; Next. Match never goes back in a term. Replicate: entries up to Next - 1 were sent.</remarks>
internal sealed partial class Progress(NodeId peer, LogIndex next, long now, int inflightMax)
{
    private readonly Inflight _inflight = new(inflightMax);

    public NodeId Peer { get; } = peer;
    public ProgressState State { get; private set; } = ProgressState.Probe;
    public LogIndex Match { get; private set; }
    public LogIndex Next { get; private set; } = next;

    /// <summary>The tick at which this follower last said something in this term.</summary>
    public long HeardTick { get; set; } = now;

    /// <summary>The latest round that this follower has answered, and the latest that was sent to it.</summary>
    public long RoundAnswered { get; set; }
    public long RoundSent { get; private set; }
    public LogIndex CommitSent { get; private set; }

    /// <summary>A probe is under way; the next one waits for its answer or for a new round.</summary>
    public bool IsProbing { get; private set; }

    public bool MayCarryEntries => State switch
    {
        ProgressState.Probe => !IsProbing,
        ProgressState.Replicate => !_inflight.IsFull,
        _ => false,
    };

    /// <summary>Whether it is a voter, and during a joint change whether it is an outgoing one.</summary>
    public bool IsIncoming { get; private set; }
    public bool IsOutgoing { get; private set; }

    public void CountIn(Electorate electorate) =>
        (IsIncoming, IsOutgoing) = (electorate.Incoming.Contains(Peer), electorate.Outgoing.Contains(Peer));

    /// <summary>Notes that a message with entries up to this index (or with none) leaves.</summary>
    public void Sent(LogIndex upTo, long round, LogIndex commit)
    {
        RoundSent = round;
        CommitSent = commit;
        if (State == ProgressState.Probe) IsProbing = true;
        if (State != ProgressState.Replicate || upTo < Next) return;
        _inflight.Add(upTo);
        Next = upTo.Next;
    }

    /// <summary>The follower holds everything up to here, durably. False when that is old news.</summary>
    public bool Accepted(LogIndex index)
    {
        if (index < Match) return false;
        var isNews = index > Match;
        Match = index;
        _inflight.FreeUpTo(index);
        if (State == ProgressState.Probe)
        {
            Stream();
            return true;
        }
        Next = LogIndex.Max(Next, Match.Next);
        return isNews;
    }

    /// <summary>The place is known: entries go out from behind what matches.</summary>
    public void Stream()
    {
        State = ProgressState.Replicate;
        IsProbing = false;
        Next = Match.Next;
    }

    /// <summary>The follower does not hold the entry before Next (any more, or yet): look from the last sure place.</summary>
    public void BackToProbe()
    {
        State = ProgressState.Probe;
        IsProbing = false;
        _inflight.Clear();
        Next = Match.Next;
    }

    /// <summary>A probe was refused: the next one goes out from here.</summary>
    public void Retreat(LogIndex next)
    {
        Invariant.Holds(next > Match && next < Next, "a refused probe moves back, and never behind what is known to match");
        Next = next;
        IsProbing = false;
    }
}

/// <summary>The last indexes of the messages under way to one follower, oldest first; a ring of limited size.</summary>
internal sealed class Inflight(int capacity)
{
    private long[] _upTo = new long[Math.Min(capacity, 4)];
    private int _first;
    private int _count;

    public bool IsFull => _count == capacity;

    public void Add(LogIndex upTo)
    {
        Invariant.Holds(!IsFull, "a full window takes no more messages");
        if (_count == _upTo.Length) Grow();
        _upTo[(_first + _count++) % _upTo.Length] = upTo.Value;
    }

    public void FreeUpTo(LogIndex index)
    {
        while (_count > 0 && _upTo[_first] <= index.Value)
        {
            _first = (_first + 1) % _upTo.Length;
            _count--;
        }
    }

    public void Clear() => (_first, _count) = (0, 0);

    private void Grow()
    {
        var larger = new long[Math.Min(capacity, _upTo.Length * 2)];
        for (var i = 0; i < _count; i++) larger[i] = _upTo[(_first + i) % _upTo.Length];
        (_upTo, _first) = (larger, 0);
    }
}
