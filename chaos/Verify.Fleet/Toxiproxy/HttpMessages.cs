using System.Globalization;
using System.Text;

namespace Verify.Fleet.Toxiproxy;

/// <summary>A request, as far as the API needs it.</summary>
internal sealed record HttpRequest(string Method, string Path, string UserAgent, string Body, bool KeepAlive);

/// <summary>An answer.</summary>
internal sealed record HttpReply(int Status, string Body, string ContentType = "application/json")
{
    private static readonly Encoding Utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    /// <summary>The bytes on the wire (RFC 9112).</summary>
    public byte[] ToBytes(string requestId, bool keepAlive)
    {
        var body = Utf8.GetBytes(Body);
        var head = new StringBuilder();
        head.Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {Status} {Reason(Status)}\r\n");
        if (Status != 204) head.Append(CultureInfo.InvariantCulture, $"Content-Type: {ContentType}\r\nContent-Length: {body.Length}\r\n");
        head.Append(CultureInfo.InvariantCulture, $"X-Toxiproxy-Request-Id: {requestId}\r\n");
        head.Append(keepAlive ? "\r\n" : "Connection: close\r\n\r\n");
        return Status == 204 ? Utf8.GetBytes(head.ToString()) : [.. Utf8.GetBytes(head.ToString()), .. body];
    }

    private static string Reason(int status) => status switch
    {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        _ => "Internal Server Error",
    };
}

/// <summary>Reads requests from a stream (RFC 9112), with limits on everything.</summary>
internal sealed class HttpReader(Stream stream)
{
    private const int HeadBytesMax = 16 * 1024;
    private const int BodyBytesMax = 1024 * 1024;
    private readonly byte[] _buffer = new byte[8 * 1024];
    private int _from;
    private int _to;

    /// <summary>The next request, or null at the end of the stream.</summary>
    /// <exception cref="InvalidDataException">It is no HTTP, or too large.</exception>
    public async Task<HttpRequest?> ReadAsync(CancellationToken cancel)
    {
        if (await ReadLineAsync(HeadBytesMax, cancel) is not { } first) return null;
        var words = first.Split(' ');
        if (words.Length != 3 || !words[2].StartsWith("HTTP/1.", StringComparison.Ordinal)) throw new InvalidDataException("no HTTP/1 request line");
        var headers = await ReadHeadersAsync(cancel);
        if (Header(headers, "Expect").Contains("100-continue", StringComparison.OrdinalIgnoreCase))
        {
            await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), cancel);
        }

        var chunked = Header(headers, "Transfer-Encoding").Contains("chunked", StringComparison.OrdinalIgnoreCase);
        var body = chunked ? await ReadChunksAsync(cancel) : await ReadBytesAsync(Length(Header(headers, "Content-Length"), NumberStyles.None), cancel);
        var connection = Header(headers, "Connection");
        var keepAlive = words[2] is "HTTP/1.1"
            ? !connection.Contains("close", StringComparison.OrdinalIgnoreCase)
            : connection.Contains("keep-alive", StringComparison.OrdinalIgnoreCase);
        var path = words[1].Split('?')[0];
        return new(words[0], path, Header(headers, "User-Agent"), Encoding.UTF8.GetString(body), keepAlive);
    }

    private async Task<List<(string Name, string Value)>> ReadHeadersAsync(CancellationToken cancel)
    {
        var headers = new List<(string, string)>();
        var left = HeadBytesMax;
        while (await ReadLineAsync(left, cancel) is { Length: > 0 } line)
        {
            left -= line.Length;
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0) throw new InvalidDataException("no header: " + line);
            headers.Add((line[..colon].Trim(), line[(colon + 1)..].Trim()));
        }

        return headers;
    }

    private async Task<byte[]> ReadChunksAsync(CancellationToken cancel)
    {
        var body = new List<byte>();
        while (true)
        {
            var size = Length((await ReadLineAsync(100, cancel) ?? "").Split(';')[0].Trim(), NumberStyles.AllowHexSpecifier);
            if (size == 0) break;
            if (body.Count + size > BodyBytesMax) throw new InvalidDataException("the body is too long");
            body.AddRange(await ReadBytesAsync(size, cancel));
            await ReadLineAsync(2, cancel);
        }

        await ReadHeadersAsync(cancel);
        return [.. body];
    }

    private static int Length(string text, NumberStyles style)
    {
        if (text.Length == 0) return 0;
        return int.TryParse(text, style, CultureInfo.InvariantCulture, out var length) && length is >= 0 and <= BodyBytesMax
            ? length
            : throw new InvalidDataException("a length that cannot be: " + text);
    }

    private static string Header(List<(string Name, string Value)> headers, string name) =>
        headers.Find(h => h.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value ?? "";

    private async Task<byte[]> ReadBytesAsync(int count, CancellationToken cancel)
    {
        var bytes = new byte[count];
        for (var got = 0; got < count;)
        {
            if (_from == _to && !await FillAsync(cancel)) throw new InvalidDataException("the body ends early");
            var piece = Math.Min(count - got, _to - _from);
            _buffer.AsSpan(_from, piece).CopyTo(bytes.AsSpan(got));
            (_from, got) = (_from + piece, got + piece);
        }

        return bytes;
    }

    /// <summary>A line without its end, or null at the end of the stream.</summary>
    private async Task<string?> ReadLineAsync(int bytesMax, CancellationToken cancel)
    {
        var line = new List<byte>();
        while (true)
        {
            if (_from == _to && !await FillAsync(cancel)) return line.Count == 0 ? null : throw new InvalidDataException("a line ends early");
            var next = _buffer[_from++];
            if (next == '\n') return Encoding.Latin1.GetString([.. line]).TrimEnd('\r');
            line.Add(next);
            if (line.Count > bytesMax) throw new InvalidDataException("a line is too long");
        }
    }

    private async Task<bool> FillAsync(CancellationToken cancel)
    {
        _from = 0;
        _to = await stream.ReadAsync(_buffer, cancel);
        return _to > 0;
    }
}
