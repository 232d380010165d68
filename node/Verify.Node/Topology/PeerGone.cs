using System.Collections.Immutable;
using Verify.Node.Codec;

namespace Verify.Node.Topology;

/// <summary>A guardian's word that it has applied this recovery, opens the server no more under it, and was refused by the server's host
/// after that: nobody listens there.</summary>
internal readonly record struct GoneUnder(string Cluster, InstanceKey Instance, long RecoveryId);

/// <summary>Such words, in a frame of their own: a node of the release before cannot read it and is not sent it
/// (<see cref="Peers.PeerCodec.VersionOf"/>); it waits for the end of the lease. It is never taken back: the process that was open has ended.</summary>
internal sealed record PeerGone(ImmutableArray<GoneUnder> Words)
{
    private const byte Version = 3;

    public static bool Is(ReadOnlySpan<byte> frame) => Peers.PeerFrame.Report.KindOf(frame) == Version;

    public ReadOnlyMemory<byte> Encode()
    {
        var to = new WireWriter();
        to.Byte(Version);
        to.Number(Words.Length);
        foreach (var word in Words)
        {
            to.Text(word.Cluster);
            to.Key(word.Instance);
            to.Number(word.RecoveryId);
        }

        return to.Written;
    }

    /// <exception cref="WireFormatException"/>
    public static PeerGone Decode(ReadOnlySpan<byte> bytes)
    {
        var from = new WireReader(bytes);
        if (from.Byte() != Version) throw from.Malformed("another version");
        var words = ImmutableArray.CreateBuilder<GoneUnder>();
        for (var left = from.Count(); left > 0; left--) words.Add(new(from.Text(), from.Key(), from.Number()));
        from.End();
        return new(words.ToImmutable());
    }
}
