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
                Write(to, c.Failed);
                WriteOptional(to, c.Designated);
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
                WriteOptional(to, c.Instance);
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
            cluster, Kind(ref from), Instance(ref from), Optional(ref from), from.Text(), from.Text(), new(from.Number()), from.Text(), from.Bool(),
            TimeStamp.Read(ref from)),
        End => new HaCommand.EndRecovery(cluster, from.Number(), from.Bool(), from.Text(), TimeStamp.Read(ref from)),
        Acknowledge => new HaCommand.AcknowledgeRecoveries(cluster, from.Number(), Optional(ref from), from.Text(), from.Text(), TimeStamp.Read(ref from)),
        _ => throw from.Malformed($"no high-availability command has the number {kind}"),
    };

    public static RecoveryKind Kind(ref WireReader from)
    {
        var number = from.Number();
        var kind = (RecoveryKind)Math.Min(number, int.MaxValue);
        return Enum.IsDefined(kind) ? kind : throw from.Malformed($"a recovery of kind {number}");
    }

    public static void Write(WireWriter to, InstanceKey instance)
    {
        to.Text(instance.Host);
        to.Number(instance.Port);
    }

    public static void WriteOptional(WireWriter to, InstanceKey? instance)
    {
        to.Bool(instance is not null);
        if (instance is { } key) Write(to, key);
    }

    public static InstanceKey Instance(ref WireReader from)
    {
        var host = from.Text();
        var port = from.Number();
        return port is >= 1 and <= 65_535 ? new(host, (int)port) : throw from.Malformed($"{port} is no port");
    }

    public static InstanceKey? Optional(ref WireReader from) => from.Bool() ? Instance(ref from) : null;
}
