using System.Collections.Immutable;
using Verify.Node.Api;
using Verify.Node.State.Kv;
using Verify.Node.State.Time;

namespace Verify.Node.State;

public abstract partial record Command
{
    /// <summary>Everything on keys that the plain commands above cannot say: lifetimes, prefixes, locks, and several of them at once. The
    /// operations are done one after the other, each seeing those before it; all of them or none.</summary>
    public sealed record KvDo(ImmutableArray<KvOp> Ops, RequestId? Id, TimeStamp Stamp) : Command
    {
        public override TimeStamp? StampOf => Stamp;
    }
}

public abstract partial record CommandResult
{
    /// <summary>What <see cref="Command.KvDo"/> gave.</summary>
    public sealed record Kv(KvOutcome Outcome) : CommandResult;
}
