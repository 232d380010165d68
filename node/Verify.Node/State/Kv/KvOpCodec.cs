using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Api;
using Verify.Node.Codec;

namespace Verify.Node.State.Kv;

/// <summary>The bytes of operations on keys and of what they gave: in the log, in snapshots and between nodes. A kind is never reused.</summary>
internal static class KvOpCodec
{
    private const byte Put = 1, Touch = 2, Delete = 3, DeletePrefix = 4, Get = 5, GetPrefix = 6, CheckIndex = 7, CheckSession = 8, Acquire = 9, Release = 10;
    private const byte Done = 1, Failed = 2;

    public static void WriteOps(WireWriter to, ImmutableArray<KvOp> ops)
    {
        to.Number(ops.Length);
        foreach (var op in ops) Write(to, op);
    }

    /// <exception cref="WireFormatException"/>
    public static ImmutableArray<KvOp> ReadOps(ref WireReader from)
    {
        var ops = ImmutableArray.CreateBuilder<KvOp>(from.Count());
        for (var left = ops.Capacity; left > 0; left--) ops.Add(Read(ref from));
        return ops.ToImmutable();
    }

    public static void WriteOutcome(WireWriter to, KvOutcome outcome)
    {
        switch (outcome)
        {
            case KvOutcome.Done(var index, var answers):
                to.Byte(Done);
                to.Number(index);
                to.Number(answers.Length);
                foreach (var (count, pairs) in answers)
                {
                    to.Number(count);
                    to.Number(pairs.Length);
                    foreach (var pair in pairs) KvPairCodec.Write(to, pair);
                }

                break;
            case KvOutcome.Failed(var op, var refusal, var index, var why):
                to.Byte(Failed);
                to.Number(op);
                to.Byte((byte)refusal);
                to.Number(index);
                to.Text(why);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static KvOutcome ReadOutcome(ref WireReader from)
    {
        var kind = from.Byte();
        if (kind == Failed)
        {
            var op = from.Number();
            var refusal = (KvRefusal)from.Byte();
            if (op > int.MaxValue || !Enum.IsDefined(refusal)) throw from.Malformed($"operation {op} refused for reason {(byte)refusal}");
            return new KvOutcome.Failed((int)op, refusal, from.Number(), from.Text());
        }

        if (kind != Done) throw from.Malformed($"an outcome of kind {kind}");
        var index = from.Number();
        var answers = ImmutableArray.CreateBuilder<KvAnswer>(from.Count());
        for (var left = answers.Capacity; left > 0; left--)
        {
            var count = from.Number();
            var pairs = ImmutableArray.CreateBuilder<KvPair>(from.Count());
            for (var more = pairs.Capacity; more > 0; more--) pairs.Add(KvPairCodec.Read(ref from));
            answers.Add(new(count, pairs.ToImmutable()));
        }

        return new KvOutcome.Done(index, answers.ToImmutable());
    }

    private static void Write(WireWriter to, KvOp op)
    {
        to.Byte(KindOf(op));
        to.Text(op.Key);
        switch (op)
        {
            case KvOp.Put put:
                to.Bytes(put.Value.Span);
                to.UInt64(put.Flags);
                to.NumberOrNull(put.ExpectedIndex);
                to.NumberOrNull(put.TtlMs);
                break;
            case KvOp.Touch touch:
                to.NumberOrNull(touch.TtlMs);
                break;
            case KvOp.Delete delete:
                to.NumberOrNull(delete.ExpectedIndex);
                break;
            case KvOp.Get get:
                to.Bool(get.MustExist);
                break;
            case KvOp.CheckIndex check:
                to.Number(check.Index);
                break;
            case KvOp.CheckSession check:
                to.Text(check.Session);
                break;
            case KvOp.Acquire acquire:
                WriteLock(to, acquire.Value, acquire.Flags, acquire.Session);
                break;
            case KvOp.Release release:
                WriteLock(to, release.Value, release.Flags, release.Session);
                break;
            default:
                break;
        }
    }

    private static byte KindOf(KvOp op) => op switch
    {
        KvOp.Put => Put,
        KvOp.Touch => Touch,
        KvOp.Delete => Delete,
        KvOp.DeletePrefix => DeletePrefix,
        KvOp.Get => Get,
        KvOp.GetPrefix => GetPrefix,
        KvOp.CheckIndex => CheckIndex,
        KvOp.CheckSession => CheckSession,
        KvOp.Acquire => Acquire,
        KvOp.Release => Release,
        _ => throw new UnreachableException(),
    };

    private static KvOp Read(ref WireReader from)
    {
        var (kind, key) = (from.Byte(), from.Text());
        return kind switch
        {
            Put => new KvOp.Put(key, from.Bytes().ToArray(), from.UInt64(), from.NumberOrNull(), from.NumberOrNull()),
            Touch => new KvOp.Touch(key, from.NumberOrNull()),
            Delete => new KvOp.Delete(key, from.NumberOrNull()),
            DeletePrefix => new KvOp.DeletePrefix(key),
            Get => new KvOp.Get(key, from.Bool()),
            GetPrefix => new KvOp.GetPrefix(key),
            CheckIndex => new KvOp.CheckIndex(key, from.Number()),
            CheckSession => new KvOp.CheckSession(key, from.Text()),
            Acquire => new KvOp.Acquire(key, from.Bytes().ToArray(), from.UInt64(), from.Text()),
            Release => new KvOp.Release(key, from.Bytes().ToArray(), from.UInt64(), from.Text()),
            _ => throw from.Malformed($"an operation of kind {kind}, which this program does not know"),
        };
    }

    private static void WriteLock(WireWriter to, ReadOnlyMemory<byte> value, ulong flags, string session)
    {
        to.Bytes(value.Span);
        to.UInt64(flags);
        to.Text(session);
    }
}
