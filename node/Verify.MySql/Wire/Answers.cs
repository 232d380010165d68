using System.Text;

namespace Verify.MySql.Wire;

/// <summary>A statement without rows has succeeded, or rows have ended (MySQL "OK_Packet").</summary>
internal readonly record struct OkPacket(long AffectedRows, ServerStatus Status)
{
    public static OkPacket Parse(ReadOnlySpan<byte> packet)
    {
        var cursor = new PacketCursor(packet, "OK packet");
        cursor.Byte();
        var affected = cursor.LengthEncoded();
        cursor.LengthEncoded(); // last insert id
        var status = (ServerStatus)cursor.UInt16();
        return new(affected > long.MaxValue ? long.MaxValue : (long)affected, status);
    }

    /// <param name="to">Where to.</param>
    /// <param name="sequence">Number of the packet.</param>
    /// <param name="endsRows">Written behind rows for a client that has <see cref="Capabilities.DeprecateEof"/>: the header is 0xFE then.</param>
    public void Write(PacketWriter to, byte sequence, bool endsRows = false) =>
        to.Begin(sequence).Byte(endsRows ? Header.Eof : Header.Ok).LengthEncoded((ulong)AffectedRows).LengthEncoded(0)
            .UInt16((ushort)Status).UInt16(0).End();
}

/// <summary>Columns or rows have ended, for a client without <see cref="Capabilities.DeprecateEof"/> (MySQL "EOF_Packet").</summary>
internal static class EofPacket
{
    public const int LengthMax = 8;

    public static ServerStatus Parse(ReadOnlySpan<byte> packet)
    {
        var cursor = new PacketCursor(packet, "EOF packet");
        cursor.Byte();
        cursor.UInt16(); // warnings
        return (ServerStatus)cursor.UInt16();
    }

    public static void Write(PacketWriter to, byte sequence, ServerStatus status) =>
        to.Begin(sequence).Byte(Header.Eof).UInt16(0).UInt16((ushort)status).End();
}

/// <summary>The server refuses (MySQL "ERR_Packet").</summary>
internal static class ErrorPacket
{
    /// <summary>Errors behind which the server closes the connection: shutdown, killed (MariaDB), idle for too long (MySQL).</summary>
    public static bool EndsSession(int code) => code is 1053 or 1927 or 4031;

    public static MySqlServerException Parse(ReadOnlySpan<byte> packet)
    {
        var cursor = new PacketCursor(packet, "error packet");
        cursor.Byte();
        var code = cursor.UInt16();
        var state = "HY000";
        if (cursor.Peek() == '#') // left out before the capabilities are settled
        {
            cursor.Byte();
            state = Encoding.UTF8.GetString(cursor.Bytes(5));
        }

        return new(code, state, Encoding.UTF8.GetString(cursor.Rest()));
    }

    /// <param name="to">Where to.</param>
    /// <param name="sequence">Number of the packet.</param>
    /// <param name="code">The server's error number.</param>
    /// <param name="sqlState">Five characters.</param>
    /// <param name="message">For people.</param>
    public static void Write(PacketWriter to, byte sequence, ushort code, string sqlState, string message)
    {
        if (sqlState.Length != 5) throw new ArgumentException("an SQL state has five characters", nameof(sqlState));
        to.Begin(sequence).Byte(Header.Error).UInt16(code).Byte((byte)'#').Text(sqlState).Text(message).End();
    }
}

/// <summary>The name of one column of an answer (MySQL "Column Definition").</summary>
internal static class ColumnDefinition
{
    private const byte VarString = 0xFD;

    public static ReadOnlySpan<byte> ParseName(ReadOnlySpan<byte> packet)
    {
        var cursor = new PacketCursor(packet, "column definition");
        for (var i = 0; i < 4; i++) cursor.LengthEncodedBytes(); // catalogue, schema, table, original table
        return cursor.LengthEncodedBytes();
    }

    /// <summary>A column of text without a table.</summary>
    public static void Write(PacketWriter to, byte sequence, string name) =>
        to.Begin(sequence).LengthEncoded("def").LengthEncoded("").LengthEncoded("").LengthEncoded("")
            .LengthEncoded(name).LengthEncoded("")
            .LengthEncoded(0x0C).UInt16(LoginRequest.Utf8Mb4).UInt32(1024).Byte(VarString).UInt16(0).Byte(0).Zeros(2).End();
}

/// <summary>Writes a whole answer with rows, as a server does (MySQL "Text Resultset").</summary>
internal static class ResultSet
{
    /// <returns>The sequence number behind the last packet.</returns>
    public static byte Write(PacketWriter to, byte sequence, ResultTable table, Capabilities agreed, ServerStatus status = ServerStatus.AutoCommit)
    {
        var deprecatesEof = agreed.HasFlag(Capabilities.DeprecateEof);
        to.Begin(sequence++).LengthEncoded((ulong)table.Columns.Count).End();
        foreach (var column in table.Columns) ColumnDefinition.Write(to, sequence++, column);
        if (!deprecatesEof) EofPacket.Write(to, sequence++, status);
        foreach (var row in table.Rows) WriteRow(to, sequence++, row);
        if (deprecatesEof) new OkPacket(0, status).Write(to, sequence++, endsRows: true);
        else EofPacket.Write(to, sequence++, status);
        return sequence;
    }

    public static void WriteRow(PacketWriter to, byte sequence, ReadOnlySpan<string?> row)
    {
        to.Begin(sequence);
        foreach (var value in row)
        {
            if (value is null) to.Byte(Header.LocalInfile);
            else to.LengthEncoded(value);
        }

        to.End();
    }
}
