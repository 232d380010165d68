using Verify.Node.State.Access;

namespace Verify.Node.Api;

public abstract partial record ApiRequest
{
    /// <summary>Changes who may do what.</summary>
    public sealed record ChangeAccess(AccessCommand Command) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>What the one who shows a secret with this hash may do, as this node knows it; empty: who shows none. Answered with
    /// <see cref="ApiReply.Judged"/>, or NotFound for a hash that is nobody's.</summary>
    public sealed record JudgeAccess(ReadOnlyMemory<byte> SecretHash, bool AllowsByDefault) : ApiRequest;

    /// <summary>All policies and tokens, as this node knows them; answered with <see cref="ApiReply.AccessRules"/>.</summary>
    public sealed record ListAccess : ApiRequest;
}

public abstract partial record ApiReply
{
    public sealed record Judged(AccessJudgement Judgement) : ApiReply;

    public sealed record AccessRules(IReadOnlyList<AccessPolicy> Policies, IReadOnlyList<AccessToken> Tokens) : ApiReply;
}
