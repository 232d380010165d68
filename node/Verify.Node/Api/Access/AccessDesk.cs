using System.Diagnostics;
using System.Text;
using Verify.Node.Codec;
using Verify.Node.State.Access;

namespace Verify.Node.Api.Access;

/// <summary>Answers who may do what, from what this node has applied. Lives on the loop.</summary>
internal static class AccessDesk
{
    public const byte Change = 80;
    private const int NameBytesMax = 128;
    private const int RulesMax = 256;
    private const int PoliciesMax = 64;
    private const int TokensMax = 10_000;

    public static bool Answers(ApiRequest request) => request is ApiRequest.JudgeAccess or ApiRequest.ListAccess;

    public static ApiReply Answer(ApiRequest request, AccessState state, long applied) => request switch
    {
        ApiRequest.ListAccess => new ApiReply.AccessRules([.. state.Policies], [.. state.Tokens]),
        ApiRequest.JudgeAccess(var hash, var allows) => Judge(state, hash.IsEmpty ? state.Token(AccessToken.Anonymous) : state.OfSecret(hash.Span), hash.IsEmpty, allows, applied),
        _ => throw new UnreachableException(),
    };

    private static ApiReply Judge(AccessState state, AccessToken? token, bool isAnonymous, bool allows, long applied)
    {
        if (token is null) return isAnonymous ? new ApiReply.Judged(new([], IsManagement: false, allows, AccessToken.Anonymous)) : new ApiReply.NotFound(applied);
        var rules = token.Policies.Select(state.Policy).OfType<AccessPolicy>().SelectMany(static policy => policy.Rules);
        return new ApiReply.Judged(new([.. rules], token.IsManagement, allows, token.AccessorId));
    }

    /// <summary>Why the change cannot be made; null when it can.</summary>
    public static string? Objection(ApiRequest request) => request is not ApiRequest.ChangeAccess(var command) ? null : command switch
    {
        AccessCommand.PutToken(var token, _) => Name("the token's accessor id", token.AccessorId) ?? (token.Policies.Length > PoliciesMax ? $"a token has at most {PoliciesMax} policies" : null)
            ?? (Encoding.UTF8.GetByteCount(token.Description) > 1024 ? "the description is longer than 1024 bytes" : null),
        AccessCommand.DeleteToken(var accessor) => Name("the token's accessor id", accessor),
        AccessCommand.PutPolicy(var policy) => Name("the policy's name", policy.Name) ?? (policy.Rules.Length > RulesMax ? $"a policy has at most {RulesMax} rules" : null)
            ?? (policy.Rules.Any(static rule => Encoding.UTF8.GetByteCount(rule.Name) > 1024) ? "a rule's path is longer than 1024 bytes" : null),
        AccessCommand.DeletePolicy(var name) => Name("the policy's name", name),
        _ => throw new UnreachableException(),
    };

    public static ApiReply? Limit(ApiRequest.ChangeAccess change, AccessState state) =>
        change.Command is AccessCommand.PutToken && state.Tokens.Count() >= TokensMax ? new ApiReply.Refused($"there are {TokensMax} tokens already: delete some") : null;

    public static void WriteRequest(WireWriter to, ApiRequest.ChangeAccess change)
    {
        to.Byte(Change);
        AccessCodec.Write(to, change.Command);
    }

    private static string? Name(string what, string text) => Encoding.UTF8.GetByteCount(text) is 0 or > NameBytesMax ? $"{what} has 1 to {NameBytesMax} bytes" : null;
}
