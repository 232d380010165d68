using System.Collections.Immutable;
using Verify.Node.Codec;

namespace Verify.Node.Topology;

/// <summary>A guardian's word that the server answers, and that a commit of its own has been in the storage engine for so long.</summary>
internal readonly record struct StalledDisk(string Cluster, InstanceKey Instance, long ForMs);

/// <summary>Such words, in a frame of their own, told with each report for as long as they hold. A node of the release before does not know the frame and says so in its
/// log; for it the disk is well.</summary>
internal sealed record PeerStalled(ImmutableArray<StalledDisk> Words)
{
    private const byte Version = 4;

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
            to.Number(word.ForMs);
        }

        return to.Written;
    }

    /// <exception cref="WireFormatException"/>
    public static PeerStalled Decode(ReadOnlySpan<byte> bytes)
    {
        var from = new WireReader(bytes);
        if (from.Byte() != Version) throw from.Malformed("another version");
        var words = ImmutableArray.CreateBuilder<StalledDisk>();
        for (var left = from.Count(); left > 0; left--) words.Add(new(from.Text(), from.Key(), from.Number()));
        from.End();
        return new(words.ToImmutable());
    }
}
