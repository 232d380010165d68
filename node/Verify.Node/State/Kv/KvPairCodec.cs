using Verify.Node.Api;
using Verify.Node.Codec;

namespace Verify.Node.State.Kv;

/// <summary>The bytes of a pair. The first form has neither lifetime nor lock, and is what the releases before this one read.</summary>
internal static class KvPairCodec
{
    private const byte HasTtl = 1, WasLocked = 2, IsHeld = 4;

    public static void WritePlain(WireWriter to, KvPair pair)
    {
        to.Text(pair.Key);
        to.Bytes(pair.Value.Span);
        to.UInt64(pair.Flags);
        to.Number(pair.CreateIndex);
        to.Number(pair.ModifyIndex);
    }

    /// <exception cref="WireFormatException"/>
    public static KvPair ReadPlain(ref WireReader from) => new(from.Text(), from.Bytes().ToArray(), from.UInt64(), from.Number(), from.Number());

    public static void Write(WireWriter to, KvPair pair)
    {
        WritePlain(to, pair);
        to.Byte((byte)((pair.DeadlineMs is null ? 0 : HasTtl) | (pair.LockToken == 0 ? 0 : WasLocked) | (pair.Session is null ? 0 : IsHeld)));
        if (pair.DeadlineMs is { } deadline)
        {
            to.Number(pair.TtlMs);
            to.Number(deadline);
        }

        if (pair.LockToken != 0)
        {
            to.Number(pair.LockIndex);
            to.Number(pair.LockToken);
        }

        if (pair.Session is { } session) to.Text(session);
    }

    /// <exception cref="WireFormatException"/>
    public static KvPair Read(ref WireReader from)
    {
        var pair = ReadPlain(ref from);
        var has = from.Byte();
        if (has > (HasTtl | WasLocked | IsHeld) || (has & (WasLocked | IsHeld)) == IsHeld) throw from.Malformed($"{has} says nothing of a pair");
        if ((has & HasTtl) != 0) pair = pair with { TtlMs = from.Number(), DeadlineMs = from.Number() };
        if ((has & WasLocked) != 0) pair = pair with { LockIndex = from.Number(), LockToken = from.Number() };
        return (has & IsHeld) != 0 ? pair with { Session = from.Text() } : pair;
    }
}
