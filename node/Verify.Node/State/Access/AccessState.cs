using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Codec;

namespace Verify.Node.State
{
    public abstract partial record Command
    {
        public sealed record Access(State.Access.AccessCommand Inner) : Command;
    }
}

namespace Verify.Node.State.Access
{
    /// <summary>What a rule is about.</summary>
    public enum AccessArea : byte
    {
        Key = 1,
        Service = 2,
        Session = 3,

        /// <summary>Backups, exports, and the rules themselves.</summary>
        Operator = 4,
    }

    /// <summary>What a rule allows. The order counts: who may write may read.</summary>
    public enum AccessLevel : byte
    {
        Deny = 1,
        Read = 2,
        Write = 3,
    }

    /// <summary>One rule. <paramref name="IsPrefix"/>: it is about everything that begins with the name.</summary>
    public sealed record AccessRule(AccessArea Area, string Name, bool IsPrefix, AccessLevel Level);

    public sealed record AccessPolicy(string Name, string Description, ImmutableArray<AccessRule> Rules)
    {
        public long ModifyIndex { get; init; }
    }

    /// <summary>Who shows the secret with this hash (SHA-256) may do what the policies say. The secret itself is nowhere.</summary>
    /// <param name="IsManagement">May do everything.</param>
    public sealed record AccessToken(string AccessorId, ReadOnlyMemory<byte> SecretHash, string Description, ImmutableArray<string> Policies, bool IsManagement)
    {
        /// <summary>Of this token: everybody who shows none.</summary>
        public const string Anonymous = "anonymous";
        public const int HashBytes = 32;
        public long CreateIndex { get; init; }
        public long ModifyIndex { get; init; }

        /// <summary>Without the hash.</summary>
        public override string ToString() => $"AccessToken {{ {AccessorId}, {string.Join(' ', Policies)}, IsManagement = {IsManagement} }}";
    }

    /// <summary>Everything that changes who may do what.</summary>
    public abstract record AccessCommand
    {
        private AccessCommand() { }

        /// <param name="IsFirst">Only while there is no management token: the one that begins (Consul's bootstrap).</param>
        public sealed record PutToken(AccessToken Token, bool IsFirst) : AccessCommand;
        public sealed record DeleteToken(string AccessorId) : AccessCommand;
        public sealed record PutPolicy(AccessPolicy Policy) : AccessCommand;
        public sealed record DeletePolicy(string Name) : AccessCommand;
    }

    /// <summary>Policies and tokens, replicated. Judging by them is <see cref="AccessJudgement"/>'s.</summary>
    public sealed class AccessState : IStateSection
    {
        private const byte TokenRecord = 1, PolicyRecord = 2;
        private readonly VersionedTree<string, AccessToken> _tokens = new(static token => token.AccessorId, StringComparer.Ordinal);
        private readonly VersionedTree<string, AccessPolicy> _policies = new(static policy => policy.Name, StringComparer.Ordinal);

        /// <summary>Built again from the records, not kept in them.</summary>
        private readonly SortedDictionary<string, string> _byHash = new(StringComparer.Ordinal);

        SectionKind IStateSection.Kind => SectionKind.Access;
        byte IStateSection.Version => 1;

        public IEnumerable<AccessToken> Tokens => _tokens.All();
        public IEnumerable<AccessPolicy> Policies => _policies.All();

        public AccessToken? OfSecret(ReadOnlySpan<byte> hash) => _byHash.TryGetValue(Convert.ToHexString(hash), out var id) ? Token(id) : null;

        public AccessToken? Token(string accessor) => _tokens.TryGet(accessor, out var token) ? token : null;

        public AccessPolicy? Policy(string name) => _policies.TryGet(name, out var policy) ? policy : null;

        internal CommandResult Apply(AccessCommand command, long index)
        {
            switch (command)
            {
                case AccessCommand.PutToken(var token, var isFirst):
                    if (isFirst && Tokens.Any(static known => known.IsManagement)) return new CommandResult.CasConflict(index);
                    var old = Token(token.AccessorId);
                    // A change of the policies keeps the secret.
                    if (token.SecretHash.IsEmpty) token = token with { SecretHash = old?.SecretHash ?? default };
                    if (OfSecret(token.SecretHash.Span) is { } other && other.AccessorId != token.AccessorId) return new CommandResult.CasConflict(other.ModifyIndex);
                    if (old is not null) _byHash.Remove(Convert.ToHexString(old.SecretHash.Span));
                    Keep(token with { CreateIndex = old?.CreateIndex ?? index, ModifyIndex = index });
                    return new CommandResult.Done(index);
                case AccessCommand.DeleteToken(var accessor):
                    if (Token(accessor) is not { } gone) return new CommandResult.NotFound();
                    _byHash.Remove(Convert.ToHexString(gone.SecretHash.Span));
                    _tokens.Remove(accessor);
                    return new CommandResult.Done(index);
                case AccessCommand.PutPolicy(var policy):
                    _policies.Set(policy with { ModifyIndex = index });
                    return new CommandResult.Done(index);
                case AccessCommand.DeletePolicy(var name):
                    return _policies.Remove(name) ? new CommandResult.Done(index) : new CommandResult.NotFound();
                default:
                    throw new UnreachableException();
            }
        }

        private void Keep(AccessToken token)
        {
            _tokens.Set(token);
            if (!token.SecretHash.IsEmpty) _byHash[Convert.ToHexString(token.SecretHash.Span)] = token.AccessorId;
        }

        FrozenSection IStateSection.Freeze()
        {
            var (tokens, policies) = (_tokens.Freeze(), _policies.Freeze());
            return FrozenSection.Of(this, tokens.Count + policies.Count, ((IEnumerable<object>)policies.Items).Concat(tokens.Items), static (to, record) =>
            {
                if (record is AccessToken token)
                {
                    to.Byte(TokenRecord);
                    AccessCodec.Write(to, token);
                    to.Number(token.CreateIndex);
                    to.Number(token.ModifyIndex);
                    return;
                }

                var policy = (AccessPolicy)record;
                to.Byte(PolicyRecord);
                AccessCodec.Write(to, policy);
                to.Number(policy.ModifyIndex);
            });
        }

        void IStateSection.Restore(byte version, ref WireReader from)
        {
            switch (from.Byte())
            {
                case TokenRecord:
                    var token = AccessCodec.ReadToken(ref from);
                    if (Token(token.AccessorId) is not null) throw from.Malformed($"token {token.AccessorId} is there twice");
                    Keep(token with { CreateIndex = from.Number(), ModifyIndex = from.Number() });
                    break;
                case PolicyRecord:
                    var policy = AccessCodec.ReadPolicy(ref from);
                    if (Policy(policy.Name) is not null) throw from.Malformed($"policy {policy.Name} is there twice");
                    _policies.Set(policy with { ModifyIndex = from.Number() });
                    break;
                case var kind:
                    throw from.Malformed($"a record of kind {kind} in the access rules");
            }
        }
    }
}
