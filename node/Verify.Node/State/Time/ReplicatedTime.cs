using Verify.Node.Codec;

namespace Verify.Node.State.Time;

/// <summary>The time by which everything with an expiry is judged: milliseconds that the leaders, one after the other, have counted on
/// their monotonic clocks and put into the log. The same on every node, independent of any wall clock, and never backwards.
/// Between two leaders it stands still, so an expiry may come late by an election and a second, but never early (the mistake behind M59: a lock
/// released by somebody's wall clock).</summary>
public sealed class ReplicatedTime : IStateSection
{
    /// <summary>Milliseconds since the group began to count.</summary>
    public long NowMs { get; private set; }

    /// <summary>The wall clock of the leader that counted last, in milliseconds since 1970, when it was <see cref="NowMs"/>. For people
    /// only; nothing is decided by it.</summary>
    public long WallMs { get; private set; }

    SectionKind IStateSection.Kind => SectionKind.Time;
    byte IStateSection.Version => 1;

    /// <summary>The wall clock's reading at a moment of this time, as the last leader's clock had it. For people only.</summary>
    public DateTimeOffset WallAt(long atMs) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(WallMs + (atMs - NowMs), 0, 253_402_300_799_999));

    internal void Advance(TimeStamp stamp)
    {
        if (stamp.AtMs <= NowMs) return;
        (NowMs, WallMs) = (stamp.AtMs, stamp.WallMs);
    }

    FrozenSection IStateSection.Freeze() => FrozenSection.Of<(long NowMs, long WallMs)>(this, NowMs > 0 ? 1 : 0, NowMs > 0 ? [(NowMs, WallMs)] : [], static (to, clock) =>
    {
        to.Number(clock.NowMs);
        to.Number(clock.WallMs);
    });

    void IStateSection.Restore(byte version, ref WireReader from) => (NowMs, WallMs) = (from.Number(), from.Number());
}

/// <summary>When a leader proposed a command, by the group's time (<see cref="ReplicatedTime"/>) and by its own wall clock.</summary>
public readonly record struct TimeStamp(long AtMs, long WallMs)
{
    internal void Write(WireWriter to)
    {
        to.Number(AtMs);
        to.Number(WallMs);
    }

    /// <exception cref="WireFormatException"/>
    internal static TimeStamp Read(ref WireReader from) => new(from.Number(), from.Number());
}

/// <summary>A part of the state in which things end by themselves.</summary>
internal interface IExpires
{
    /// <summary>When the next thing ends, by the group's time; null while nothing does.</summary>
    long? NextDeadlineMs { get; }

    /// <summary>Ends all whose deadline is reached. Called before the command of the same entry is applied.</summary>
    void Expire(long nowMs, long index);
}
