namespace Verify.Raft;

/// <summary>How far a follower is with the snapshot that it receives (Raft paper §7), and how far one that has left is with learning
/// that it has.</summary>
internal sealed partial class Progress
{
    /// <summary>The snapshot that it receives; zero when it receives none.</summary>
    public EntryId Snapshot { get; private set; }

    /// <summary>Where the piece begins that is under way, or is sent next.</summary>
    public long Offset { get; private set; }
    public bool IsPieceUnderWay { get; private set; }

    /// <summary>The tick at which the last piece was asked of the outside.</summary>
    public long PieceTick { get; private set; }

    public void BeginSnapshot(EntryId snapshot)
    {
        State = ProgressState.Snapshot;
        IsProbing = false;
        _inflight.Clear();
        Next = Match.Next;
        (Snapshot, Offset, IsPieceUnderWay) = (snapshot, 0, false);
    }

    public void PieceSent(long now) => (IsPieceUnderWay, PieceTick) = (true, now);

    /// <summary>No answer came: once more from the same place.</summary>
    public void PieceLost() => IsPieceUnderWay = false;

    /// <summary>The follower holds so much. The place of the piece that is under way is no news: the answer to an earlier piece came twice
    /// or late, and must not start a second stream of pieces.</summary>
    public void PieceStored(long received)
    {
        if (IsPieceUnderWay && received == Offset) return;
        (Offset, IsPieceUnderWay) = (received, false);
    }

    /// <summary>The entry that took it out of the group; null for a member.</summary>
    public LogIndex? RemovedAt { get; private set; }

    /// <summary>The tick at which its removal was found committed.</summary>
    public long? FarewellTick { get; private set; }
    private long _farewellRound = long.MaxValue;

    public void Remove(LogIndex at) => (RemovedAt, FarewellTick, _farewellRound) = (at, null, long.MaxValue);

    public void ComeBack() => (RemovedAt, FarewellTick, _farewellRound) = (null, null, long.MaxValue);

    /// <summary>Its removal is committed. From the first round in which it was told so, an answer to any later one shows that it knows.</summary>
    public void SayFarewell(long now)
    {
        FarewellTick ??= now;
        if (CommitSent >= RemovedAt && _farewellRound == long.MaxValue) _farewellRound = RoundSent;
    }

    public bool KnowsThatItHasLeft => RoundAnswered > _farewellRound && Match >= RemovedAt;
}
