using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace Verify.Raft;

/// <summary>The bytes of a <see cref="Membership"/> in a log entry, a snapshot or a message, version 1: the core must understand
/// these entries itself. Little-endian.
/// <code>
/// membership = version:u8 list(voters) list(outgoing) list(learners) count:u16 contact*
/// list       = count:u16 text*
/// contact    = id:text address:text dataCenter:text apiAddress:text zone:text
/// text       = length:u16 utf8
/// </code></summary>
public static class MembershipCodec
{
    public const byte Version = 1;

    /// <summary>At most this many members in one list; far more than a Raft group can use.</summary>
    public const int MembersMax = 1024;

    public static byte[] Encode(Membership membership)
    {
        ArgumentNullException.ThrowIfNull(membership);
        var stream = new ArrayBufferWriter<byte>();
        stream.Write([Version]);
        foreach (var list in (ReadOnlySpan<ImmutableArray<NodeId>>)[membership.Voters, membership.Outgoing, membership.Learners])
        {
            Write(stream, list.Length);
            foreach (var id in list) Write(stream, id.Name);
        }

        Write(stream, membership.Contacts.Length);
        foreach (var (id, contact) in membership.Contacts)
        {
            Write(stream, id.Name);
            Write(stream, contact.Address);
            Write(stream, contact.DataCenter);
            Write(stream, contact.ApiAddress);
            Write(stream, contact.Zone);
        }

        return stream.WrittenSpan.ToArray();
    }

    /// <summary>Null when the bytes are no membership of a version that this program reads.</summary>
    public static Membership? TryDecode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes[0] != Version) return null;
        var at = 1;
        if (!TryIds(bytes, ref at, out var voters) || !TryIds(bytes, ref at, out var outgoing) || !TryIds(bytes, ref at, out var learners)) return null;
        if (!TryCount(bytes, ref at, out var count)) return null;
        var contacts = ImmutableArray.CreateBuilder<GroupMember>(count);
        for (var i = 0; i < count; i++)
        {
            if (!TryText(bytes, ref at, out var id) || !TryText(bytes, ref at, out var address) || !TryText(bytes, ref at, out var dataCenter)
                || !TryText(bytes, ref at, out var api) || !TryText(bytes, ref at, out var zone)) return null;
            contacts.Add(new(new(id), new(address, dataCenter, api, zone)));
        }

        return at != bytes.Length ? null
            : new Membership { Voters = voters, Outgoing = outgoing, Learners = learners, Contacts = contacts.MoveToImmutable() };
    }

    private static void Write(ArrayBufferWriter<byte> to, int count)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, checked((ushort)count));
        to.Write(bytes);
    }

    private static void Write(ArrayBufferWriter<byte> to, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Write(to, bytes.Length);
        to.Write(bytes);
    }

    private static bool TryIds(ReadOnlySpan<byte> bytes, ref int at, out ImmutableArray<NodeId> ids)
    {
        ids = [];
        if (!TryCount(bytes, ref at, out var count)) return false;
        var list = new List<NodeId>(count);
        for (var i = 0; i < count; i++)
        {
            if (!TryText(bytes, ref at, out var name)) return false;
            list.Add(new(name));
            if (i > 0 && list[i - 1].CompareTo(list[i]) >= 0) return false;
        }

        ids = [.. list];
        return true;
    }

    private static bool TryCount(ReadOnlySpan<byte> bytes, ref int at, out int count)
    {
        count = 0;
        if (bytes.Length - at < 2) return false;
        count = BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
        at += 2;
        return count <= MembersMax;
    }

    private static bool TryText(ReadOnlySpan<byte> bytes, ref int at, out string text)
    {
        text = "";
        if (bytes.Length - at < 2) return false;
        var length = BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
        at += 2;
        if (bytes.Length - at < length) return false;
        text = Encoding.UTF8.GetString(bytes.Slice(at, length));
        at += length;
        return true;
    }
}
