using System.Buffers;
using System.Globalization;
using System.Text;
using Verify.Node.Seam;

namespace Verify.Node.Throttle;

/// <summary>One GET over a connection of its own, for what stands beside the servers: HAProxy's statistics page, a health check. HTTP/1.0, so
/// that the body ends with the connection.</summary>
internal static class PlainHttp
{
    private const int BytesMax = 8 << 20;

    /// <exception cref="IOException">No connection, no HTTP, or too much of it.</exception>
    public static async ValueTask<(int Status, string Body)> GetAsync(INetwork network, Endpoint to, string path, CancellationToken cancel)
    {
        await using var stream = await network.ConnectAsync(to, cancel);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.0\r\nHost: {to}\r\nUser-Agent: verify-node\r\nConnection: close\r\n\r\n"), cancel);
        await stream.FlushAsync(cancel);
        var all = new ArrayBufferWriter<byte>();
        var buffer = new byte[16 * 1024];
        for (int count; (count = await stream.ReadAsync(buffer, cancel)) > 0;)
        {
            if (all.WrittenCount + count > BytesMax) throw new IOException($"{to}{path}: more than {BytesMax} bytes");
            all.Write(buffer.AsSpan(0, count));
        }

        return Read(all.WrittenSpan, $"{to}{path}");
    }

    /// <exception cref="IOException"/>
    internal static (int Status, string Body) Read(ReadOnlySpan<byte> answer, string from)
    {
        var end = answer.IndexOf("\r\n\r\n"u8);
        var head = end < 0 ? "" : Encoding.ASCII.GetString(answer[..end]);
        if (!head.StartsWith("HTTP/1.", StringComparison.Ordinal) || head.Length < 12 || !int.TryParse(head.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status))
            throw new IOException($"{from}: the answer is no HTTP");
        var body = answer[(end + 4)..];
        return (status, Encoding.UTF8.GetString(head.Split("\r\n").Any(IsChunked) ? Whole(body, from) : body));
    }

    private static bool IsChunked(string line) =>
        line.StartsWith("transfer-encoding:", StringComparison.OrdinalIgnoreCase) && line.EndsWith("chunked", StringComparison.OrdinalIgnoreCase);

    /// <summary>Chunks put together (RFC 9112, section 7.1): HAProxy sends its page in them to whoever asks with HTTP/1.0, too.</summary>
    private static ReadOnlySpan<byte> Whole(ReadOnlySpan<byte> body, string from)
    {
        var whole = new ArrayBufferWriter<byte>();
        while (true)
        {
            var end = body.IndexOf("\r\n"u8);
            var size = end < 0 ? "" : Encoding.ASCII.GetString(body[..end]).Split(';')[0].Trim();
            if (!int.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var count) || count < 0 || count > body.Length - end - 2)
                throw new IOException($"{from}: the answer breaks off between its chunks");
            if (count == 0) return whole.WrittenSpan;
            whole.Write(body.Slice(end + 2, count));
            body = body[Math.Min(end + 2 + count + 2, body.Length)..];
        }
    }
}
