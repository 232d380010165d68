using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace Verify.NodeHost.Tests;

/// <summary>As much of a MySQL server as a collector needs: lets everybody in and answers each statement with the one value that the test
/// has set, or not at all.</summary>
internal sealed class MiniMySql : MiniServer
{
    private const int Capabilities = 0x00000200 | 0x00000001 | 0x00002000 | 0x00008000 | 0x00080000; // 4.1, long password, transactions, secure connection, plugins
    private int _sessions;

    public MiniMySql(string address = "127.0.0.1", int port = 0) : base(address, port) => Listen();

    /// <summary>What every query gives; null: NULL.</summary>
    public string? Value { get; set; } = "0";

    /// <summary>What is given for a statement that holds this text: columns, then rows.</summary>
    public (string Text, string[] Columns, string[][] Rows)? Table { get; set; }

    /// <summary>Who is let in; null: everybody. The password is not looked at.</summary>
    public string? User { get; set; }

    /// <summary>A user who, like one of ProxySQL's admin-stats_credentials, sees tables of statistics only.</summary>
    public string? StatsUser { get; set; }

    /// <summary>Statements are taken and never answered.</summary>
    public bool IsSilent { get; set; }
    public int Sessions => Volatile.Read(ref _sessions);
    public ConcurrentQueue<string> Asked { get; } = new();

    protected override async Task TalkAsync(NetworkStream stream)
    {
        Interlocked.Increment(ref _sessions);
        await SendAsync(stream, 0, Greeting());
        var user = UserOf(await ReadAsync(stream));
        if (User is { } only && user != only)
        {
            await SendErrorAsync(stream, 2, 1045, $"Access denied for user '{user}'@'localhost' (using password: YES)");
            return;
        }

        await SendAsync(stream, 2, [0, 0, 0, 2, 0, 0, 0]);
        while (true)
        {
            var command = await ReadAsync(stream);
            if (command.Length == 0 || command[0] != 3) return;
            Asked.Enqueue(Encoding.UTF8.GetString(command.AsSpan(1)));
            while (IsSilent) await Task.Delay(50, End);
            if (user == StatsUser && TableOf(Encoding.UTF8.GetString(command)) is { } hidden && !hidden.StartsWith("stats_", StringComparison.Ordinal))
            {
                await SendErrorAsync(stream, 1, 1045, $"no such table: {hidden}");
                continue;
            }

            if (Table is { } table && Encoding.UTF8.GetString(command).Contains(table.Text, StringComparison.Ordinal))
            {
                await SendTableAsync(stream, table.Columns, table.Rows);
                continue;
            }

            var value = Value;
            await SendAsync(stream, 1, [1]);
            await SendAsync(stream, 2, Column("value"));
            await SendAsync(stream, 3, [0xFE, 0, 0, 2, 0]);
            await SendAsync(stream, 4, value is null ? [0xFB] : [(byte)value.Length, .. Encoding.UTF8.GetBytes(value)]);
            await SendAsync(stream, 5, [0xFE, 0, 0, 2, 0]);
        }
    }

    private static async Task SendTableAsync(NetworkStream stream, string[] columns, string[][] rows)
    {
        byte sequence = 1;
        await SendAsync(stream, sequence++, [(byte)columns.Length]);
        foreach (var column in columns) await SendAsync(stream, sequence++, Column(column));
        await SendAsync(stream, sequence++, [0xFE, 0, 0, 2, 0]);
        foreach (var row in rows) await SendAsync(stream, sequence++, [.. row.SelectMany(cell => (byte[])[(byte)cell.Length, .. Encoding.UTF8.GetBytes(cell)])]);
        await SendAsync(stream, sequence, [0xFE, 0, 0, 2, 0]);
    }

    /// <summary>The protocol's HandshakeResponse41: the name follows 32 bytes of flags and filler, and ends with a zero.</summary>
    private static string UserOf(ReadOnlySpan<byte> login) => Encoding.UTF8.GetString(login[32..(32 + login[32..].IndexOf((byte)0))]);

    private static string? TableOf(string statement)
    {
        var words = statement.Split(' ');
        var from = Array.FindIndex(words, word => word.Equals("FROM", StringComparison.OrdinalIgnoreCase));
        return from >= 0 && from + 1 < words.Length ? words[from + 1] : null;
    }

    private static async Task SendErrorAsync(NetworkStream stream, byte sequence, int code, string message) =>
        await SendAsync(stream, sequence, [0xFF, (byte)code, (byte)(code >> 8), .. "#28000"u8, .. Encoding.UTF8.GetBytes(message)]);

    private static byte[] Greeting()
    {
        byte[] seed = [.. Enumerable.Range(1, 20).Select(i => (byte)i)];
        return
        [
            10, .. "8.4.0"u8, 0, 7, 0, 0, 0, .. seed[..8], 0, Capabilities & 0xFF, (Capabilities >> 8) & 0xFF, 255, 2, 0, (Capabilities >> 16) & 0xFF, 0, 21,
            .. new byte[10], .. seed[8..], 0, .. "mysql_native_password"u8, 0,
        ];
    }

    private static byte[] Column(string name)
    {
        byte[] text = [(byte)name.Length, .. Encoding.UTF8.GetBytes(name)];
        return [3, .. "def"u8, 0, 0, 0, .. text, .. text, 12, 255, 0, 255, 0, 0, 0, 253, 0, 0, 0, 0, 0];
    }

    private static async Task SendAsync(NetworkStream stream, byte sequence, byte[] payload) =>
        await stream.WriteAsync((byte[])[(byte)payload.Length, (byte)(payload.Length >> 8), 0, sequence, .. payload]);

    private static async Task<byte[]> ReadAsync(NetworkStream stream)
    {
        var header = new byte[4];
        await stream.ReadExactlyAsync(header);
        var payload = new byte[BinaryPrimitives.ReadInt32LittleEndian(header) & 0xFFFFFF];
        await stream.ReadExactlyAsync(payload);
        return payload;
    }
}
