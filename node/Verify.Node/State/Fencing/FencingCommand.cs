using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.State.Fencing;

/// <summary>What nodes write into the log about the means that keep writes away from servers, and about what is told of primaries.</summary>
public abstract record FencingCommand
{
    private FencingCommand() { }

    /// <summary>The guardian says whether the dead-man switch inside the primary works. Refused when a guardian with a larger token has spoken.</summary>
    public sealed record NoteSwitch(string Cluster, InstanceKey Instance, FencingToken Token, bool IsArmed) : FencingCommand;

    /// <summary>From this entry on primaries are published (<see cref="PublishedPrimaries"/>). An entry of its own, because entries of before it must
    /// do on every node, whichever program reads them again, what they did when they were written.</summary>
    public sealed record BeginPublishing : FencingCommand;

    /// <summary>The commands of one hook of a recovery have ended. <paramref name="Failed"/>: one of them with something else than 0, or not in time.</summary>
    public sealed record HookRan(string Cluster, long RecoveryId, HookPoint Point, bool Failed, string Detail) : FencingCommand;
}

/// <summary>When an operator's commands are run; the names are those of orchestrator's configuration. The number stands in the log.</summary>
public enum HookPoint
{
    OnFailureDetectionProcesses = 1,
    PreGracefulTakeoverProcesses = 2,
    PreFailoverProcesses = 3,
    PostMasterFailoverProcesses = 4,
    PostIntermediateMasterFailoverProcesses = 5,
    PostFailoverProcesses = 6,
    PostUnsuccessfulFailoverProcesses = 7,
    PostGracefulTakeoverProcesses = 8,
}

/// <summary>Versioned bytes of <see cref="FencingCommand"/>; numbers are never given twice.</summary>
internal static class FencingCommandCodec
{
    private const byte Version = 1;

    public static void Write(WireWriter to, FencingCommand command)
    {
        to.Byte(Version);
        switch (command)
        {
            case FencingCommand.NoteSwitch c:
                to.Byte(1);
                to.Text(c.Cluster);
                to.Key(c.Instance);
                to.Number(c.Token.Value);
                to.Bool(c.IsArmed);
                break;
            case FencingCommand.BeginPublishing:
                to.Byte(2);
                break;
            case FencingCommand.HookRan c:
                to.Byte(3);
                to.Text(c.Cluster);
                to.Number(c.RecoveryId);
                to.Byte((byte)c.Point);
                to.Bool(c.Failed);
                to.Text(c.Detail);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException">The bytes are of another version or no command.</exception>
    public static FencingCommand Read(ref WireReader from)
    {
        var version = from.Byte();
        if (version != Version) throw new WireFormatException($"fencing commands of version {version}; this node reads {Version}", from.Position);
        var kind = from.Byte();
        return kind switch
        {
            1 => new FencingCommand.NoteSwitch(from.Text(), from.Key(), new(from.Number()), from.Bool()),
            2 => new FencingCommand.BeginPublishing(),
            3 => new FencingCommand.HookRan(from.Text(), from.Number(), ReadPoint(ref from), from.Bool(), from.Text()),
            _ => throw new WireFormatException($"no fencing command has the number {kind}", from.Position),
        };
    }

    internal static HookPoint ReadPoint(ref WireReader from)
    {
        var point = (HookPoint)from.Byte();
        return Enum.IsDefined(point) ? point : throw new WireFormatException($"{(int)point} is no hook", from.Position);
    }
}
