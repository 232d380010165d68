namespace Verify.Raft;

/// <summary>The rounds by which a leader shows that a quorum still follows it (ReadIndex, thesis §6.4): which round was
/// sent when, which reads wait for which round. One round serves every read that was asked before it was sent.</summary>
internal sealed class ReadRounds
{
    private readonly Queue<Waiting> _waiting = new();
    private readonly Queue<Sending> _sendings = new();
    private long _lastForReads;

    /// <summary>The latest round that was started.</summary>
    public long Latest { get; private set; }
    public long LatestTick { get; private set; }

    /// <summary>The latest round that a quorum has answered, and the tick at which it was sent.</summary>
    public long Answered { get; private set; }
    public long? AnsweredSentTick { get; private set; }

    /// <summary>Reads wait for a round that was not sent yet, and none that carries reads is under way.</summary>
    public bool NeedsRound => _waiting.Count > 0 && _lastForReads <= Answered && LastWaited > Latest;

    private long LastWaited { get; set; }

    public void Start(long now)
    {
        Latest++;
        LatestTick = now;
        _sendings.Enqueue(new Sending(Latest, now));
        if (LastWaited == Latest) _lastForReads = Latest;
    }

    /// <summary>The read may be granted when a round that starts from now on is answered.</summary>
    public void Wait(ReadTicket ticket, LogIndex index)
    {
        LastWaited = Latest + 1;
        _waiting.Enqueue(new Waiting(ticket, index, LastWaited));
    }

    /// <summary>A quorum has answered this round, and with it all earlier ones.</summary>
    public void QuorumAnswered(long round)
    {
        if (round <= Answered) return;
        Answered = round;
        while (_sendings.TryPeek(out var sending) && sending.Round <= round)
        {
            AnsweredSentTick = sending.Tick;
            _sendings.Dequeue();
        }
    }

#if VERIFY_MUTANTS
    public void MeasureFrom(long tick) => AnsweredSentTick = tick;
#endif

    public bool TryTakeAnswered(out ReadGrant grant)
    {
        grant = default;
        if (!_waiting.TryPeek(out var first) || first.Round > Answered) return false;
        _waiting.Dequeue();
        grant = new ReadGrant(first.Ticket, first.Index);
        return true;
    }

    public bool TryTakeAny(out ReadTicket ticket)
    {
        var found = _waiting.TryDequeue(out var first);
        ticket = first.Ticket;
        return found;
    }

    private readonly record struct Waiting(ReadTicket Ticket, LogIndex Index, long Round);

    private readonly record struct Sending(long Round, long Tick);
}
