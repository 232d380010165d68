namespace Verify.MySql.Wire;

/// <summary>What client and server can do; the session uses what both name (MySQL "Capabilities Flags").
/// The upper half travels apart in the greeting.</summary>
[Flags]
internal enum Capabilities : uint
{
    None = 0,

    /// <summary>MySQL calls it CLIENT_LONG_PASSWORD. MariaDB servers leave it out of the greeting to say that they have
    /// extended flags; a client that sets it asks for the plain protocol.</summary>
    MySqlProtocol = 1,
    LongColumnFlags = 1 << 2,
    ConnectWithDatabase = 1 << 3,
    LocalFiles = 1 << 7,
    Protocol41 = 1 << 9,
    Tls = 1 << 11,
    Transactions = 1 << 13,
    SecureConnection = 1 << 15,
    MultiStatements = 1 << 16,
    MultiResults = 1 << 17,
    PluginAuth = 1 << 19,
    ConnectAttributes = 1 << 20,
    PluginAuthLengthEncoded = 1 << 21,
    SessionTrack = 1 << 23,
    DeprecateEof = 1 << 24,
}

/// <summary>Status bits of OK and EOF packets that mean something here.</summary>
[Flags]
internal enum ServerStatus : ushort
{
    None = 0,
    InTransaction = 1,
    AutoCommit = 2,
    MoreResults = 8,
    NoBackslashEscapes = 512,
}

/// <summary>First byte of a packet from the client in the command phase.</summary>
internal enum Command : byte
{
    Quit = 1,
    InitDatabase = 2,
    Query = 3,
    Ping = 14,
}

/// <summary>First bytes that tell the server's packets apart.</summary>
internal static class Header
{
    public const byte Ok = 0x00;
    public const byte MoreAuthData = 0x01;
    public const byte LocalInfile = 0xFB;
    public const byte Eof = 0xFE;
    public const byte AuthSwitch = 0xFE;
    public const byte Error = 0xFF;
}
