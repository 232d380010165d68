using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.State.Cluster;

/// <summary>The replicated part of joining: tokens, and the nodes that were let in and are on their way to their seat. Being in the log,
/// single use and expiry hold across restarts and leaders, and a new leader goes on where the old one stopped.</summary>
public sealed class ClusterState : IStateSection
{
    /// <summary>Tokens that are kept at once; expired ones do not count.</summary>
    public const int TokensMax = 1_000;

    /// <summary>Nodes on their way at once.</summary>
    public const int AdmissionsMax = 100;
    private const byte ClockRecord = 1, TokenRecord = 2, AdmissionRecord = 3;

    /// <summary>One sentence for every token that does not fit: it tells a stranger nothing.</summary>
    private const string UnknownToken = "the join token is not one of this group's, or has expired";
    private readonly SortedDictionary<string, JoinToken> _tokens = new(StringComparer.Ordinal);
    private readonly SortedDictionary<NodeId, Admission> _admissions = [];

    /// <summary>The latest stamp that was seen: a leader whose clock is behind cannot make an expired token good again.</summary>
    private long _clockMs;

    public IEnumerable<JoinToken> Tokens => _tokens.Values;

    /// <summary>By node.</summary>
    public IReadOnlyCollection<Admission> Admissions => _admissions.Values;

    public Admission? AdmissionOf(NodeId node) => _admissions.GetValueOrDefault(node);

    /// <summary>Why this proof would be refused at this moment; null when it would do.</summary>
    public string? Objection(TokenProof proof, NodeId node, long nowMs)
    {
        ArgumentNullException.ThrowIfNull(proof);
        var known = _tokens.GetValueOrDefault(proof.TokenId);

        // The comparison takes as long for a token that does not exist.
        var isRight = SameBytes((known?.SecretHash ?? default).Span, proof.SecretHash.Span) && known is not null;
        if (!isRight || known!.ExpiresAtMs <= Math.Max(nowMs, _clockMs)) return UnknownToken;
        return known.UsedBy is { } user && user != node ? "the join token has been used" : null;
    }

    internal CommandResult Apply(ClusterCommand command, ApplyContext context)
    {
        switch (command)
        {
            case ClusterCommand.CreateToken create:
                return Apply(create, context.Index);
            case ClusterCommand.Admit admit:
                return Apply(admit, context.Index);
            case ClusterCommand.Forget(var node):
                return _admissions.Remove(node) ? new CommandResult.Done(context.Index) : new CommandResult.NotFound();
            default:
                throw new UnreachableException();
        }
    }

    SectionKind IStateSection.Kind => SectionKind.Cluster;
    byte IStateSection.Version => 1;

    FrozenSection IStateSection.Freeze()
    {
        object[] records = [_clockMs, .. _tokens.Values, .. _admissions.Values];
        return FrozenSection.Of(this, records.Length, records, Write);
    }

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        var kind = from.Byte();
        switch (kind)
        {
            case ClockRecord:
                _clockMs = from.Number();
                break;
            case TokenRecord:
                var token = new JoinToken(from.Text(), from.Bytes().ToArray(), from.Number(), ClusterCommandCodec.ReadNode(ref from));
                if (!_tokens.TryAdd(token.Id, token)) throw from.Malformed($"token {token.Id} is there twice");
                break;
            case AdmissionRecord:
                var admission = new Admission(
                    new(from.Text()), ClusterCommandCodec.ReadContact(ref from), from.Bool(), ClusterCommandCodec.ReadNode(ref from), from.Number());
                if (!_admissions.TryAdd(admission.Node, admission)) throw from.Malformed($"{admission.Node} is there twice");
                break;
            default:
                throw from.Malformed($"a record of kind {kind} about the group");
        }
    }

    private static void Write(WireWriter to, object record)
    {
        switch (record)
        {
            case long clockMs:
                to.Byte(ClockRecord);
                to.Number(clockMs);
                break;
            case JoinToken token:
                to.Byte(TokenRecord);
                to.Text(token.Id);
                to.Bytes(token.SecretHash.Span);
                to.Number(token.ExpiresAtMs);
                to.TextOrNull(token.UsedBy?.Name);
                break;
            case Admission admission:
                to.Byte(AdmissionRecord);
                to.Text(admission.Node.Name);
                ClusterCommandCodec.WriteContact(to, admission.Contact);
                to.Bool(admission.StaysLearner);
                to.TextOrNull(admission.Replaces?.Name);
                to.Number(admission.Index);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private CommandResult Apply(ClusterCommand.CreateToken create, long index)
    {
        MoveClock(create.NowMs);
        if (_tokens.ContainsKey(create.TokenId)) return new CommandResult.Rejected($"there is a token {create.TokenId} already");
        if (_tokens.Count >= TokensMax) return new CommandResult.Rejected($"{TokensMax} join tokens wait to be used or to expire already");
        _tokens.Add(create.TokenId, new(create.TokenId, create.SecretHash, create.ExpiresAtMs, UsedBy: null));
        return new CommandResult.Done(index);
    }

    private CommandResult Apply(ClusterCommand.Admit admit, long index)
    {
        MoveClock(admit.NowMs);
        if (admit.Proof is { } proof)
        {
            if (Objection(proof, admit.Node, admit.NowMs) is { } objection) return new CommandResult.Rejected(objection);
            _tokens[proof.TokenId] = _tokens[proof.TokenId] with { UsedBy = admit.Node };
        }

        if (_admissions.Count >= AdmissionsMax && !_admissions.ContainsKey(admit.Node))
        {
            return new CommandResult.Rejected($"{AdmissionsMax} nodes are on their way into the group already");
        }

        _admissions[admit.Node] = new(admit.Node, admit.Contact, admit.StaysLearner, admit.Replaces, index);
        return new CommandResult.Done(index);
    }

    private void MoveClock(long nowMs)
    {
        _clockMs = Math.Max(_clockMs, nowMs);
        foreach (var token in _tokens.Values.Where(t => t.ExpiresAtMs <= _clockMs).ToArray()) _tokens.Remove(token.Id);
    }

    /// <summary>In a time that does not depend on where the two differ.</summary>
    private static bool SameBytes(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        var difference = one.Length ^ other.Length;
        for (var i = 0; i < other.Length; i++) difference |= other[i] ^ (one.IsEmpty ? (byte)1 : one[i % one.Length]);
        return difference == 0 && !other.IsEmpty;
    }
}
