using System.Buffers.Binary;
using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Codec;
using Verify.Node.Consensus;
using Verify.Node.Peers;
using Verify.Node.State;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Fuzz.Decoders;

/// <summary>What a node reads from its peers, and the commands in its log.</summary>
internal static class NodeDecoders
{
    private const int FrameBytesMax = 1 << 20;
    private const int ChunkBytes = 7_000;

    public static IEnumerable<IDecoder> All()
    {
        var frames = Golden.Read("peer-");
        yield return new SpanDecoder("peer-stream", [.. frames, [.. frames.SelectMany(f => f)]], ReadStream) { Seal = SealFrame };
        yield return new SpanDecoder("peer-body", [.. Bodies(frames)], bytes => PeerCodec.Read(bytes) is not null);
        yield return new SpanDecoder("api-request", ApiCorpus("request"), static bytes =>
        {
            var from = new WireReader(bytes);
            _ = Node.Api.ApiCodec.ReadRequest(ref from);
            from.End();
            return true;
        });
        yield return new SpanDecoder("api-reply", ApiCorpus("reply"), static bytes =>
        {
            var from = new WireReader(bytes);
            _ = Node.Api.ApiCodec.ReadReply(ref from);
            from.End();
            return true;
        });
        yield return new SpanDecoder("command", [.. Golden.Commands()], bytes => CommandCodec.Decode(bytes) is not null);
        yield return new SpanDecoder("membership", Memberships(), bytes => MembershipCodec.TryDecode(bytes) is not null);
        yield return new SpanDecoder("peer-report", Reports(), bytes => PeerReport.Decode(bytes) is not null);
        yield return new SpanDecoder("peer-extras", [Golden.Named("version3", "extras")], bytes => PeerExtras.Decode(bytes) is not null);
        yield return new SpanDecoder("peer-gone", [new PeerWords<GoneUnder>([new("main", new("db1", 3306), 7)]).Encode().ToArray()], bytes => PeerWords<GoneUnder>.Decode(bytes) is not null);
        yield return new SpanDecoder("peer-stalled", [new PeerWords<StalledDisk>([new("main", new("db1", 3306), 5000)]).Encode().ToArray()], bytes => PeerWords<StalledDisk>.Decode(bytes) is not null);
    }

    /// <summary>As a link reads it: in pieces, frame after frame.</summary>
    private static bool ReadStream(ReadOnlySpan<byte> input)
    {
        var buffer = new FrameBuffer(FrameBytesMax);
        var frames = 0;
        while (!input.IsEmpty)
        {
            var space = buffer.Space;
            var piece = Math.Min(Math.Min(space.Length, ChunkBytes), input.Length);
            input[..piece].CopyTo(space.Span);
            input = input[piece..];
            buffer.Filled(piece);
            while (buffer.TryTake(out _)) frames++;
        }

        return frames > 0;
    }

    /// <summary>Every frame that has a place for it gets the length that is there and the checksum that is right.</summary>
    private static byte[] SealFrame(byte[] bytes)
    {
        for (var at = 0; at + PeerCodec.HeaderBytes < bytes.Length;)
        {
            var left = bytes.Length - at - PeerCodec.HeaderBytes;
            var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));
            if (length == 0 || length > left) BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), length = (uint)left);
            var body = bytes.AsSpan(at + PeerCodec.HeaderBytes, (int)length);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at + 4), FrameSeal.Plain(1).Next(bytes.AsSpan(at, 4), body));
            at += PeerCodec.HeaderBytes + (int)length;
        }

        return bytes;
    }

    /// <summary>What follows length and checksum, in each version that can be spoken.</summary>
    private static IEnumerable<byte[]> Bodies(IEnumerable<byte[]> frames)
    {
        foreach (var frame in frames)
        {
            var body = frame[PeerCodec.HeaderBytes..];
            yield return body;
        }
    }

    private static List<byte[]> Memberships() =>
    [
        MembershipCodec.Encode(Membership.None),
        MembershipCodec.Encode(new Membership
        {
            Voters = [new("n1:1"), new("n2:1"), new("n3:1")], Outgoing = [new("n1:1"), new("n4:1")], Learners = [new("n5:1")],
            Contacts = [new(new("n1:1"), new("h:1", "east", "h:2", "z")), new(new("n5:1"), new("h5:1", "west", "", ""))],
        }),
    ];

    /// <summary>Requests or replies of every golden file that has them; those without the word in their name are both.</summary>
    private static List<byte[]> ApiCorpus(string word) =>
        [.. ((string[])["api-", "throttle-api-", "recovery-api-"]).SelectMany(prefix => Golden.Lines(prefix))
            .Where(l => l.Name.StartsWith(word, StringComparison.Ordinal) || !(l.Name.StartsWith("request", StringComparison.Ordinal) || l.Name.StartsWith("reply", StringComparison.Ordinal))).Select(l => l.Bytes)];

    /// <summary>No server, and servers in every state that can be told of one.</summary>
    private static List<byte[]> Reports()
    {
        var key = new InstanceKey("db1.example", 3306);
        var all =
            from state in Enum.GetValues<SightState>()
            from isReadOnly in new bool?[] { null, false, true }
            from thread in new Verify.MySql.ThreadState?[] { null, Verify.MySql.ThreadState.Stopped, Verify.MySql.ThreadState.Connecting, Verify.MySql.ThreadState.Running }
            select new InstanceReport(key with { Port = 3306 + (int)state }, state, 250, isReadOnly, thread, thread is null ? null : new("db2.example", 3307), "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-300", "1040 too many connections");
        ClosedUnder[] closed = [new("main", key, 300), new("pay", new("db9", 3310), 7)];
        return
        [
            new PeerReport(ImmutableArray<InstanceReport>.Empty, ImmutableArray<ClosedUnder>.Empty).Encode().ToArray(),
            new PeerReport([.. all], [.. closed]).Encode().ToArray(),
            .. all.Chunk(5).Select(some => new PeerReport([.. some], [closed[0]]).Encode().ToArray()),
        ];
    }
}
