using System.Diagnostics;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>The bytes between nodes, versions 1 to 3. Numbers of fixed width are little-endian.
/// <code>
/// frame = length:u32 crc:u32 kind:u8 body        length counts kind and body; crc: <see cref="FrameSeal"/>
/// kind  = version in the upper four bits, case of <see cref="PeerFrame"/> in the lower four
/// </code>
/// Version 2 says more in Hello, Welcome and Refused, and adds Join, JoinAnswer, pieces of snapshots and entries that change the
/// membership. Everything else has the same body in both. Version 3 has the bodies of version 2: it says which entries of the log, requests
/// and reports a node understands (<see cref="VersionOf"/>).</summary>
internal static class PeerCodec
{
    public const int VersionMax = 3;
    public const int HeaderBytes = 8;
    private const byte Hello = 1, Welcome = 2, Refused = 3, Ping = 4, Pong = 5, Raft = 6, Report = 7, Request = 8, Reply = 9, Join = 10, JoinAnswer = 11;

    /// <param name="scratch">Used for the frame's body; its content is lost.</param>
    /// <param name="seal">Of the stream and direction; counts the frame.</param>
    public static void Write(WireWriter to, PeerFrame frame, WireWriter scratch, FrameSeal seal)
    {
        scratch.Clear();
        WriteBody(scratch, frame, seal.Version);
        var body = scratch.Written.Span;
        Span<byte> length = stackalloc byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(length, (uint)body.Length);
        to.Raw(length);
        to.UInt32(seal.Next(length, body));
        to.Raw(body);
    }

    /// <summary>The oldest protocol in which this can be said.</summary>
    public static int VersionOf(PeerFrame frame) => frame switch
    {
        PeerFrame.Join or PeerFrame.JoinAnswer => 2,
        PeerFrame.Raft(_, var body) => MessageCodec.VersionOf(body),
        PeerFrame.Request(_, var body) => ApiCodec.VersionOf(body),
        PeerFrame.Report report => report.Kind <= Topology.PeerReport.Version ? 1 : 3,
        _ => 1,
    };

    /// <summary>About how many bytes the frame takes while it waits.</summary>
    public static int SizeOf(PeerFrame frame) => frame switch
    {
        PeerFrame.Raft(_, Message.Append append) => 64 + SizeOf(append.Entries),
        PeerFrame.Raft(_, Message.SnapshotChunk chunk) => 256 + chunk.Bytes.Length,
        PeerFrame.Report(var bytes) => bytes.Length,
        PeerFrame.Request(_, LeaderRequest.Client(ApiRequest.KvPut put)) => 64 + put.Key.Length + put.Value.Length,
        PeerFrame.Request(_, LeaderRequest.Client(ApiRequest.ImportKv import)) => 64 + import.Writes.Sum(static write => 32 + write.Key.Length + (write.Value?.Length ?? 0)),
        PeerFrame.Reply(_, LeaderReply.Client(ApiReply.Value value)) => 64 + value.Pair.Key.Length + value.Pair.Value.Length,
        _ => 64,
    };

    private static int SizeOf(System.Collections.Immutable.ImmutableArray<Entry> entries)
    {
        var size = 0;
        foreach (var entry in entries) size += entry.Payload.Length + 24;
        return size;
    }

    /// <summary>Reads what follows length and checksum.</summary>
    /// <exception cref="WireFormatException"/>
    public static PeerFrame Read(ReadOnlySpan<byte> kindAndBody, int versionMax = VersionMax)
    {
        var from = new WireReader(kindAndBody);
        var kind = from.Byte();
        var version = kind >> 4;
        if (version < 1 || version > versionMax)
            throw from.Malformed($"a frame of protocol version {version}; this node speaks version {(versionMax == 1 ? "1" : $"1 to {versionMax}")}");
        PeerFrame frame = (kind & 0x0F) switch
        {
            Hello => ReadHello(ref from, version),
            Welcome => new PeerFrame.Welcome(new(from.Text())) { More = version == 1 ? null : new(from.UInt64(), from.Byte()) },
            Refused => new PeerFrame.Refused(from.Text()) { Kind = version == 1 ? RefusalKind.Other : (RefusalKind)from.Byte() },
            Ping => new PeerFrame.Ping(from.Number()),
            Pong => new PeerFrame.Pong(from.Number()),
            Raft => new PeerFrame.Raft(new(from.Number()), MessageCodec.Read(ref from, version)),
            Report => new PeerFrame.Report(from.Bytes().ToArray()),
            Request => new PeerFrame.Request(from.Number(), ApiCodec.ReadRequest(ref from)),
            Reply => new PeerFrame.Reply(from.Number(), ApiCodec.ReadReply(ref from)),
            Join when version > 1 => new PeerFrame.Join(
                from.Text(), new(from.Text()), ReadContact(ref from), from.Bool(), from.TextOrNull() is { } other ? new NodeId(other) : null, from.TextOrNull()),
            JoinAnswer when version > 1 => new PeerFrame.JoinAnswer(ReadOutcome(ref from), from.Text()),
            var unknown => throw from.Malformed($"a frame of kind {unknown}"),
        };
        from.End();
        return frame;
    }

    private static void WriteBody(WireWriter to, PeerFrame frame, int version)
    {
        switch (frame)
        {
            case PeerFrame.Hello hello:
                Kind(to, Hello, version);
                WriteHello(to, hello, version);
                break;
            case PeerFrame.Welcome(var self) welcome:
                Kind(to, Welcome, version);
                to.Text(self.Name);
                if (version == 1) break;
                to.UInt64(welcome.More!.Session);
                to.Byte((byte)welcome.More.Version);
                break;
            case PeerFrame.Refused(var why) refused:
                Kind(to, Refused, version);
                to.Text(why);
                if (version > 1) to.Byte((byte)refused.Kind);
                break;
            case PeerFrame.Join join:
                Kind(to, Join, version);
                to.Text(join.ClusterId);
                to.Text(join.From.Name);
                WriteContact(to, join.Contact);
                to.Bool(join.StaysLearner);
                to.TextOrNull(join.Replaces?.Name);
                to.TextOrNull(join.Token);
                break;
            case PeerFrame.JoinAnswer(var outcome, var reason):
                Kind(to, JoinAnswer, version);
                to.Byte((byte)outcome);
                to.Text(reason);
                break;
            case PeerFrame.Ping(var number):
                Kind(to, Ping, version);
                to.Number(number);
                break;
            case PeerFrame.Pong(var number):
                Kind(to, Pong, version);
                to.Number(number);
                break;
            case PeerFrame.Raft(var term, var body):
                Kind(to, Raft, version);
                to.Number(term.Value);
                MessageCodec.Write(to, body);
                break;
            case PeerFrame.Report(var bytes):
                Kind(to, Report, version);
                to.Bytes(bytes.Span);
                break;
            case PeerFrame.Request(var id, var body):
                Kind(to, Request, version);
                to.Number(id);
                ApiCodec.WriteRequest(to, body);
                break;
            case PeerFrame.Reply(var id, var body):
                Kind(to, Reply, version);
                to.Number(id);
                ApiCodec.WriteReply(to, body);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void Kind(WireWriter to, byte kind, int version) => to.Byte((byte)((version << 4) | kind));

    private static PeerFrame.Hello ReadHello(ref WireReader from, int version)
    {
        var hello = new PeerFrame.Hello(from.Text(), new(from.Text()), from.Text(), new(from.Text()));
        return version == 1 ? hello : hello with
        {
            More = new(ReadContact(ref from), from.UInt64(), from.Byte(), new(from.Number()), from.Bool()),
        };
    }

    private static void WriteHello(WireWriter to, PeerFrame.Hello hello, int version)
    {
        to.Text(hello.ClusterId);
        to.Text(hello.From.Name);
        to.Text(hello.DataCenter);
        to.Text(hello.To.Name);
        if (version == 1) return;
        var more = hello.More!;
        WriteContact(to, more.Contact);
        to.UInt64(more.Session);
        to.Byte((byte)more.VersionMax);
        to.Number(more.MembershipIndex.Value);
        to.Bool(more.IsMember);
    }

    private static JoinOutcome ReadOutcome(ref WireReader from)
    {
        var outcome = (JoinOutcome)from.Byte();
        return outcome <= JoinOutcome.Refused ? outcome : throw from.Malformed($"an outcome {(byte)outcome} of joining");
    }

    private static void WriteContact(WireWriter to, Contact contact)
    {
        to.Text(contact.Address);
        to.Text(contact.DataCenter);
        to.Text(contact.ApiAddress);
        to.Text(contact.Zone);
    }

    private static Contact ReadContact(ref WireReader from) => new(from.Text(), from.Text(), from.Text(), from.Text());
}
