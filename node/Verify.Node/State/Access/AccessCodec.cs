using System.Diagnostics;
using Verify.Node.Codec;

namespace Verify.Node.State.Access;

/// <summary>Bytes of tokens, policies and the commands about them.</summary>
internal static class AccessCodec
{
    private const byte PutToken = 1, DeleteToken = 2, PutPolicy = 3, DeletePolicy = 4;

    public static void Write(WireWriter to, AccessCommand command)
    {
        switch (command)
        {
            case AccessCommand.PutToken(var token, var isFirst):
                to.Byte(PutToken);
                Write(to, token);
                to.Bool(isFirst);
                break;
            case AccessCommand.DeleteToken(var accessor):
                to.Byte(DeleteToken);
                to.Text(accessor);
                break;
            case AccessCommand.PutPolicy(var policy):
                to.Byte(PutPolicy);
                Write(to, policy);
                break;
            case AccessCommand.DeletePolicy(var name):
                to.Byte(DeletePolicy);
                to.Text(name);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static AccessCommand Read(ref WireReader from) => from.Byte() switch
    {
        PutToken => new AccessCommand.PutToken(ReadToken(ref from), from.Bool()),
        DeleteToken => new AccessCommand.DeleteToken(from.Text()),
        PutPolicy => new AccessCommand.PutPolicy(ReadPolicy(ref from)),
        DeletePolicy => new AccessCommand.DeletePolicy(from.Text()),
        var kind => throw from.Malformed($"a command of kind {kind} about access"),
    };

    public static void Write(WireWriter to, AccessToken token)
    {
        to.Text(token.AccessorId);
        to.Bytes(token.SecretHash.Span);
        to.Text(token.Description);
        to.Number(token.Policies.Length);
        foreach (var policy in token.Policies) to.Text(policy);
        to.Bool(token.IsManagement);
    }

    /// <exception cref="WireFormatException"/>
    public static AccessToken ReadToken(ref WireReader from)
    {
        var (accessor, hash, description) = (from.Text(), from.Bytes().ToArray(), from.Text());
        if (hash.Length is not (0 or AccessToken.HashBytes)) throw from.Malformed($"the hash of a secret with {hash.Length} bytes");
        var policies = new string[from.Count()];
        for (var i = 0; i < policies.Length; i++) policies[i] = from.Text();
        return new(accessor, hash, description, [.. policies], from.Bool());
    }

    public static void Write(WireWriter to, AccessPolicy policy)
    {
        to.Text(policy.Name);
        to.Text(policy.Description);
        to.Number(policy.Rules.Length);
        foreach (var rule in policy.Rules)
        {
            to.Byte((byte)rule.Area);
            to.Text(rule.Name);
            to.Bool(rule.IsPrefix);
            to.Byte((byte)rule.Level);
        }
    }

    /// <exception cref="WireFormatException"/>
    public static AccessPolicy ReadPolicy(ref WireReader from)
    {
        var (name, description) = (from.Text(), from.Text());
        var rules = new AccessRule[from.Count()];
        for (var i = 0; i < rules.Length; i++)
        {
            var (area, about, isPrefix, level) = ((AccessArea)from.Byte(), from.Text(), from.Bool(), (AccessLevel)from.Byte());
            if (!Enum.IsDefined(area) || !Enum.IsDefined(level)) throw from.Malformed($"a rule of area {(byte)area} and level {(byte)level}");
            rules[i] = new(area, about, isPrefix, level);
        }

        return new(name, description, [.. rules]);
    }
}
