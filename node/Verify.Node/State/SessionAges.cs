using Verify.Node.Codec;
using Verify.Node.State.Time;

namespace Verify.Node.State;

/// <summary>Which sessions may be forgotten, by the group's time: those whose last write is older than <see cref="SessionTerms.KeptMs"/>. In
/// force from the entry on that brings the terms (<see cref="Command.KeepSessions"/>); before it, the session that wrote longest ago made room,
/// however new it was, and its repeated write was applied a second time.</summary>
/// <remarks>A write carries no stamp. But the first stamp behind it in the log was made after it was proposed, so that stamp is taken for its time:
/// the session is kept longer by that much, never shorter. Writes are in the order of their indexes, so one mark (every write up to this index
/// was made before this time) stands for many sessions, and there is one mark for a second at the most.</remarks>
public sealed class SessionAges : IStateSection, IExpires
{
    private const byte TermsRecord = 1, MarkRecord = 2;
    private const long GrainMs = 1_000;
    private readonly List<Mark> _marks = [];

    /// <summary>The newest entry with a session's write; follows from the sessions, and is not in the records.</summary>
    private long _newest;
    private long _nowMs;

    /// <summary>Null while the group has not agreed on any.</summary>
    public SessionTerms? Terms { get; private set; }

    /// <summary>Sessions whose last write has this index or a lower one may be forgotten.</summary>
    public long ForgettableUpTo { get; private set; }

    SectionKind IStateSection.Kind => SectionKind.SessionAges;
    byte IStateSection.Version => 1;

    long? IExpires.NextDeadlineMs => Terms is not { } terms ? null
        : _marks.Count > 0 ? _marks[0].BeforeMs + terms.KeptMs
        : _newest > ForgettableUpTo ? _nowMs + GrainMs : null;

    /// <summary>How long until the oldest session that must still be kept may be forgotten.</summary>
    internal long WaitMs(long nowMs) => Terms is not { } terms ? 0
        : Math.Clamp(_marks.Count > 0 ? _marks[0].BeforeMs + terms.KeptMs - nowMs : terms.KeptMs, GrainMs, terms.KeptMs + GrainMs);

    internal void Begin(SessionTerms terms, long forgettableUpTo) =>
        (Terms, ForgettableUpTo) = (terms, Math.Max(ForgettableUpTo, forgettableUpTo));

    internal void Wrote(long index) => _newest = Math.Max(_newest, index);

    /// <summary>The group's time has gone on: what was written until now was written before it.</summary>
    internal void TimeIs(long nowMs)
    {
        if (Terms is not { } terms || nowMs <= _nowMs) return;
        _nowMs = nowMs;
        var marked = _marks.Count > 0 ? _marks[^1].Index : ForgettableUpTo;
        if (_newest > marked)
        {
            // Rounded up, so that the stamps of one second make one mark.
            var mark = new Mark(_newest, Math.Min(nowMs - (nowMs % GrainMs) + GrainMs, SessionTerms.TimeMsMax));
            if (_marks.Count > 0 && _marks[^1].BeforeMs >= mark.BeforeMs) _marks[^1] = _marks[^1] with { Index = mark.Index };
            else _marks.Add(mark);
        }

        var over = 0;
        while (over < _marks.Count && nowMs - _marks[over].BeforeMs >= terms.KeptMs) ForgettableUpTo = _marks[over++].Index;
        _marks.RemoveRange(0, over);
    }

    void IExpires.Expire(long nowMs, long index) => TimeIs(nowMs);

    FrozenSection IStateSection.Freeze()
    {
        var records = Terms is null ? [] : new object[] { this }.Concat(_marks.Cast<object>()).ToArray();
        var (terms, forgettable, now) = (Terms, ForgettableUpTo, _nowMs);
        return FrozenSection.Of<object>(this, records.Length, records, (to, record) =>
        {
            if (record is Mark mark)
            {
                to.Byte(MarkRecord);
                to.Number(mark.Index);
                to.Number(mark.BeforeMs);
                return;
            }

            to.Byte(TermsRecord);
            terms!.Write(to);
            to.Number(forgettable);
            to.Number(now);
        });
    }

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        switch (from.Byte())
        {
            case TermsRecord:
                if (Terms is not null) throw from.Malformed("the terms of sessions are there twice");
                (Terms, ForgettableUpTo, _nowMs) = (SessionTerms.Read(ref from), from.Number(), from.Number());
                break;
            case MarkRecord:
                var (mark, last) = (new Mark(from.Number(), from.Number()), _marks.Count > 0 ? _marks[^1] : new(ForgettableUpTo, -1));
                if (Terms is null || mark.Index <= last.Index || mark.BeforeMs <= last.BeforeMs || mark.BeforeMs > SessionTerms.TimeMsMax)
                    throw from.Malformed($"a mark of sessions at entry {mark.Index} is not in order");
                _marks.Add(mark);
                break;
            case var kind:
                throw from.Malformed($"a record of kind {kind} among the ages of sessions");
        }
    }

    /// <summary>Sessions whose last write is between the mark before this one and this index wrote before this time.</summary>
    private readonly record struct Mark(long Index, long BeforeMs);
}

/// <summary>What a group has agreed on for the sessions of clients' writes. The same on every node, because it stands in the log.</summary>
/// <param name="CountMax">So many sessions are remembered. While all of them are too new to be forgotten, a new session's write is refused.</param>
/// <param name="KeptMs">For so long after its last write a session is certainly remembered.</param>
public sealed record SessionTerms(long CountMax, long KeptMs)
{
    private const long CountMost = 10_000_000, KeptMsMost = 86_400_000;

    /// <summary>No time is counted beyond this; far from where sums would overflow.</summary>
    internal const long TimeMsMax = long.MaxValue / 2;

    internal void Write(WireWriter to)
    {
        to.Number(CountMax);
        to.Number(KeptMs);
    }

    /// <exception cref="WireFormatException"/>
    internal static SessionTerms Read(ref WireReader from)
    {
        var (count, kept) = (from.Number(), from.Number());
        return count is > 0 and <= CountMost && kept is > 0 and <= KeptMsMost ? new(count, kept) : throw from.Malformed($"{count} sessions for {kept} ms");
    }
}
