using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Verify.Client.Tests.Fakes;

/// <summary>One request as it came in.</summary>
internal sealed record FakeRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>What the fake does with a request.</summary>
internal sealed record FakeAnswer(int Status, string Body)
{
    /// <summary>The connection is closed without a word.</summary>
    public static readonly FakeAnswer HangUp = new(0, "hang up");

    /// <summary>Nothing ever comes.</summary>
    public static readonly FakeAnswer Silence = new(0, "silence");

    public (string Name, string Value)[] Headers { get; init; } = [];
}

/// <summary>A small HTTP/1.1 server on loopback that answers as the test says, breaks connections, or is silent.</summary>
internal sealed class FakeNode : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly X509Certificate2? _certificate;
    private readonly Func<FakeRequest, FakeAnswer> _answer;
    private readonly Task _accepting;

    public FakeNode(Func<FakeRequest, FakeAnswer> answer, X509Certificate2? certificate = null)
    {
        _answer = answer;
        _certificate = certificate;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public ConcurrentQueue<FakeRequest> Requests { get; } = new();
    public Uri Uri => new($"{(_certificate is null ? "http" : "https")}://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");

    /// <summary>Requests but for the search for the leader.</summary>
    public IReadOnlyList<FakeRequest> Asked => [.. Requests.Where(r => r.Path != "/cluster/leader")];

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        var open = new List<Task>();
        while (true)
        {
            try
            {
                open.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token)));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                break; // The test is over.
            }
        }

        await Task.WhenAll(open);
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                Stream stream = client.GetStream();
                if (_certificate is not null)
                {
                    var tls = new SslStream(stream);
                    await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _end.Token);
                    stream = tls;
                }

                while (await ReadAsync(stream) is { } request)
                {
                    Requests.Enqueue(request);
                    var answer = _answer(request);
                    if (answer == FakeAnswer.HangUp) return;
                    if (answer == FakeAnswer.Silence) await Task.Delay(Timeout.Infinite, _end.Token);
                    var body = Encoding.UTF8.GetBytes(answer.Body);
                    var head = new StringBuilder($"HTTP/1.1 {answer.Status} -\r\nContent-Length: {body.Length}\r\n");
                    foreach (var (name, value) in answer.Headers) head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
                    await stream.WriteAsync(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), _end.Token);
                    await stream.WriteAsync(body, _end.Token);
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or System.Security.Authentication.AuthenticationException)
            {
                return; // The client or the test has gone.
            }
        }
    }

    private async Task<FakeRequest?> ReadAsync(Stream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, _end.Token) == 0) return null;
            head.Append((char)one[0]);
        }

        var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(l => l.Split(':', 2)).ToDictionary(p => p[0], p => p[1].Trim(), StringComparer.OrdinalIgnoreCase);
        var body = new byte[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length, CultureInfo.InvariantCulture) : 0];
        await stream.ReadExactlyAsync(body, _end.Token);
        var start = lines[0].Split(' ');
        return new(start[0], start[1], headers, Encoding.UTF8.GetString(body));
    }
}
