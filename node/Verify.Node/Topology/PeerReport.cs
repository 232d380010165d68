using System.Collections.Immutable;
using Verify.Node.Codec;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Topology;

/// <summary>What one node says of one server. Ages are by the teller's own clock.</summary>
/// <param name="AgeMs">Since the observation that gives <paramref name="State"/>.</param>
/// <param name="IsReadOnly">Null when the teller has no fresh facts.</param>
/// <param name="IoThread">Of a replica; null when it is none or not known.</param>
internal sealed record InstanceReport(
    InstanceKey Key, SightState State, long AgeMs, bool? IsReadOnly, ThreadState? IoThread, InstanceKey? Source, string Executed, string Detail);

/// <summary>A guardian's word that it has applied this recovery, opens the server no more, and saw it read-only after that.</summary>
internal readonly record struct ClosedUnder(string Cluster, InstanceKey Instance, long RecoveryId);

/// <summary>What one node sees, told to all others. Newest wins; nothing of it is in the log.</summary>
internal sealed record PeerReport(ImmutableArray<InstanceReport> Instances, ImmutableArray<ClosedUnder> Closed)
{
    public const byte Version = 1;
    private const int DetailCharsMax = 200;

    public ReadOnlyMemory<byte> Encode()
    {
        var to = new WireWriter();
        to.Byte(Version);
        to.Number(Instances.Length);
        foreach (var i in Instances)
        {
            to.Key(i.Key);
            to.Byte((byte)i.State);
            to.Number(i.AgeMs);
            to.Byte(i.IsReadOnly switch { null => 0, false => 1, true => 2 });
            to.Byte(i.IoThread is { } io ? (byte)(io + 1) : (byte)0);
            to.Bool(i.Source is not null);
            if (i.Source is { } source) to.Key(source);
            to.Text(i.Executed);
            to.Text(i.Detail.Length <= DetailCharsMax ? i.Detail : i.Detail[..DetailCharsMax]);
        }

        to.Number(Closed.Length);
        foreach (var c in Closed)
        {
            to.Text(c.Cluster);
            to.Key(c.Instance);
            to.Number(c.RecoveryId);
        }

        return to.Written;
    }

    /// <exception cref="WireFormatException">The bytes are no report of this version.</exception>
    public static PeerReport Decode(ReadOnlySpan<byte> bytes)
    {
        var from = new WireReader(bytes);
        var version = from.Byte();
        if (version != Version) throw new WireFormatException($"a report of version {version}; this node reads {Version}", from.Position);
        var instances = ImmutableArray.CreateBuilder<InstanceReport>();
        for (var left = from.Count(); left > 0; left--) instances.Add(ReadInstance(ref from));
        var closed = ImmutableArray.CreateBuilder<ClosedUnder>();
        for (var left = from.Count(); left > 0; left--) closed.Add(new(from.Text(), from.Key(), from.Number()));
        from.End();
        return new(instances.ToImmutable(), closed.ToImmutable());
    }

    private static InstanceReport ReadInstance(ref WireReader from)
    {
        var key = from.Key();
        var state = from.Byte();
        if (state > (byte)SightState.Down) throw new WireFormatException($"{state} is no state of a server", from.Position);
        var age = from.Number();
        var readOnly = from.Byte();
        if (readOnly > 2) throw new WireFormatException($"{readOnly} is no read-only flag", from.Position);
        var io = from.Byte();
        if (io > (byte)ThreadState.Running + 1) throw new WireFormatException($"{io} is no state of a thread", from.Position);
        InstanceKey? source = from.Bool() ? from.Key() : null;
        return new(
            key, (SightState)state, age, readOnly == 0 ? null : readOnly == 2, io == 0 ? null : (ThreadState)(io - 1), source,
            from.Text(), from.Text());
    }
}
