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

        var text = Encoding.UTF8.GetString(all.WrittenSpan);
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0 || !text.StartsWith("HTTP/1.", StringComparison.Ordinal) || text.Length < 12
            || !int.TryParse(text.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status))
        {
            throw new IOException($"{to}{path}: the answer is no HTTP");
        }

        return (status, text[(end + 4)..]);
    }
}
