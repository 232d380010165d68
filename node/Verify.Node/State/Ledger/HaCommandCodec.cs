using Verify.Node.Codec;
using Verify.Node.Topology;

namespace Verify.Node.State.Ledger;

/// <summary>Versioned bytes of <see cref="HaCommand"/>: a version, the number of the case, its fields in order. Old logs stay
/// readable for ever, so numbers are never given twice.</summary>
public static class HaCommandCodec
{
    private const byte Version = 1;

    /// <summary>The releases that speak version 1 or 2 of the protocol between nodes know the kinds up to this one.</summary>
    private const byte KindOfVersion1Max = 9;

    public static void Write(WireWriter to, HaCommand command)
    {
        to.Byte(Version);
        switch (command)
        {
            case HaCommand.AdoptPrimary c:
                Head(to, 1, c.Cluster);
                to.Key(c.Instance);
                to.Text(c.Guardian);
                break;
            case HaCommand.RenewLease c:
                Head(to, c.LeaseMs == 0 ? (byte)2 : (byte)41, c.Cluster);
                to.Key(c.Instance);
                to.Text(c.Guardian);
                to.Number(c.Token.Value);
                if (c.LeaseMs != 0) to.Number(c.LeaseMs);
                break;
            case HaCommand.OpenRecovery c:
                Head(to, 3, c.Cluster);
                to.Key(c.Failed);
                to.Text(c.Analysis);
                to.Text(c.Votes);
                to.Number(c.SeenToken.Value);
                break;
            case HaCommand.StepIntent c:
                Head(to, 4, c.Cluster);
                to.Number(c.RecoveryId);
                to.Number(c.Step);
                to.Text(c.Kind);
                to.Text(c.Target);
                break;
            case HaCommand.StepOutcome c:
                Head(to, 5, c.Cluster);
                to.Number(c.RecoveryId);
                to.Number(c.Step);
                to.Bool(c.Succeeded);
                to.Text(c.Detail);
                break;
            case HaCommand.PublishPrimary c:
                Head(to, 6, c.Cluster);
                to.Number(c.RecoveryId);
                to.Key(c.Instance);
                to.Text(c.Guardian);
                break;
            case HaCommand.CloseRecovery c:
                Head(to, 7, c.Cluster);
                to.Number(c.RecoveryId);
                to.Bool(c.Successful);
                to.Text(c.Detail);
                break;
            case HaCommand.SetAside c:
                Head(to, 8, c.Cluster);
                to.Key(c.Instance);
                to.Text(c.ErrantGtids);
                break;
            case HaCommand.TakeBack c:
                Head(to, 9, c.Cluster);
                to.Key(c.Instance);
                break;
            case HaCommand.ChangeGuardian c:
                Head(to, 40, c.Cluster);
                to.Key(c.Instance);
                to.Text(c.Guardian);
                to.Number(c.SeenToken.Value);
                break;
            default:
                RecoveryCommandCodec.Write(to, command);
                break;
        }
    }

    /// <summary>The oldest protocol between nodes whose programs know this command.</summary>
    public static int VersionOf(HaCommand command)
    {
        var to = new WireWriter();
        Write(to, command);
        return VersionOf(to.Written.Span);
    }

    /// <summary>The same, from the first bytes.</summary>
    public static int VersionOf(ReadOnlySpan<byte> command) => command.Length < 2 || command[1] <= KindOfVersion1Max ? 1 : 3;

    /// <exception cref="WireFormatException">The bytes are of another version or no command.</exception>
    public static HaCommand Read(ref WireReader from)
    {
        var version = from.Byte();
        if (version != Version) throw new WireFormatException($"high-availability commands of version {version}; this node reads {Version}", from.Position);
        var kind = from.Byte();
        var cluster = from.Text();
        return kind switch
        {
            1 => new HaCommand.AdoptPrimary(cluster, from.Key(), from.Text()),
            2 => new HaCommand.RenewLease(cluster, from.Key(), from.Text(), new(from.Number())),
            3 => new HaCommand.OpenRecovery(cluster, from.Key(), from.Text(), from.Text(), new(from.Number())),
            4 => new HaCommand.StepIntent(cluster, from.Number(), Step(ref from), from.Text(), from.Text()),
            5 => new HaCommand.StepOutcome(cluster, from.Number(), Step(ref from), from.Bool(), from.Text()),
            6 => new HaCommand.PublishPrimary(cluster, from.Number(), from.Key(), from.Text()),
            7 => new HaCommand.CloseRecovery(cluster, from.Number(), from.Bool(), from.Text()),
            8 => new HaCommand.SetAside(cluster, from.Key(), from.Text()),
            9 => new HaCommand.TakeBack(cluster, from.Key()),
            41 => new HaCommand.RenewLease(cluster, from.Key(), from.Text(), new(from.Number()), LeaseMs(ref from)),
            40 => new HaCommand.ChangeGuardian(cluster, from.Key(), from.Text(), new(from.Number())),
            _ => RecoveryCommandCodec.Read(kind, cluster, ref from),
        };
    }

    private static void Head(WireWriter to, byte kind, string cluster)
    {
        to.Byte(kind);
        to.Text(cluster);
    }

    private static int LeaseMs(ref WireReader from)
    {
        var lease = from.Number();
        return lease is > 0 and <= int.MaxValue ? (int)lease : throw new WireFormatException($"a lease of {lease} ms", from.Position);
    }

    private static int Step(ref WireReader from)
    {
        var step = from.Number();
        if (step > int.MaxValue || !Enum.IsDefined((RecoveryStep)step)) throw new WireFormatException($"{step} is no step of a recovery", from.Position);
        return (int)step;
    }
}
