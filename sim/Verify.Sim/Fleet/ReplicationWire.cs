using System.Text;
using Verify.MySql;
using Verify.MySql.Wire;

namespace Verify.Sim.Fleet;

/// <summary>What a simulated replica sends after its login, where a real one sends COM_BINLOG_DUMP_GTID (the same command byte;
/// the body is ours, for nobody but simulated servers reads it).</summary>
/// <param name="Known">The GTIDs that must not be sent again.</param>
/// <param name="Host">Its report_host and report_port.</param>
internal sealed record DumpRequest(uint ServerId, string Uuid, bool Acknowledges, TimeSpan HeartbeatPeriod, string Known, string Host, uint Port)
{
    public const byte Command = 0x1E;

    public static DumpRequest Parse(ReadOnlySpan<byte> packet)
    {
        var cursor = new PacketCursor(packet, "dump request");
        cursor.Byte();
        return new(cursor.UInt32(), cursor.LengthEncodedText(), cursor.Byte() == 1, TimeSpan.FromMilliseconds(cursor.UInt32()), cursor.LengthEncodedText(),
            cursor.LengthEncodedText(), cursor.UInt32());
    }

    public void Write(PacketWriter to) => to.Begin(sequence: 0).Byte(Command).UInt32(ServerId).LengthEncoded(Uuid)
        .Byte(Acknowledges ? (byte)1 : (byte)0).UInt32((uint)HeartbeatPeriod.TotalMilliseconds).LengthEncoded(Known).LengthEncoded(Host).UInt32(Port).End();
}

/// <summary>The packets of a dump: the source names itself, then sends transactions and heartbeats; the replica acknowledges.</summary>
internal static class DumpPackets
{
    public const byte Identity = (byte)'S';
    public const byte Transaction = (byte)'T';
    public const byte Heartbeat = (byte)'H';
    public const byte Acknowledgement = (byte)'A';
    private const byte Insert = 0;
    private const byte CreateSchema = 1;
    private const byte CreateTable = 2;

    public static void WriteIdentity(PacketWriter to, byte sequence, uint serverId, string uuid) =>
        to.Begin(sequence).Byte(Identity).UInt32(serverId).LengthEncoded(uuid).End();

    public static (uint ServerId, string Uuid) ParseIdentity(ReadOnlySpan<byte> packet)
    {
        var cursor = new PacketCursor(packet, "identity of a source");
        if (cursor.Byte() != Identity) throw cursor.Broken("another packet");
        return (cursor.UInt32(), cursor.LengthEncodedText());
    }

    public static void WriteHeartbeat(PacketWriter to, byte sequence) => to.Begin(sequence).Byte(Heartbeat).End();

    public static void WriteAcknowledgement(PacketWriter to, byte sequence, int position) =>
        to.Begin(sequence).Byte(Acknowledgement).UInt32((uint)position).End();

    public static int ParseAcknowledgement(ReadOnlySpan<byte> packet)
    {
        var cursor = new PacketCursor(packet, "acknowledgement");
        if (cursor.Byte() != Acknowledgement) throw cursor.Broken("another packet");
        return (int)cursor.UInt32();
    }

    /// <param name="position">The length of the source's binary log up to and with this transaction.</param>
    public static void WriteTransaction(PacketWriter to, byte sequence, BinlogTransaction transaction, int position)
    {
        to.Begin(sequence).Byte(Transaction).UInt32((uint)position).LengthEncoded(transaction.Id.Origin)
            .LengthEncoded((ulong)transaction.Id.Number).LengthEncoded((ulong)transaction.AtSeconds);
        switch (transaction.Change)
        {
            case RowChange.Insert insert: to.Byte(Insert).LengthEncoded(insert.Id).UInt32((uint)insert.Client); break;
            case RowChange.CreateSchema: to.Byte(CreateSchema); break;
            case RowChange.CreateTable: to.Byte(CreateTable); break;
            default: throw new System.Diagnostics.UnreachableException();
        }

        to.End();
    }

    public static (BinlogTransaction Transaction, int Position) ParseTransaction(ReadOnlySpan<byte> packet)
    {
        var cursor = new PacketCursor(packet, "transaction");
        cursor.Byte();
        var position = (int)cursor.UInt32();
        var id = new TransactionId(Encoding.UTF8.GetString(cursor.LengthEncodedBytes()), (long)cursor.LengthEncoded());
        var atSeconds = (long)cursor.LengthEncoded();
        RowChange change = cursor.Byte() switch
        {
            Insert => new RowChange.Insert(cursor.LengthEncodedText(), (int)cursor.UInt32()),
            CreateSchema => new RowChange.CreateSchema(),
            CreateTable => new RowChange.CreateTable(),
            var other => throw cursor.Broken($"change {other}"),
        };
        return (new(id, change, atSeconds), position);
    }
}
