using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Verify.Chaos.Bench;

/// <summary>One kept-alive HTTP/1.1 connection (RFC 9112), asked one question at a time by one thread that blocks. It costs almost
/// nothing itself, so that what is measured is the node; and it sends at once (no Nagle).</summary>
internal sealed class HttpWire : IDisposable
{
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(5);
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 * 1024];

    /// <exception cref="SocketException">Nobody listens.</exception>
    public HttpWire(Uri server)
    {
        _socket.ReceiveTimeout = _socket.SendTimeout = (int)AnswerTimeout.TotalMilliseconds;
        _socket.Connect(IPAddress.Parse(server.Host), server.Port);
    }

    public static byte[] Get(Uri server, string path) => Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {server.Authority}\r\n\r\n");

    public static byte[] Put(Uri server, string path, string json) => Encoding.ASCII.GetBytes(
        $"PUT {path} HTTP/1.1\r\nHost: {server.Authority}\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\n\r\n{json}");

    /// <summary>The answer's status; its content is read and dropped.</summary>
    /// <exception cref="SocketException">The connection broke, or no answer came in time.</exception>
    public int Ask(ReadOnlySpan<byte> request)
    {
        _socket.Send(request);
        var have = 0;
        while (true)
        {
            var read = _socket.Receive(_buffer.AsSpan(have));
            if (read == 0) throw new SocketException((int)SocketError.ConnectionReset);
            have += read;
            if (IsWhole(_buffer.AsSpan(0, have))) return int.Parse(Encoding.ASCII.GetString(_buffer, 9, 3));
        }
    }

    public void Dispose() => _socket.Dispose();

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var end = answer.IndexOf("\r\n\r\n"u8);
        if (end < 0) return false;
        if (answer[..end].IndexOf("chunked"u8) >= 0) return answer.EndsWith("0\r\n\r\n"u8);
        var at = answer[..end].IndexOf("Content-Length: "u8);
        if (at < 0) return true;
        var digits = answer[(at + 16)..end];
        var stop = digits.IndexOf((byte)'\r');
        return System.Buffers.Text.Utf8Parser.TryParse(stop < 0 ? digits : digits[..stop], out int length, out _) && answer.Length >= end + 4 + length;
    }
}
