using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.State.Fencing;

/// <summary>What nodes write into the log about the means that keep writes away from servers.</summary>
public abstract record FencingCommand
{
    private FencingCommand() { }

    /// <summary>The guardian says whether the dead-man switch inside the primary works. Refused when a guardian with a larger token has spoken.</summary>
    public sealed record NoteSwitch(string Cluster, InstanceKey Instance, FencingToken Token, bool IsArmed) : FencingCommand;
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
                to.Text(c.Instance.Host);
                to.Number(c.Instance.Port);
                to.Number(c.Token.Value);
                to.Bool(c.IsArmed);
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
            1 => new FencingCommand.NoteSwitch(from.Text(), ReadInstance(ref from), new(from.Number()), from.Bool()),
            _ => throw new WireFormatException($"no fencing command has the number {kind}", from.Position),
        };
    }

    private static InstanceKey ReadInstance(ref WireReader from)
    {
        var host = from.Text();
        var port = from.Number();
        return port is >= 1 and <= 65535 ? new(host, (int)port) : throw new WireFormatException($"{port} is no port", from.Position);
    }
}
