using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Verify.Node.Throttle;
using Verify.NodeHost.Throttle;

namespace Verify.NodeHost.Http;

/// <summary>Answers plain throttle checks on the connection itself, before HTTP is parsed as a whole: a check is asked tens of thousands of times a
/// second and says nothing but its path. It takes only what <see cref="CheckRequest"/> recognises to the last byte, on a node that leads, where nobody
/// needs to say who he is; with the first request that is anything else the connection goes to Kestrel for good, that request included and untouched.</summary>
internal sealed class CheckWire
{
    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(130); // As Kestrel's own keep-alive time.
    private volatile Parts? _parts;

    private sealed record Parts(INodeApi Node, CheckFigures Figures, RecentApps Recent);

    /// <summary>From now on checks are answered; until then everything goes to Kestrel.</summary>
    public void Serve(INodeApi node, CheckFigures figures, RecentApps recent) => _parts = new(node, figures, recent);

    public async Task OnConnectionAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        if (_parts is { } parts && !await ServeAsync(connection, parts)) return;
        await next(connection);
    }

    /// <summary>True: what comes next is for Kestrel. False: the connection is over.</summary>
    private static async Task<bool> ServeAsync(ConnectionContext connection, Parts parts)
    {
        var (input, output) = (connection.Transport.Input, connection.Transport.Output);
        var line = new Line(parts, (connection.RemoteEndPoint as IPEndPoint)?.Address);
        var isClosing = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? connection.ConnectionClosed;
        using var wake = isClosing.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), input);
        connection.Features.Get<IConnectionHeartbeatFeature>()?.OnHeartbeat(static state => ((Line)state).Beat(), line);
        line.GiveUp = () => input.CancelPendingRead();
        while (true)
        {
            var read = await input.ReadAsync();
            if (line.IsOver) return true;
            var left = read.Buffer;
            var isOurs = !read.IsCanceled && line.Answer(ref left, output);
            if (left.Start.Equals(read.Buffer.Start) is false) await output.FlushAsync();
            if (read.IsCanceled || (read.IsCompleted && left.IsEmpty))
            {
                input.AdvanceTo(left.Start, left.Start);
                line.End();
                return false;
            }

            // Not examined, so that whoever reads next gets it at once.
            input.AdvanceTo(left.Start, isOurs ? left.End : left.Start);
            if (isOurs) continue;
            line.End();
            return true;
        }
    }

    /// <summary>One connection.</summary>
    private sealed class Line(Parts parts, IPAddress? from)
    {
        private byte[] _asked = [];
        private CheckPath _path;
        private bool _isHead;
        private CheckAnswer? _answer;
        private long _second;
        private byte[] _response = [];
        private int _idleBeats;

        public Action GiveUp { get; set; } = static () => { };
        public bool IsOver { get; private set; }

        public void End() => IsOver = true;

        /// <summary>Once a second, by Kestrel's heartbeat.</summary>
        public void Beat()
        {
            if (!IsOver && Interlocked.Increment(ref _idleBeats) == (int)IdleMax.TotalSeconds) GiveUp();
        }

        /// <summary>Answers all that has come, and cuts it off <paramref name="left"/>. False: what is left is for somebody else.</summary>
        public bool Answer(ref ReadOnlySequence<byte> left, PipeWriter output)
        {
            Interlocked.Exchange(ref _idleBeats, 0);
            while (!left.IsEmpty)
            {
                var first = left.FirstSpan;
                var length = Known(first);
                if (length == 0)
                {
                    length = CheckRequest.Read(first, out _path, out _isHead);
                    if (length == 0) return false;
                    _asked = first[..length].ToArray();
                }

                var answer = parts.Node.Check(_path.App, _path.Type, _path.Store, _path.Flags);
                if (answer.Reason == CheckReason.NotLeader) return false;
                parts.Recent.Note(_path.App, from, "");
                parts.Figures.Count(_path.App, _path.Type, _path.Store, answer.Reason);
                output.Write(Response(answer));
                left = left.Slice(length);
            }

            return true;
        }

        /// <summary>The length of the request if it is the very one that was asked last; else 0.</summary>
        private int Known(ReadOnlySpan<byte> bytes) => _asked.Length > 0 && bytes.StartsWith(_asked) ? _asked.Length : 0;

        private byte[] Response(CheckAnswer answer)
        {
            var now = TimeProvider.System.GetUtcNow();
            var second = now.Ticks / TimeSpan.TicksPerSecond;
            if (ReferenceEquals(answer, _answer) && second == _second && _response.Length > 0) return _response;
            (_answer, _second) = (answer, second);
            var body = FrenoAnswer.BodyOf(answer);
            var head = _isHead
                ? $"HTTP/1.1 {answer.Status} {Phrase(answer.Status)}\r\nDate: {now.ToString("r", CultureInfo.InvariantCulture)}\r\n\r\n"
                : $"HTTP/1.1 {answer.Status} {Phrase(answer.Status)}\r\nContent-Type: application/json\r\nDate: {now.ToString("r", CultureInfo.InvariantCulture)}\r\nContent-Length: {body.Length}\r\n\r\n";
            return _response = _isHead ? Encoding.ASCII.GetBytes(head) : [.. Encoding.ASCII.GetBytes(head), .. body];
        }

        private static string Phrase(int status) => status switch
        {
            200 => "OK", 404 => "Not Found", 417 => "Expectation Failed", 429 => "Too Many Requests", _ => "Internal Server Error",
        };
    }
}

/// <summary>Recognises a whole request for a check in its plainest form (RFC 9112): GET or HEAD, a path of unreserved characters, HTTP/1.1, and no
/// header that could mean anything for the answer or for where the request ends. Everything else is not for us, whatever it is.</summary>
internal static class CheckRequest
{
    private const int BytesMax = 2_048;
    private static readonly SearchValues<byte> PathBytes = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"u8);

    /// <summary>The request's length in bytes; 0: it is not for us, or not all of it is there.</summary>
    public static int Read(ReadOnlySpan<byte> bytes, out CheckPath path, out bool isHead)
    {
        (path, isHead) = (default, false);
        var end = bytes[..Math.Min(bytes.Length, BytesMax)].IndexOf("\r\n\r\n"u8);
        if (end < 0) return 0;
        isHead = bytes.StartsWith("HEAD /check"u8);
        if (!isHead && !bytes.StartsWith("GET /check"u8)) return 0;
        var head = bytes[..(end + 2)];
        var firstEnd = head.IndexOf("\r\n"u8);
        var first = head[..firstEnd];
        if (!first.EndsWith(" HTTP/1.1"u8)) return 0;
        var target = first[(isHead ? 5 : 4)..^9];
        var query = "";
        if (target.EndsWith("?p=low"u8))
        {
            target = target[..^6];
            query = "?p=low";
        }

        if (target.ContainsAnyExcept(PathBytes) || !AreHarmless(head[(firstEnd + 2)..])) return 0;
        if (CheckPath.Parse(Encoding.ASCII.GetString(target), query, out var problem) is not { } found || problem is not null) return 0;

        // "." and ".." would be taken out of a path by those who come after us.
        if (target.IndexOf("/."u8) >= 0) return 0;
        path = found;
        return end + 4;
    }

    /// <summary>Host once, and otherwise only headers without a meaning here, each on one line of visible characters.</summary>
    private static bool AreHarmless(ReadOnlySpan<byte> headers)
    {
        var hosts = 0;
        while (!headers.IsEmpty)
        {
            var end = headers.IndexOf("\r\n"u8);
            var line = headers[..end];
            headers = headers[(end + 2)..];
            var colon = line.IndexOf((byte)':');
            if (colon <= 0 || line.ContainsAnyExceptInRange((byte)' ', (byte)'~')) return false;
            if (Is(line[..colon], "Host"u8)) hosts++;
            else if (Is(line[..colon], "Connection"u8))
            {
                if (!Is(line[(colon + 1)..].Trim((byte)' '), "keep-alive"u8)) return false;
            }
            else if (!Is(line[..colon], "User-Agent"u8) && !Is(line[..colon], "Accept"u8) && !Is(line[..colon], "Accept-Encoding"u8))
            {
                return false;
            }
        }

        return hosts == 1;
    }

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> known) => Ascii.EqualsIgnoreCase(name, known);
}
