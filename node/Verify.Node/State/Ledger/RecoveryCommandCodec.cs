using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Time;
using Verify.Node.Topology;

namespace Verify.Node.State.Ledger;

/// <summary>Bytes of the commands about recoveries of every kind: numbers 20 to 39 of <see cref="HaCommandCodec"/>.</summary>
internal static class RecoveryCommandCodec
{
    private const byte Begin = 20, End = 21, Acknowledge = 22;

    /// <summary>The number, the cluster, the fields.</summary>
    public static void Write(WireWriter to, HaCommand command)
    {
        switch (command)
        {
            case HaCommand.BeginRecovery c:
                to.Byte(Begin);
                to.Text(c.Cluster);
                to.Number((int)c.Kind);
                to.Key(c.Failed);
                to.KeyOrNull(c.Designated);
                to.Text(c.Analysis);
                to.Text(c.Votes);
                to.Number(c.SeenToken.Value);
                to.Text(c.By);
                to.Bool(c.WithoutHooks);
                c.Stamp.Write(to);
                break;
            case HaCommand.EndRecovery c:
                to.Byte(End);
                to.Text(c.Cluster);
                to.Number(c.RecoveryId);
                to.Bool(c.Successful);
                to.Text(c.Detail);
                c.Stamp.Write(to);
                break;
            case HaCommand.AcknowledgeRecoveries c:
                to.Byte(Acknowledge);
                to.Text(c.Cluster);
                to.Number(c.RecoveryId);
                to.KeyOrNull(c.Instance);
                to.Text(c.By);
                to.Text(c.Comment);
                c.Stamp.Write(to);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static HaCommand Read(byte kind, string cluster, ref WireReader from) => kind switch
    {
        Begin => new HaCommand.BeginRecovery(
            cluster, Kind(ref from), from.Key(), from.KeyOrNull(), from.Text(), from.Text(), new(from.Number()), from.Text(), from.Bool(),
            TimeStamp.Read(ref from)),
        End => new HaCommand.EndRecovery(cluster, from.Number(), from.Bool(), from.Text(), TimeStamp.Read(ref from)),
        Acknowledge => new HaCommand.AcknowledgeRecoveries(cluster, from.Number(), from.KeyOrNull(), from.Text(), from.Text(), TimeStamp.Read(ref from)),
        _ => throw from.Malformed($"no high-availability command has the number {kind}"),
    };

    public static RecoveryKind Kind(ref WireReader from)
    {
        var number = from.Number();
        var kind = (RecoveryKind)Math.Min(number, int.MaxValue);
        return Enum.IsDefined(kind) ? kind : throw from.Malformed($"a recovery of kind {number}");
    }
}
