using System.Collections.Immutable;
using Verify.Node.Codec;

namespace Verify.Node.Topology;

/// <summary>What a guardian says of the primary that it guards: a cluster, a server and a number.</summary>
internal interface IGuardianWord<TSelf> where TSelf : struct, IGuardianWord<TSelf>
{
    /// <summary>The first byte of its frame. A node that does not know it says so in its log and goes on.</summary>
    static abstract byte Kind { get; }
    string Cluster { get; }
    InstanceKey Instance { get; }
    long Number { get; }

    static abstract TSelf Of(string cluster, InstanceKey instance, long number);
}

/// <summary>A guardian's word that it has applied this recovery, opens the server no more under it, and was refused by the server's host
/// after that: nobody listens there. It is never taken back: the process that was open has ended. A node that is not told waits for the end of the lease.</summary>
internal readonly record struct GoneUnder(string Cluster, InstanceKey Instance, long RecoveryId) : IGuardianWord<GoneUnder>
{
    public static byte Kind => 3;
    public long Number => RecoveryId;

    public static GoneUnder Of(string cluster, InstanceKey instance, long number) => new(cluster, instance, number);
}

/// <summary>A guardian's word that the server answers, and that commits have been in its storage engine for so long. Told with each report for as long as it
/// holds; for a node that is not told the disk is well.</summary>
internal readonly record struct StalledDisk(string Cluster, InstanceKey Instance, long ForMs) : IGuardianWord<StalledDisk>
{
    public static byte Kind => 4;
    public long Number => ForMs;

    public static StalledDisk Of(string cluster, InstanceKey instance, long number) => new(cluster, instance, number);
}

/// <summary>A node's words of one kind, in a frame of their own: a node that speaks protocol version 2 or less cannot read it and is not sent it
/// (<see cref="Peers.PeerCodec.VersionOf"/>).</summary>
internal sealed record PeerWords<TWord>(ImmutableArray<TWord> Words) where TWord : struct, IGuardianWord<TWord>
{
    public static bool Is(ReadOnlySpan<byte> frame) => Peers.PeerFrame.Report.KindOf(frame) == TWord.Kind;

    public ReadOnlyMemory<byte> Encode()
    {
        var to = new WireWriter();
        to.Byte(TWord.Kind);
        to.Number(Words.Length);
        foreach (var word in Words)
        {
            to.Text(word.Cluster);
            to.Key(word.Instance);
            to.Number(word.Number);
        }

        return to.Written;
    }

    /// <exception cref="WireFormatException"/>
    public static PeerWords<TWord> Decode(ReadOnlySpan<byte> bytes)
    {
        var from = new WireReader(bytes);
        if (from.Byte() != TWord.Kind) throw from.Malformed("another version");
        var words = ImmutableArray.CreateBuilder<TWord>();
        for (var left = from.Count(); left > 0; left--) words.Add(TWord.Of(from.Text(), from.Key(), from.Number()));
        from.End();
        return new(words.ToImmutable());
    }
}
