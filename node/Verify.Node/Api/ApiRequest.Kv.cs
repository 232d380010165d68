using System.Collections.Immutable;
using Verify.Node.State.Kv;
using Verify.Node.State.Locks;

namespace Verify.Node.Api;

public abstract partial record ApiRequest
{
    /// <summary>Operations on keys in one entry of the log: all of them, one after the other, or none; answered with <see cref="ApiReply.Kv"/>.
    /// One that reads cannot have an id, because what it read is not kept.</summary>
    public sealed record KvDo(ImmutableArray<KvOp> Ops, RequestId? Id) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>Begins, renews or ends a session; answered with Done, NotFound (there is no such session), or CasConflict (another session
    /// has this id).</summary>
    public sealed record SessionDo(SessionCommand Command) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>One session, or (null) all; answered with <see cref="ApiReply.SessionList"/>.</summary>
    public sealed record SessionRead(string? Id, ReadConsistency Consistency) : ApiRequest
    {
        public override bool IsForLeader => Consistency != ReadConsistency.Stale;
    }

    /// <summary>Several keys as they are at one moment; answered with <see cref="ApiReply.Values"/>, without those that are not there.</summary>
    public sealed record KvGetMany(ImmutableArray<string> Keys, ReadConsistency Consistency) : ApiRequest
    {
        public override bool IsForLeader => Consistency != ReadConsistency.Stale;
    }

    /// <summary>Waits on this node for changes behind an index; answered with <see cref="ApiReply.Changes"/>, empty when there was none in time, or
    /// with <see cref="ApiReply.Gone"/>. Who asks again with the index of the answer misses nothing and sees nothing twice, also on another node.</summary>
    /// <param name="IsPrefix">All keys that begin so, and not this one alone.</param>
    /// <param name="After">The index of the last change that was seen, or of the state that was read.</param>
    /// <param name="Wait">So long at the most; never longer than two thirds of Timing.RequestTimeout.</param>
    public sealed record KvWatch(string Key, bool IsPrefix, long After, TimeSpan Wait) : ApiRequest;
}

public abstract partial record ApiReply
{
    public sealed record Kv(KvOutcome Outcome) : ApiReply;

    /// <param name="NowMs">The group's time, by which their deadlines are meant.</param>
    public sealed record SessionList(IReadOnlyList<LockSession> Sessions, long NowMs, long AppliedIndex) : ApiReply
    {
        /// <inheritdoc cref="Value.Age"/>
        public TimeSpan? Age { get; init; } = TimeSpan.Zero;
    }

    /// <summary>All changes of what is watched behind the index that was given, up to and with <paramref name="UpTo"/>, in their order. What one
    /// entry of the log did is never torn apart.</summary>
    public sealed record Changes(IReadOnlyList<KvChange> Items, long UpTo) : ApiReply;

    /// <summary>Changes behind the index that was given are no longer known one by one. Read the state anew, and watch on from its index.</summary>
    /// <param name="Oldest">Changes behind this index are known here.</param>
    public sealed record Gone(long Oldest, long AppliedIndex) : ApiReply;
}
