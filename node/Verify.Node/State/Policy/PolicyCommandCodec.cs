using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Ledger;
using Verify.Node.State.Time;

namespace Verify.Node.State.Policy;

/// <summary>Versioned bytes of <see cref="PolicyCommand"/>: a version, the number of the case, the stamp, the fields in order.</summary>
internal static class PolicyCommandCodec
{
    private const byte Version = 1;
    private const byte BeginDowntime = 1, EndDowntime = 2, BeginMaintenance = 3, EndMaintenance = 4, SetRule = 5, SetRecoveries = 6;

    public static void Write(WireWriter to, PolicyCommand command)
    {
        to.Byte(Version);
        switch (command)
        {
            case PolicyCommand.BeginDowntime c:
                Head(to, BeginDowntime, c);
                to.Key(c.Instance);
                to.Text(c.Owner);
                to.Text(c.Reason);
                to.Number(c.ForMs);
                break;
            case PolicyCommand.EndDowntime c:
                Head(to, EndDowntime, c);
                to.Key(c.Instance);
                break;
            case PolicyCommand.BeginMaintenance c:
                Head(to, BeginMaintenance, c);
                to.Key(c.Instance);
                to.Text(c.Owner);
                to.Text(c.Reason);
                to.Number(c.ForMs);
                break;
            case PolicyCommand.EndMaintenance c:
                Head(to, EndMaintenance, c);
                to.KeyOrNull(c.Instance);
                to.Number(c.Key);
                break;
            case PolicyCommand.SetPromotionRule c:
                Head(to, SetRule, c);
                to.Key(c.Instance);
                to.Number((int)c.Rule);
                to.Number(c.ForMs);
                break;
            case PolicyCommand.SetRecoveries c:
                Head(to, SetRecoveries, c);
                to.Bool(c.On);
                to.Text(c.By);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static PolicyCommand Read(ref WireReader from)
    {
        var version = from.Byte();
        if (version != Version) throw from.Malformed($"a policy command of version {version}; this node reads {Version}");
        var kind = from.Byte();
        var stamp = TimeStamp.Read(ref from);
        return kind switch
        {
            BeginDowntime => new PolicyCommand.BeginDowntime(from.Key(), from.Text(), from.Text(), from.Number(), stamp),
            EndDowntime => new PolicyCommand.EndDowntime(from.Key(), stamp),
            BeginMaintenance => new PolicyCommand.BeginMaintenance(from.Key(), from.Text(), from.Text(), from.Number(), stamp),
            EndMaintenance => new PolicyCommand.EndMaintenance(from.KeyOrNull(), from.Number(), stamp),
            SetRule => new PolicyCommand.SetPromotionRule(from.Key(), Rule(ref from), from.Number(), stamp),
            SetRecoveries => new PolicyCommand.SetRecoveries(from.Bool(), from.Text(), stamp),
            _ => throw from.Malformed($"a policy command with the number {kind}"),
        };
    }

    public static PromotionRule Rule(ref WireReader from)
    {
        var number = from.Number();
        return number <= (int)PromotionRule.MustNot ? (PromotionRule)number : throw from.Malformed($"a promotion rule {number}");
    }

    private static void Head(WireWriter to, byte kind, PolicyCommand command)
    {
        to.Byte(kind);
        command.Stamp.Write(to);
    }
}
