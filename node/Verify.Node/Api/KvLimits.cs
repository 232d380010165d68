using System.Collections.Immutable;
using System.Text;
using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Kv;
using Verify.Node.State.Locks;
using Verify.Node.State.Time;

namespace Verify.Node.Api;

/// <summary>What requests about keys, locks and sessions must keep to before they may enter the log, and the commands that they are there.</summary>
internal static class KvLimits
{
    private const int SessionIdBytesMax = 128;
    private const int NameBytesMax = 255;
    private static readonly long TtlMsMax = (long)TimeSpan.FromDays(3_650).TotalMilliseconds;
    private static readonly long SessionTtlMsMin = 100;
    private static readonly long SessionTtlMsMax = (long)TimeSpan.FromDays(1).TotalMilliseconds;
    private static readonly long LockDelayMsMax = (long)TimeSpan.FromSeconds(60).TotalMilliseconds;
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The command for a request of this area; null: it is none.</summary>
    public static Command? CommandOf(ApiRequest request, TimeStamp stamp) => request switch
    {
        ApiRequest.KvDo(var ops, var id) => new Command.KvDo(ops, id, stamp),
        ApiRequest.SessionDo(var command) => new Command.Session(command, stamp),
        _ => null,
    };

    /// <summary>Keys and values of a request of this area; null: it is none.</summary>
    public static long? SizeOf(ApiRequest request) => request switch
    {
        ApiRequest.KvDo(var ops, _) => ops.Sum(static op => op.Key.Length + (long)ValueOf(op).Length),
        ApiRequest.SessionDo => SessionIdBytesMax,
        _ => null,
    };

    /// <summary>Why the request cannot be done; null when it can, or is none of this area.</summary>
    public static string? Objection(ApiRequest request, Limits limits) => request switch
    {
        ApiRequest.KvDo doing => Ops(doing, limits),
        ApiRequest.KvGetMany(var keys, _) => Keys(keys, limits),
        ApiRequest.SessionDo(SessionCommand.Create create) => Session(create),
        ApiRequest.SessionDo(SessionCommand.Renew(var id)) => Id(id),
        ApiRequest.SessionDo(SessionCommand.Destroy(var id)) => Id(id),
        ApiRequest.SessionRead { Id: { } id } => Id(id),
        ApiRequest.KvWatch watch => watch.After < 0 ? $"{watch.After} is no index" : watch.IsPrefix && watch.Key.Length == 0 ? null : Key(watch.Key, limits),
        _ => null,
    };

    private static string? Ops(ApiRequest.KvDo doing, Limits limits)
    {
        var ops = doing.Ops;
        if (ops.IsDefaultOrEmpty) return "there is nothing to do: the list of operations is empty";
        if (ops.Length > limits.BatchWritesMax) return $"there are {ops.Length} operations; at most {limits.BatchWritesMax} are allowed in one request";
        if (doing.Id is not null && ops.Any(static op => op.IsRead)) return "a transaction that reads cannot be sent again under an id: leave out X-Verify-Session, or read by itself";
        var bytes = 0L;
        for (var at = 0; at < ops.Length; at++)
        {
            if (Objection(ops[at], limits) is { } objection) return ops.Length == 1 ? objection : $"operation {at + 1}: {objection}";
            bytes += Bytes(ops[at].Key)!.Value + ValueOf(ops[at]).Length;
        }

        return bytes > limits.BatchBytesMax ? $"the request is too large: keys and values have {bytes} bytes together; at most {limits.BatchBytesMax} are allowed in one request" : null;
    }

    private static string? Objection(KvOp op, Limits limits)
    {
        var isPrefix = op is KvOp.DeletePrefix or KvOp.GetPrefix;
        if (!(isPrefix && op.Key.Length == 0) && Key(op.Key, limits) is { } key) return key;
        if (ValueOf(op).Length > limits.ValueBytesMax) return $"the value of '{op.Key}' is too large: it has {ValueOf(op).Length} bytes; at most {limits.ValueBytesMax} are allowed";
        return op switch
        {
            KvOp.Put put => Index(put.ExpectedIndex) ?? Ttl(put.TtlMs),
            KvOp.Touch touch => Ttl(touch.TtlMs),
            KvOp.Delete delete => Index(delete.ExpectedIndex),
            KvOp.CheckIndex check => Index(check.Index),
            KvOp.CheckSession check => Id(check.Session),
            KvOp.Acquire acquire => Id(acquire.Session),
            KvOp.Release release => Id(release.Session),
            _ => null,
        };
    }

    private static string? Keys(ImmutableArray<string> keys, Limits limits)
    {
        if (keys.IsDefaultOrEmpty) return "no key is given";
        if (keys.Length > limits.BatchWritesMax) return $"{keys.Length} keys are given; at most {limits.BatchWritesMax} are allowed in one request";
        return keys.Select(key => Key(key, limits)).FirstOrDefault(static objection => objection is not null);
    }

    private static string? Session(SessionCommand.Create create)
    {
        if (Id(create.Id) is { } id) return id;
        if (Bytes(create.Name) is not <= NameBytesMax || Bytes(create.Node) is not <= NameBytesMax) return $"the name of a session, and of its node, has at most {NameBytesMax} bytes";
        if (create.TtlMs is { } ttl && (ttl < SessionTtlMsMin || ttl > SessionTtlMsMax)) return $"a session's TTL is {SessionTtlMsMin} ms to 24 h, or none, not {ttl} ms";
        return create.LockDelayMs < 0 || create.LockDelayMs > LockDelayMsMax ? $"a lock-delay is 0 to 60 s, not {create.LockDelayMs} ms" : null;
    }

    private static ReadOnlyMemory<byte> ValueOf(KvOp op) => op switch
    {
        KvOp.Put put => put.Value,
        KvOp.Acquire acquire => acquire.Value,
        KvOp.Release release => release.Value,
        _ => default,
    };

    private static string? Key(string key, Limits limits) => Bytes(key) switch
    {
        null => "the key is no valid Unicode text",
        0 => "the key is empty",
        var bytes when bytes > limits.KeyBytesMax => $"the key is too long: it has {bytes} bytes; at most {limits.KeyBytesMax} are allowed",
        _ => null,
    };

    private static string? Index(long? expected) => expected < 0 ? $"{expected} is no index" : null;

    private static string? Ttl(long? ttlMs) => ttlMs is { } ms && (ms <= 0 || ms > TtlMsMax) ? $"a lifetime is 1 ms to ten years, not {ms} ms" : null;

    private static string? Id(string id) => Bytes(id) is > 0 and <= SessionIdBytesMax ? null : $"a session's id has 1 to {SessionIdBytesMax} bytes";

    private static int? Bytes(string text)
    {
        try
        {
            return Strict.GetByteCount(text);
        }
        catch (EncoderFallbackException)
        {
            return null;
        }
    }
}
