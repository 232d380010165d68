using System.Text;

namespace Verify.MySql.Wire;

/// <summary>Reads the answer to one statement (MySQL "COM_QUERY Response", "Text Resultset"), straight out of the reader's buffer.</summary>
internal sealed class ResultReader(PacketReader reader, bool deprecatesEof, long answerBytesMax)
{
    private const int ColumnsMax = 4096;

    private readonly string[][] _knownNames = new string[4][];
    private int _knownNext;
    private long _bytes;

    /// <param name="head">The first packet of the answer.</param>
    /// <param name="cancel">Ends the reading.</param>
    public async ValueTask<ResultTable> ReadAsync(ReadOnlyMemory<byte> head, CancellationToken cancel)
    {
        _bytes = 0;
        switch (head.Length > 0 ? head.Span[0] : -1)
        {
            case -1: throw new MySqlProtocolException("an empty packet where an answer should be");
            case Header.Error: throw ErrorPacket.Parse(head.Span);
            case Header.Ok:
                var ok = OkPacket.Parse(head.Span);
                RefuseMore(ok.Status);
                return new([], [], ok.AffectedRows);
        }

        var count = ColumnCount(head.Span);
        var columns = await ReadColumnsAsync(count, cancel);
        if (!deprecatesEof)
        {
            var end = await reader.ReadAsync("the end of the columns", cancel);
            if (!IsEof(end.Span)) throw new MySqlProtocolException($"after {count} columns: no EOF packet");
        }

        var rows = new List<string?[]>();
        while (true)
        {
            if (!reader.TryTake(out var packet))
            {
                await reader.FillAsync("rows", cancel);
                continue;
            }

            if (IsEnd(packet.Span)) return new(columns, rows, 0);
            Count(packet.Length, count);
            rows.Add(Row(packet.Span, count));
        }
    }

    private static int ColumnCount(ReadOnlySpan<byte> head)
    {
        var cursor = new PacketCursor(head, "column count");
        var count = cursor.LengthEncoded();
        if (count is 0 or > ColumnsMax || cursor.Left != 0) throw cursor.Broken($"{count} columns in a packet of {head.Length} bytes");
        return (int)count;
    }

    private async ValueTask<string[]> ReadColumnsAsync(int count, CancellationToken cancel)
    {
        var known = Array.Find(_knownNames, names => names?.Length == count);
        var columns = known ?? new string[count];
        for (var i = 0; i < count; i++)
        {
            ReadOnlyMemory<byte> packet;
            while (!reader.TryTake(out packet)) await reader.FillAsync("a column definition", cancel);
            Count(packet.Length, 1);
            var name = ColumnDefinition.ParseName(packet.Span);
            if (ReferenceEquals(columns, known))
            {
                if (Ascii.Equals(name, known[i])) continue;
                columns = known.AsSpan().ToArray(); // the names differ from here on
            }

            columns[i] = Encoding.UTF8.GetString(name);
        }

        if (!ReferenceEquals(columns, known)) _knownNames[_knownNext++ % _knownNames.Length] = columns;
        return columns;
    }

    private static string?[] Row(ReadOnlySpan<byte> packet, int columns)
    {
        var cursor = new PacketCursor(packet, "row");
        var row = new string?[columns];
        for (var i = 0; i < columns; i++) row[i] = cursor.NullableText();
        if (cursor.Left != 0) throw cursor.Broken($"{cursor.Left} bytes behind the last of {columns} columns");
        return row;
    }

    private bool IsEnd(ReadOnlySpan<byte> packet)
    {
        if (packet.Length == 0) throw new MySqlProtocolException("an empty packet where a row should be");
        switch (packet[0])
        {
            case Header.Error: throw ErrorPacket.Parse(packet);
            case Header.Eof when deprecatesEof:
                RefuseMore(OkPacket.Parse(packet).Status);
                return true;
            case Header.Eof when IsEof(packet):
                RefuseMore(EofPacket.Parse(packet));
                return true;
            default: return false;
        }
    }

    private static bool IsEof(ReadOnlySpan<byte> packet) => packet.Length is > 0 and <= EofPacket.LengthMax && packet[0] == Header.Eof;

    private static void RefuseMore(ServerStatus status)
    {
        if (status.HasFlag(ServerStatus.MoreResults)) throw new MySqlProtocolException("the server announces a second answer to one statement");
    }

    private void Count(int packetBytes, int references)
    {
        _bytes += packetBytes + PacketReader.HeaderBytes + (references * 8L);
        if (_bytes > answerBytesMax) throw new MySqlProtocolException($"an answer of more than {answerBytesMax} bytes: ask for less, or raise {nameof(MySqlLogin.AnswerBytesMax)}");
    }
}
