using System.Collections.Immutable;
using Verify.Node.Api;

namespace Verify.Node.State.Kv;

/// <summary>One operation on keys (Consul's transaction verbs, HTTP API "Transactions", and lifetimes). An operation that cannot be done stops
/// the whole command: nothing of it happens.</summary>
public abstract record KvOp
{
    private KvOp() { }

    /// <summary>The key, or the prefix, that it is about.</summary>
    public abstract string Key { get; init; }

    /// <summary>Gives something back that is read from the store.</summary>
    public virtual bool IsRead => false;

    /// <summary>Sets a value; who holds the key's lock goes on holding it.</summary>
    /// <param name="ExpectedIndex">Compare-and-set on modify_index; 0: must not exist; null: always.</param>
    /// <param name="TtlMs">So long by the group's time the key lives, unless it is touched or set again; null: until somebody deletes it.</param>
    public sealed record Put(string Key, ReadOnlyMemory<byte> Value, ulong Flags, long? ExpectedIndex, long? TtlMs) : KvOp;

    /// <summary>Lets a key with a lifetime begin it anew, with this one where it is given. Its value and modify_index stay.</summary>
    public sealed record Touch(string Key, long? TtlMs) : KvOp;

    /// <summary>Deletes one key; that it is not there is fine, unless an index is expected.</summary>
    public sealed record Delete(string Key, long? ExpectedIndex) : KvOp;

    /// <summary>Deletes every key that begins so.</summary>
    public sealed record DeletePrefix(string Key) : KvOp;

    /// <summary>Reads one key.</summary>
    /// <param name="MustExist">False: that it is not there is an answer, too.</param>
    public sealed record Get(string Key, bool MustExist) : KvOp
    {
        public override bool IsRead => true;
    }

    public sealed record GetPrefix(string Key) : KvOp
    {
        public override bool IsRead => true;
    }

    /// <summary>The key must have this modify_index; 0: must not exist.</summary>
    public sealed record CheckIndex(string Key, long Index) : KvOp;

    /// <summary>The key's lock must be held by this session.</summary>
    public sealed record CheckSession(string Key, string Session) : KvOp;

    /// <summary>Takes the key's lock for a session and sets the value. Who holds it already keeps it, with the same token.</summary>
    public sealed record Acquire(string Key, ReadOnlyMemory<byte> Value, ulong Flags, string Session) : KvOp;

    /// <summary>Gives the key's lock back and sets the value.</summary>
    public sealed record Release(string Key, ReadOnlyMemory<byte> Value, ulong Flags, string Session) : KvOp;
}

/// <summary>What became of a <see cref="Command.KvDo"/>.</summary>
public abstract record KvOutcome
{
    private KvOutcome() { }

    /// <summary>All was done at this index.</summary>
    /// <param name="Answers">One for each operation; none at all for a command that has a request id and several operations, whose outcome is kept.</param>
    public sealed record Done(long ModifyIndex, ImmutableArray<KvAnswer> Answers) : KvOutcome;

    /// <summary>Nothing was done, because this operation could not be.</summary>
    /// <param name="Op">Its number, from 0.</param>
    /// <param name="ModifyIndex">The key's modify_index; 0: there is no such key.</param>
    public sealed record Failed(int Op, KvRefusal Refusal, long ModifyIndex, string Why) : KvOutcome;
}

/// <summary>What one operation gave.</summary>
/// <param name="Count">How many keys it changed, or found.</param>
/// <param name="Pairs">Get: what was found. Put, Touch, Acquire, Release: the pair as it is then, without its value. Otherwise nothing.</param>
public sealed record KvAnswer(long Count, ImmutableArray<KvPair> Pairs);

/// <summary>Why an operation could not be done.</summary>
public enum KvRefusal : byte
{
    /// <summary>The key has another modify_index than expected.</summary>
    IndexDiffers = 1,

    /// <summary>There is no such key, or it has no lifetime.</summary>
    NoKey = 2,

    /// <summary>There is no such session, or it has ended.</summary>
    NoSession = 3,

    /// <summary>Another session holds the lock.</summary>
    HeldByOther = 4,

    /// <summary>The lock was taken from a session that ended, and its lock-delay is not over.</summary>
    LockDelay = 5,

    /// <summary>This session does not hold the lock.</summary>
    NotHolder = 6,

    /// <summary>What it would read is too large for one transaction.</summary>
    TooLarge = 7,
}
