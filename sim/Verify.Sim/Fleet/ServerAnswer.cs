using Verify.MySql;
using Verify.MySql.Wire;

namespace Verify.Sim.Fleet;

/// <summary>The columns of an answer with their definitions already encoded: a status has 60 of them, and it is asked for
/// several times a second.</summary>
internal sealed class ColumnSet
{
    private readonly byte[] _head;
    private readonly byte[] _headWithEof;

    public ColumnSet(params ReadOnlySpan<string> names)
    {
        Names = names.ToArray();
        _head = Encode(withEof: false);
        _headWithEof = Encode(withEof: true);
    }

    public string[] Names { get; }

    /// <summary>The packets before the rows; they begin at sequence number 1.</summary>
    public ReadOnlySpan<byte> Head(bool withEof) => withEof ? _headWithEof : _head;

    /// <summary>The number of the first row's packet.</summary>
    public byte RowSequence(bool withEof) => (byte)(Names.Length + (withEof ? 3 : 2));

    private byte[] Encode(bool withEof)
    {
        var to = new PacketWriter();
        byte sequence = 1;
        to.Begin(sequence++).LengthEncoded((ulong)Names.Length).End();
        foreach (var name in Names) ColumnDefinition.Write(to, sequence++, name);
        if (withEof) EofPacket.Write(to, sequence, ServerStatus.AutoCommit);
        return to.Written.ToArray();
    }
}

/// <summary>The answer to one statement. A closed list.</summary>
internal abstract record ServerAnswer
{
    private ServerAnswer() { }

    public static readonly ServerAnswer Done = new Ok(0);

    public sealed record Ok(long AffectedRows) : ServerAnswer;
    public sealed record Rows(ColumnSet Columns, IReadOnlyList<string?[]> Values) : ServerAnswer;
    public sealed record Error(ushort Code, string SqlState, string Message) : ServerAnswer;

    /// <summary>Writes all packets of the answer, behind a command with number 0.</summary>
    public void Write(PacketWriter to, Capabilities agreed)
    {
        var withEof = !agreed.HasFlag(Capabilities.DeprecateEof);
        switch (this)
        {
            case Ok ok:
                new OkPacket(ok.AffectedRows, ServerStatus.AutoCommit).Write(to, sequence: 1);
                break;
            case Error error:
                ErrorPacket.Write(to, sequence: 1, error.Code, error.SqlState, error.Message);
                break;
            case Rows rows:
                to.Bytes(rows.Columns.Head(withEof));
                var sequence = rows.Columns.RowSequence(withEof);
                foreach (var row in rows.Values) ResultSet.WriteRow(to, sequence++, row);
                if (withEof) EofPacket.Write(to, sequence, ServerStatus.AutoCommit);
                else new OkPacket(0, ServerStatus.AutoCommit).Write(to, sequence, endsRows: true);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }
}
