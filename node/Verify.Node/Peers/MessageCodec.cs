using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>The bytes of Raft's messages inside a frame (<see cref="PeerCodec"/>).</summary>
internal static class MessageCodec
{
    private const byte VoteRequest = 1, VoteReply = 2, Append = 3, AppendReply = 4, TimeoutNow = 5, SnapshotChunk = 6, SnapshotReply = 7;

    /// <summary>The oldest protocol in which this can be said.</summary>
    public static int VersionOf(Message message) => message switch
    {
        Message.SnapshotChunk or Message.SnapshotReply => 2,
        Message.Append append => VersionOf(append.Entries),
        _ => 1,
    };

    private static int VersionOf(ImmutableArray<Entry> entries)
    {
        var newest = 1;
        foreach (var entry in entries)
            newest = Math.Max(newest, entry.Kind switch { EntryKind.Membership => 2, EntryKind.Command => CommandCodec.VersionOf(entry.Payload.Span), _ => 1 });
        return newest;
    }

    public static void Write(WireWriter to, Message message)
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
            case Message.SnapshotChunk chunk:
                to.Byte(SnapshotChunk);
                WriteSnapshot(to, chunk.Id);
                to.Bytes(MembershipCodec.Encode(chunk.Membership));
                to.Number(chunk.Offset);
                to.Bytes(chunk.Bytes.Span);
                to.Number(chunk.ReadRound);
                break;
            case Message.SnapshotReply(var id, var received, var round):
                to.Byte(SnapshotReply);
                WriteSnapshot(to, id);
                to.Number(received);
                to.Number(round);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static Message Read(ref WireReader from, int version)
    {
        var kind = from.Byte();
        return kind switch
        {
            VoteRequest => new Message.VoteRequest(ReadId(ref from), from.Bool(), from.Bool()),
            VoteReply => new Message.VoteReply(from.Bool(), from.Bool()),
            Append => ReadAppend(ref from, version),
            AppendReply => new Message.AppendReply(from.Bool(), ReadId(ref from), new(from.Number()), from.Number()),
            TimeoutNow => new Message.TimeoutNow(),
            SnapshotChunk when version > 1 => new Message.SnapshotChunk(
                ReadSnapshot(ref from), ReadMembership(ref from), from.Number(), from.Bytes().ToArray(), from.Number()),
            SnapshotReply when version > 1 => new Message.SnapshotReply(ReadSnapshot(ref from), from.Number(), from.Number()),
            _ => throw from.Malformed($"a Raft message of kind {kind}"),
        };
    }

    private static Message.Append ReadAppend(ref WireReader from, int version)
    {
        var previous = ReadId(ref from);
        var commit = new LogIndex(from.Number());
        var round = from.Number();
        var entries = new Entry[from.Count()];
        for (var i = 0; i < entries.Length; i++) entries[i] = ReadEntry(ref from, version);
        return new(previous, ImmutableArray.Create(entries), commit, round);
    }

    private static void WriteEntry(WireWriter to, Entry entry)
    {
        WriteId(to, entry.Id);
        to.Byte((byte)entry.Kind);
        to.Bytes(entry.Payload.Span);
    }

    private static Entry ReadEntry(ref WireReader from, int version)
    {
        var id = ReadId(ref from);
        var kind = (EntryKind)from.Byte();
        var isKnown = kind is EntryKind.Command or EntryKind.Barrier || (kind == EntryKind.Membership && version > 1);
        if (!isKnown) throw from.Malformed($"an entry of kind {(byte)kind}");
        return new(id, kind, from.Bytes().ToArray());
    }

    private static Membership ReadMembership(ref WireReader from) =>
        MembershipCodec.TryDecode(from.Bytes()) ?? throw from.Malformed("a membership that cannot be read");

    private static void WriteSnapshot(WireWriter to, SnapshotId id)
    {
        WriteId(to, id.Last);
        to.Number(id.Bytes);
        to.UInt32(id.Crc);
    }

    private static SnapshotId ReadSnapshot(ref WireReader from) => new(ReadId(ref from), from.Number(), from.UInt32());

    private static void WriteId(WireWriter to, EntryId id)
    {
        to.Number(id.Term.Value);
        to.Number(id.Index.Value);
    }

    private static EntryId ReadId(ref WireReader from) => new(new(from.Number()), new(from.Number()));
}
