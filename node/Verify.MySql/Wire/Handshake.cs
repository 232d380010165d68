using System.Text;

namespace Verify.MySql.Wire;

/// <summary>The server's first packet, protocol version 10 (MySQL "Protocol::HandshakeV10"; MariaDB "Initial Handshake Packet").</summary>
/// <param name="VersionText">As sent; MariaDB puts "5.5.5-" before its own.</param>
/// <param name="Seed">20 bytes against which the password is hashed.</param>
internal sealed record Greeting(
    string VersionText, uint SessionId, byte[] Seed, Capabilities Capabilities, string AuthPlugin)
{
    public const int SeedBytes = 20;
    private const byte Protocol = 10;

    public static Greeting Parse(ReadOnlySpan<byte> packet)
    {
        var cursor = new PacketCursor(packet, "greeting");
        if (cursor.Peek() == Header.Error) throw ErrorPacket.Parse(packet);
        var protocol = cursor.Byte();
        if (protocol != Protocol) throw new MySqlProtocolException($"greeting: protocol version {protocol}; {Protocol} is the only one spoken here (is this a MySQL port?)");
        var version = Encoding.UTF8.GetString(cursor.ZeroEnded());
        var sessionId = cursor.UInt32();
        var seed = new byte[SeedBytes];
        cursor.Bytes(8).CopyTo(seed);
        cursor.Byte();
        var capabilities = (Capabilities)cursor.UInt16();
        cursor.Bytes(1 + 2); // character set, status
        capabilities |= (Capabilities)((uint)cursor.UInt16() << 16);
        const Capabilities Needed = Capabilities.Protocol41 | Capabilities.SecureConnection | Capabilities.PluginAuth;
        if ((capabilities & Needed) != Needed)
        {
            throw new MySqlProtocolException($"greeting: the server ({version}) lacks {Needed & ~capabilities}; MySQL 8.0 or MariaDB 10.6 and later are needed");
        }

        cursor.Bytes(1 + 10); // length of the seed, which is always 20 and a zero; reserved, or MariaDB's extended flags
        cursor.Bytes(SeedBytes - 8).CopyTo(seed.AsSpan(8));
        cursor.Byte();
        return new(version, sessionId, seed, capabilities, Encoding.UTF8.GetString(cursor.ZeroEndedOrRest()));
    }

    public void Write(PacketWriter to) => to.Begin(sequence: 0)
        .Byte(Protocol).ZeroEnded(VersionText).UInt32(SessionId)
        .Bytes(Seed.AsSpan(0, 8)).Byte(0)
        .UInt16((ushort)Capabilities).Byte(LoginRequest.Utf8Mb4).UInt16((ushort)ServerStatus.AutoCommit)
        .UInt16((ushort)((uint)Capabilities >> 16)).Byte(SeedBytes + 1).Zeros(10)
        .Bytes(Seed.AsSpan(8, SeedBytes - 8)).Byte(0).ZeroEnded(AuthPlugin)
        .End();
}

/// <summary>The client's answer to the greeting (MySQL "Protocol::HandshakeResponse41"), and the short form of it that asks for
/// TLS ("Protocol::SSLRequest").</summary>
internal sealed record LoginRequest(
    Capabilities Capabilities, string User, byte[] AuthResponse, string Database, string AuthPlugin)
{
    /// <summary>utf8mb4_general_ci: the utf8mb4 collation that both families number alike.</summary>
    public const byte Utf8Mb4 = 45;

    private const int FixedBytes = 32;

    /// <summary>True for the short form: no user yet, TLS begins behind it.</summary>
    public bool IsTlsRequest { get; private init; }

    public static LoginRequest Parse(ReadOnlySpan<byte> packet)
    {
        var cursor = new PacketCursor(packet, "login request");
        var capabilities = (Capabilities)cursor.UInt32();
        cursor.Bytes(FixedBytes - 4); // longest packet, character set, filler
        if (cursor.Left == 0 && capabilities.HasFlag(Capabilities.Tls)) return new(capabilities, "", [], "", "") { IsTlsRequest = true };
        var user = Encoding.UTF8.GetString(cursor.ZeroEnded());
        var response = capabilities.HasFlag(Capabilities.PluginAuthLengthEncoded)
            ? cursor.LengthEncodedBytes()
            : cursor.Bytes(cursor.Byte());
        var database = capabilities.HasFlag(Capabilities.ConnectWithDatabase) ? Encoding.UTF8.GetString(cursor.ZeroEnded()) : "";
        var plugin = capabilities.HasFlag(Capabilities.PluginAuth) ? Encoding.UTF8.GetString(cursor.ZeroEndedOrRest()) : "";
        return new(capabilities, user, response.ToArray(), database, plugin);
    }

    public static void WriteTlsRequest(PacketWriter to, byte sequence, Capabilities capabilities) =>
        WriteFixed(to.Begin(sequence), capabilities | Capabilities.Tls).End();

    public void Write(PacketWriter to, byte sequence)
    {
        WriteFixed(to.Begin(sequence), Capabilities).ZeroEnded(User).LengthEncoded(AuthResponse);
        if (Capabilities.HasFlag(Capabilities.ConnectWithDatabase)) to.ZeroEnded(Database);
        to.ZeroEnded(AuthPlugin).End();
    }

    private static PacketWriter WriteFixed(PacketWriter to, Capabilities capabilities) =>
        to.UInt32((uint)capabilities).UInt32(PacketReader.PayloadBytesMax).Byte(Utf8Mb4).Zeros(23);
}
