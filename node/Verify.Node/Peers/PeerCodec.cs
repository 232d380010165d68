using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>The bytes between nodes, version 1. Numbers of fixed width are little-endian.
/// <code>
/// frame = length:u32 crc:u32 kind:u8 body        length counts kind and body; crc covers length, kind and body
/// kind  = version in the upper four bits, case of <see cref="PeerFrame"/> in the lower four
/// </code></summary>
internal static class PeerCodec
{
    public const byte Version = 1;
    public const int HeaderBytes = 8;
    private const byte Hello = 1, Welcome = 2, Refused = 3, Ping = 4, Pong = 5, Raft = 6, Report = 7, Request = 8, Reply = 9;
    private const byte VoteRequest = 1, VoteReply = 2, Append = 3, AppendReply = 4, TimeoutNow = 5;

    /// <param name="scratch">Used for the frame's body; its content is lost.</param>
    public static void Write(WireWriter to, PeerFrame frame, WireWriter scratch)
    {
        scratch.Clear();
        WriteBody(scratch, frame);
        var body = scratch.Written.Span;
        Span<byte> length = stackalloc byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(length, (uint)body.Length);
        to.Raw(length);
        to.UInt32(~Crc32C.Continue(Crc32C.Start(length), body));
        to.Raw(body);
    }

    /// <summary>Reads what follows length and checksum.</summary>
    /// <exception cref="WireFormatException"/>
    public static PeerFrame Read(ReadOnlySpan<byte> kindAndBody)
    {
        var from = new WireReader(kindAndBody);
        var kind = from.Byte();
        if (kind >> 4 != Version) throw from.Malformed($"a frame of protocol version {kind >> 4}; this node speaks version {Version}");
        PeerFrame frame = (kind & 0x0F) switch
        {
            Hello => new PeerFrame.Hello(from.Text(), new(from.Text()), from.Text(), new(from.Text())),
            Welcome => new PeerFrame.Welcome(new(from.Text())),
            Refused => new PeerFrame.Refused(from.Text()),
            Ping => new PeerFrame.Ping(from.Number()),
            Pong => new PeerFrame.Pong(from.Number()),
            Raft => new PeerFrame.Raft(new(from.Number()), ReadMessage(ref from)),
            Report => new PeerFrame.Report(from.Bytes().ToArray()),
            Request => new PeerFrame.Request(from.Number(), ApiCodec.ReadRequest(ref from)),
            Reply => new PeerFrame.Reply(from.Number(), ApiCodec.ReadReply(ref from)),
            var unknown => throw from.Malformed($"a frame of kind {unknown}"),
        };
        from.End();
        return frame;
    }

    private static void WriteBody(WireWriter to, PeerFrame frame)
    {
        switch (frame)
        {
            case PeerFrame.Hello hello:
                Kind(to, Hello);
                to.Text(hello.ClusterId);
                to.Text(hello.From.Name);
                to.Text(hello.DataCenter);
                to.Text(hello.To.Name);
                break;
            case PeerFrame.Welcome(var self):
                Kind(to, Welcome);
                to.Text(self.Name);
                break;
            case PeerFrame.Refused(var why):
                Kind(to, Refused);
                to.Text(why);
                break;
            case PeerFrame.Ping(var number):
                Kind(to, Ping);
                to.Number(number);
                break;
            case PeerFrame.Pong(var number):
                Kind(to, Pong);
                to.Number(number);
                break;
            case PeerFrame.Raft(var term, var body):
                Kind(to, Raft);
                to.Number(term.Value);
                WriteMessage(to, body);
                break;
            case PeerFrame.Report(var bytes):
                Kind(to, Report);
                to.Bytes(bytes.Span);
                break;
            case PeerFrame.Request(var id, var body):
                Kind(to, Request);
                to.Number(id);
                ApiCodec.WriteRequest(to, body);
                break;
            case PeerFrame.Reply(var id, var body):
                Kind(to, Reply);
                to.Number(id);
                ApiCodec.WriteReply(to, body);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void Kind(WireWriter to, byte kind) => to.Byte((byte)((Version << 4) | kind));

    private static void WriteMessage(WireWriter to, Message message)
    {
        switch (message)
        {
            case Message.VoteRequest(var last, var isPreVote, var isTransfer):
                to.Byte(VoteRequest);
                WriteId(to, last);
                to.Bool(isPreVote);
                to.Bool(isTransfer);
                break;
            case Message.VoteReply(var granted, var isPreVote):
                to.Byte(VoteReply);
                to.Bool(granted);
                to.Bool(isPreVote);
                break;
            case Message.Append append:
                to.Byte(Append);
                WriteId(to, append.Previous);
                to.Number(append.Commit.Value);
                to.Number(append.ReadRound);
                to.Number(append.Entries.Length);
                foreach (var entry in append.Entries) WriteEntry(to, entry);
                break;
            case Message.AppendReply(var accepted, var hint, var refused, var round):
                to.Byte(AppendReply);
                to.Bool(accepted);
                WriteId(to, hint);
                to.Number(refused.Value);
                to.Number(round);
                break;
            case Message.TimeoutNow:
                to.Byte(TimeoutNow);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static Message ReadMessage(ref WireReader from)
    {
        var kind = from.Byte();
        return kind switch
        {
            VoteRequest => new Message.VoteRequest(ReadId(ref from), from.Bool(), from.Bool()),
            VoteReply => new Message.VoteReply(from.Bool(), from.Bool()),
            Append => ReadAppend(ref from),
            AppendReply => new Message.AppendReply(from.Bool(), ReadId(ref from), new(from.Number()), from.Number()),
            TimeoutNow => new Message.TimeoutNow(),
            _ => throw from.Malformed($"a Raft message of kind {kind}"),
        };
    }

    private static Message.Append ReadAppend(ref WireReader from)
    {
        var previous = ReadId(ref from);
        var commit = new LogIndex(from.Number());
        var round = from.Number();
        var entries = new Entry[from.Count()];
        for (var i = 0; i < entries.Length; i++) entries[i] = ReadEntry(ref from);
        return new(previous, ImmutableArray.Create(entries), commit, round);
    }

    private static void WriteEntry(WireWriter to, Entry entry)
    {
        WriteId(to, entry.Id);
        to.Byte((byte)entry.Kind);
        to.Bytes(entry.Payload.Span);
    }

    private static Entry ReadEntry(ref WireReader from)
    {
        var id = ReadId(ref from);
        var kind = (EntryKind)from.Byte();
        if (kind is not (EntryKind.Command or EntryKind.Barrier)) throw from.Malformed($"an entry of kind {(byte)kind}");
        return new(id, kind, from.Bytes().ToArray());
    }

    private static void WriteId(WireWriter to, EntryId id)
    {
        to.Number(id.Term.Value);
        to.Number(id.Index.Value);
    }

    private static EntryId ReadId(ref WireReader from) => new(new(from.Number()), new(from.Number()));
}
