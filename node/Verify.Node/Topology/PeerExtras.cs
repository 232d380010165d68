using System.Collections.Immutable;
using Verify.Node.Codec;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Topology;

/// <summary>What one node says of one server besides <see cref="InstanceReport"/>.</summary>
/// <param name="IsHung">Not reached: somebody listens there and says nothing.</param>
/// <param name="IsRefused">Not reached: the host refuses.</param>
/// <param name="TurnedDownBy">Reached: the error with which it turns questions down; 0: it answers.</param>
internal sealed record InstanceExtra(InstanceKey Key, bool IsHung, bool IsRefused, int TurnedDownBy, ThreadState? SqlThread, double? LagSeconds);

/// <summary>The second half of a report, in a frame of its own: a node of the release before reads <see cref="PeerReport"/>, which has not
/// changed, and cannot read this. Nothing that makes a primary dead depends on it.</summary>
internal sealed record PeerExtras(ImmutableArray<InstanceExtra> Instances)
{
    private const byte Version = 2;

    public static bool Is(ReadOnlySpan<byte> frame) => Peers.PeerFrame.Report.KindOf(frame) == Version;

    public ReadOnlyMemory<byte> Encode()
    {
        var to = new WireWriter();
        to.Byte(Version);
        to.Number(Instances.Length);
        foreach (var i in Instances)
        {
            to.Key(i.Key);
            to.Byte((byte)((i.IsHung ? 1 : 0) | (i.IsRefused ? 2 : 0)));
            to.Number(Math.Max(0, i.TurnedDownBy));
            to.Byte(i.SqlThread is { } sql ? (byte)(sql + 1) : (byte)0);
            to.Bool(i.LagSeconds is not null);
            if (i.LagSeconds is { } lag) to.Number((long)Math.Clamp(lag * 1000, 0, long.MaxValue / 4.0));
        }

        return to.Written;
    }

    /// <exception cref="WireFormatException"/>
    public static PeerExtras Decode(ReadOnlySpan<byte> bytes)
    {
        var from = new WireReader(bytes);
        if (from.Byte() != Version) throw from.Malformed("another version");
        var instances = ImmutableArray.CreateBuilder<InstanceExtra>();
        for (var left = from.Count(); left > 0; left--)
        {
            var key = from.Key();
            var flags = from.Byte();
            if (flags > 3) throw from.Malformed($"flags {flags}");
            var error = from.Number();
            if (error > ushort.MaxValue) throw from.Malformed($"{error} is no error of a server");
            var sql = from.Byte();
            if (sql > (byte)ThreadState.Running + 1) throw from.Malformed($"{sql} is no state of a thread");
            double? lag = from.Bool() ? from.Number() / 1000.0 : null;
            instances.Add(new(key, (flags & 1) != 0, (flags & 2) != 0, (int)error, sql == 0 ? null : (ThreadState)(sql - 1), lag));
        }

        from.End();
        return new(instances.ToImmutable());
    }
}
