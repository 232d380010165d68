using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Verify.NodeHost.NameServer;

/// <summary>Types of records (RFC 1035 §3.2.2, 3596, 2782, 6891).</summary>
public enum DnsType : ushort
{
    A = 1,
    Ns = 2,
    Cname = 5,
    Soa = 6,
    Aaaa = 28,
    Srv = 33,
    Opt = 41,
    Any = 255,
}

/// <summary>What became of a query (RFC 1035 §4.1.1; BadVersion: RFC 6891 §6.1.3).</summary>
internal enum DnsCode
{
    NoError = 0,
    FormatError = 1,
    ServerFailure = 2,
    NameError = 3,
    NotImplemented = 4,
    Refused = 5,
    BadVersion = 16,
}

/// <summary>A question as it stands in the packet.</summary>
/// <param name="Labels">From left to right, with the letters as they came.</param>
/// <param name="PayloadMax">What the asker takes over UDP; null: it speaks no EDNS.</param>
internal sealed record DnsQuestion(ushort Id, bool RecursionDesired, IReadOnlyList<string> Labels, DnsType Type, ushort Class, int? PayloadMax, int EdnsVersion)
{
    /// <summary>In small letters, without the last dot.</summary>
    public string Name => string.Join('.', Labels).ToLowerInvariant();
}

/// <summary>One record of an answer.</summary>
internal abstract record DnsRecord(string Name, DnsType Type, int Ttl)
{
    public sealed record Address(string Name, IPAddress Ip, int Ttl) : DnsRecord(Name, Ip.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? DnsType.Aaaa : DnsType.A, Ttl);
    public sealed record Alias(string Name, string Target, int Ttl) : DnsRecord(Name, DnsType.Cname, Ttl);
    public sealed record Service(string Name, int Priority, int Weight, int Port, string Target, int Ttl) : DnsRecord(Name, DnsType.Srv, Ttl);
    public sealed record NameServer(string Name, string Target, int Ttl) : DnsRecord(Name, DnsType.Ns, Ttl);

    /// <summary>How long "there is none" may be remembered is its last number (RFC 2308).</summary>
    public sealed record Authority(string Name, uint Serial, int Ttl) : DnsRecord(Name, DnsType.Soa, Ttl);
}

/// <summary>What is answered.</summary>
internal sealed record DnsAnswer(DnsCode Code)
{
    public IReadOnlyList<DnsRecord> Records { get; init; } = [];
    public IReadOnlyList<DnsRecord> Authority { get; init; } = [];
    public IReadOnlyList<DnsRecord> Extra { get; init; } = [];
    public bool IsOurs { get; init; } = true;
}

/// <summary>Reads queries. Whatever the bytes are, it ends: with a question, with an error that can be answered, or with nothing.</summary>
internal static class DnsReader
{
    public const int HeaderBytes = 12;
    private const int NameBytesMax = 255;
    private const int LabelBytesMax = 63;

    /// <returns>A question; or a code for a packet that can be answered with its id; or neither: it is no query at all.</returns>
    public static (DnsQuestion? Question, DnsCode? Error) Read(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < HeaderBytes) return (null, null);
        var flags = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        // An answer is not answered: two servers would go on for ever.
        if ((flags & 0x8000) != 0) return (null, null);
        if (((flags >> 11) & 0xF) != 0) return (null, DnsCode.NotImplemented);
        var counts = (BinaryPrimitives.ReadUInt16BigEndian(packet[4..]), BinaryPrimitives.ReadUInt16BigEndian(packet[6..]), BinaryPrimitives.ReadUInt16BigEndian(packet[8..]));
        if (counts is not (1, 0, 0)) return (null, DnsCode.FormatError);
        var at = HeaderBytes;
        if (!TryName(packet, ref at, out var labels) || packet.Length - at < 4) return (null, DnsCode.FormatError);
        var (type, of) = ((DnsType)BinaryPrimitives.ReadUInt16BigEndian(packet[at..]), BinaryPrimitives.ReadUInt16BigEndian(packet[(at + 2)..]));
        at += 4;
        int? payload = null;
        var version = 0;
        for (var left = BinaryPrimitives.ReadUInt16BigEndian(packet[10..]); left > 0; left--)
        {
            if (!TryName(packet, ref at, out var owner) || packet.Length - at < 10) return (null, DnsCode.FormatError);
            var (kind, size, more) = ((DnsType)BinaryPrimitives.ReadUInt16BigEndian(packet[at..]), BinaryPrimitives.ReadUInt16BigEndian(packet[(at + 2)..]), BinaryPrimitives.ReadUInt32BigEndian(packet[(at + 4)..]));
            var data = BinaryPrimitives.ReadUInt16BigEndian(packet[(at + 8)..]);
            at += 10;
            if (packet.Length - at < data) return (null, DnsCode.FormatError);
            at += data;
            if (kind != DnsType.Opt) continue;
            if (payload is not null || owner.Count > 0) return (null, DnsCode.FormatError);
            (payload, version) = (size, (int)((more >> 16) & 0xFF));
        }

        return (new(BinaryPrimitives.ReadUInt16BigEndian(packet), (flags & 0x0100) != 0, labels, type, of, payload, version), null);
    }

    /// <summary>A question has nothing before it that it could point to, so a compressed name in it is an error.</summary>
    private static bool TryName(ReadOnlySpan<byte> packet, ref int at, out List<string> labels)
    {
        labels = [];
        var bytes = 1;
        while (true)
        {
            if (at >= packet.Length) return false;
            var length = packet[at++];
            if (length == 0) return true;
            bytes += length + 1;
            if (length > LabelBytesMax || bytes > NameBytesMax || at + length > packet.Length) return false;
            labels.Add(Encoding.Latin1.GetString(packet.Slice(at, length)));
            at += length;
        }
    }
}

/// <summary>Writes answers, with compressed names (RFC 1035 §4.1.4), so long as they fit.</summary>
internal sealed class DnsWriter
{
    private const int PayloadOffered = 1232;
    private readonly byte[] _out;
    private readonly Dictionary<string, int> _names = new(StringComparer.OrdinalIgnoreCase);
    private int _length;
    private bool _isFull;

    private DnsWriter(int sizeMax) => _out = new byte[sizeMax];

    /// <summary>The answer in at most so many bytes. What does not fit is left out whole, record by record; when that was an answer, the
    /// truncation bit says so and the asker comes again over TCP.</summary>
    public static byte[] Write(DnsQuestion question, DnsAnswer answer, int sizeMax)
    {
        var writer = new DnsWriter(sizeMax);
        writer.Header(question, answer);
        return writer._out[..writer._length];
    }

    /// <summary>For a packet that is no question: only its id and what is wrong.</summary>
    public static byte[] Error(ReadOnlySpan<byte> packet, DnsCode code)
    {
        var bytes = new byte[DnsReader.HeaderBytes];
        packet[..2].CopyTo(bytes);
        bytes[2] = (byte)(0x80 | (packet[2] & 0x79));
        bytes[3] = (byte)code;
        return bytes;
    }

    private void Header(DnsQuestion question, DnsAnswer answer)
    {
        _length = DnsReader.HeaderBytes;
        Name(string.Join('.', question.Labels), question.Labels);
        Short((ushort)question.Type);
        Short(question.Class);
        var optional = question.PayloadMax is null ? 0 : 11;
        var answers = Section(answer.Records, optional);
        var isTruncated = _isFull;
        var authority = isTruncated ? 0 : Section(answer.Authority, optional);
        // Extra records are a courtesy: one that is left out is no truncation (RFC 2181 §9).
        var extra = _isFull ? 0 : Section(answer.Extra, optional);
        if (question.PayloadMax is not null)
        {
            _isFull = false;
            Byte(0);
            Short((ushort)DnsType.Opt);
            Short(PayloadOffered);
            Number((uint)((int)answer.Code >> 4) << 24);
            Short(0);
            extra++;
        }

        BinaryPrimitives.WriteUInt16BigEndian(_out, question.Id);
        BinaryPrimitives.WriteUInt16BigEndian(_out.AsSpan(2), (ushort)(0x8000 | (answer.IsOurs ? 0x0400 : 0) | (isTruncated ? 0x0200 : 0) | (question.RecursionDesired ? 0x0100 : 0) | ((int)answer.Code & 0xF)));
        BinaryPrimitives.WriteUInt16BigEndian(_out.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt16BigEndian(_out.AsSpan(6), (ushort)answers);
        BinaryPrimitives.WriteUInt16BigEndian(_out.AsSpan(8), (ushort)authority);
        BinaryPrimitives.WriteUInt16BigEndian(_out.AsSpan(10), (ushort)extra);
    }

    private int Section(IReadOnlyList<DnsRecord> records, int reserved)
    {
        var count = 0;
        foreach (var record in records)
        {
            var before = _length;
            Write(record);
            if (!_isFull && _length + reserved <= _out.Length)
            {
                count++;
                continue;
            }

            (_length, _isFull) = (before, true);
            foreach (var name in _names.Where(n => n.Value >= before).Select(n => n.Key).ToArray()) _names.Remove(name);
            return count;
        }

        return count;
    }

    private void Write(DnsRecord record)
    {
        Name(record.Name);
        Short((ushort)record.Type);
        Short(1);
        Number((uint)record.Ttl);
        var lengthAt = _length;
        Short(0);
        switch (record)
        {
            case DnsRecord.Address address:
                foreach (var b in address.Ip.GetAddressBytes()) Byte(b);
                break;
            case DnsRecord.Alias alias:
                Name(alias.Target);
                break;
            case DnsRecord.NameServer server:
                Name(server.Target);
                break;
            case DnsRecord.Service service:
                Short((ushort)service.Priority);
                Short((ushort)service.Weight);
                Short((ushort)service.Port);
                // RFC 2782 forbids compression of the target.
                Name(service.Target, compresses: false);
                break;
            case DnsRecord.Authority authority:
                Name("ns." + authority.Name);
                Name("hostmaster." + authority.Name);
                foreach (var number in (ReadOnlySpan<uint>)[authority.Serial, 3600, 600, 86_400, (uint)authority.Ttl]) Number(number);
                break;
        }

        if (!_isFull) BinaryPrimitives.WriteUInt16BigEndian(_out.AsSpan(lengthAt), (ushort)(_length - lengthAt - 2));
    }

    private void Name(string name, IReadOnlyList<string>? given = null, bool compresses = true)
    {
        var labels = given ?? name.Split('.', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < labels.Count; i++)
        {
            var rest = string.Join('.', labels.Skip(i));
            if (compresses && _names.TryGetValue(rest, out var there))
            {
                Short((ushort)(0xC000 | there));
                return;
            }

            if (_length < 0x3FFF) _names.TryAdd(rest, _length);
            var bytes = Encoding.Latin1.GetBytes(labels[i]);
            Byte((byte)bytes.Length);
            foreach (var b in bytes) Byte(b);
        }

        Byte(0);
    }

    private void Byte(byte value)
    {
        if (_length >= _out.Length) _isFull = true;
        else _out[_length++] = value;
    }

    private void Short(ushort value)
    {
        Byte((byte)(value >> 8));
        Byte((byte)value);
    }

    private void Number(uint value)
    {
        Short((ushort)(value >> 16));
        Short((ushort)value);
    }
}
