using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.State.Cluster;

/// <summary>Versioned bytes of <see cref="ClusterCommand"/>: a version, the number of the case, its fields in order. Old logs stay
/// readable for ever, so numbers are never given twice.</summary>
public static class ClusterCommandCodec
{
    private const byte Version = 1;
    private const byte CreateToken = 1, Admit = 2, Forget = 3;

    public static void Write(WireWriter to, ClusterCommand command)
    {
        ArgumentNullException.ThrowIfNull(to);
        to.Byte(Version);
        switch (command)
        {
            case ClusterCommand.CreateToken c:
                to.Byte(CreateToken);
                to.Text(c.TokenId);
                to.Bytes(c.SecretHash.Span);
                to.Number(c.ExpiresAtMs);
                to.Number(c.NowMs);
                break;
            case ClusterCommand.Admit c:
                to.Byte(Admit);
                to.Text(c.Node.Name);
                WriteContact(to, c.Contact);
                to.Bool(c.StaysLearner);
                to.TextOrNull(c.Replaces?.Name);
                to.Bool(c.Proof is not null);
                if (c.Proof is { } proof)
                {
                    to.Text(proof.TokenId);
                    to.Bytes(proof.SecretHash.Span);
                }

                to.Number(c.NowMs);
                break;
            case ClusterCommand.Forget c:
                to.Byte(Forget);
                to.Text(c.Node.Name);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static ClusterCommand Read(ref WireReader from)
    {
        var version = from.Byte();
        if (version != Version) throw from.Malformed($"a cluster command of version {version}; this program reads version {Version}");
        var kind = from.Byte();
        return kind switch
        {
            CreateToken => new ClusterCommand.CreateToken(from.Text(), from.Bytes().ToArray(), from.Number(), from.Number()),
            Admit => new ClusterCommand.Admit(
                new(from.Text()), ReadContact(ref from), from.Bool(), ReadNode(ref from),
                from.Bool() ? new TokenProof(from.Text(), from.Bytes().ToArray()) : null, from.Number()),
            Forget => new ClusterCommand.Forget(new(from.Text())),
            _ => throw from.Malformed($"a cluster command of kind {kind}, which this program does not know"),
        };
    }

    internal static void WriteContact(WireWriter to, Contact contact)
    {
        to.Text(contact.Address ?? "");
        to.Text(contact.DataCenter ?? "");
        to.Text(contact.ApiAddress ?? "");
        to.Text(contact.Zone ?? "");
    }

    internal static Contact ReadContact(ref WireReader from) => new(from.Text(), from.Text(), from.Text(), from.Text());

    internal static NodeId? ReadNode(ref WireReader from) => from.TextOrNull() is { } name ? new NodeId(name) : null;
}
