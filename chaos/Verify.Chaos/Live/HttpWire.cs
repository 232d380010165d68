using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Verify.Chaos.Live;

/// <summary>One kept-alive HTTP/1.1 connection (RFC 9112) that costs almost nothing itself, so that what is measured is the server; it
/// sends at once (no Nagle). Either asked one question at a time by a thread that blocks, or fed by whoever waits for many.</summary>
internal sealed class HttpWire : IDisposable
{
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(5);
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _have;

    /// <exception cref="SocketException">Nobody listens.</exception>
    public HttpWire(Uri server, TimeSpan? timeout = null)
    {
        _socket.ReceiveTimeout = _socket.SendTimeout = (int)(timeout ?? AnswerTimeout).TotalMilliseconds;
        _socket.Connect(IPAddress.Parse(server.Host), server.Port);
    }

    public int Descriptor => (int)_socket.Handle;

    /// <summary>For whoever reads what comes himself, because it has no end.</summary>
    public int Receive(Span<byte> into) => _socket.Receive(into);

    /// <summary>The last answer, head and content.</summary>
    public ReadOnlySpan<byte> Answer => _buffer.AsSpan(0, _have);

    public string Content => Encoding.UTF8.GetString(Answer[Math.Max(0, Answer.IndexOf("\r\n\r\n"u8))..]);

    public static byte[] Get(Uri server, string path) => Bare("GET", server, path, "");

    /// <param name="header">One line, without its end.</param>
    public static byte[] Get(Uri server, string path, string header) => Bare("GET", server, path, $"{header}\r\n");

    public static byte[] Head(Uri server, string path) => Bare("HEAD", server, path, "");

    public static byte[] Put(Uri server, string path, string json) => Send("PUT", server, path, json);

    public static byte[] Post(Uri server, string path, string json) => Send("POST", server, path, json);

    /// <summary>The answer's status.</summary>
    /// <exception cref="SocketException">The connection broke, or no answer came in time.</exception>
    public int Ask(ReadOnlySpan<byte> request)
    {
        Begin(request);
        while (true)
        {
            if (TryTake() is { } status) return status;
        }
    }

    public void Begin(ReadOnlySpan<byte> request)
    {
        _have = 0;
        _socket.Send(request);
    }

    /// <summary>Takes what has come (waits when nothing has). The status once the answer is whole, null before.</summary>
    /// <exception cref="SocketException">The connection broke.</exception>
    public int? TryTake()
    {
        var read = _socket.Receive(_buffer.AsSpan(_have));
        if (read == 0) throw new SocketException((int)SocketError.ConnectionReset);
        _have += read;
        return IsWhole(Answer) && Utf8Parser.TryParse(Answer.Slice(9, 3), out int status, out _) ? status : null;
    }

    /// <summary>The whole number behind a name in the JSON of the last answer, quoted or not; -1 when it is not there.</summary>
    public long Number(ReadOnlySpan<byte> name)
    {
        var at = Answer.IndexOf(name);
        if (at < 0) return -1;
        var rest = Answer[(at + name.Length)..].TrimStart("\": "u8);
        return Utf8Parser.TryParse(rest, out long value, out _) ? value : -1;
    }

    public void Dispose() => _socket.Dispose();

    private static byte[] Bare(string method, Uri server, string path, string headers) => Encoding.ASCII.GetBytes($"{method} {path} HTTP/1.1\r\nHost: {server.Authority}\r\n{headers}\r\n");

    private static byte[] Send(string method, Uri server, string path, string json) => Encoding.UTF8.GetBytes(
        $"{method} {path} HTTP/1.1\r\nHost: {server.Authority}\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(json)}\r\n\r\n{json}");

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var end = answer.IndexOf("\r\n\r\n"u8);
        if (end < 0) return false;
        var at = answer[..end].IndexOf("Content-Length: "u8);
        if (at < 0) return answer[..end].IndexOf("chunked"u8) < 0 || IsLastChunk(answer);
        var digits = answer[(at + 16)..end];
        var stop = digits.IndexOf((byte)'\r');
        return Utf8Parser.TryParse(stop < 0 ? digits : digits[..stop], out int length, out _) && answer.Length >= end + 4 + length;
    }

    /// <summary>The empty chunk, with or without trailers behind it.</summary>
    private static bool IsLastChunk(ReadOnlySpan<byte> answer) => answer.EndsWith("\r\n\r\n"u8) && answer.LastIndexOf("\r\n0\r\n"u8) >= 0;
}
