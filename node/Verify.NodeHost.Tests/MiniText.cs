using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Verify.NodeHost.Tests;

/// <summary>Keeps the lines that clients send; answers a GET with its text and hangs up, anything else with nothing.</summary>
internal sealed class MiniText : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly string _body;
    private readonly Task _accepting;

    public MiniText(string body)
    {
        _body = body;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Status { get; set; } = 200;
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;
    public ConcurrentQueue<string> Requests { get; } = new();

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
        try
        {
            while (true) open.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            await Task.WhenAll(open);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        try
        {
            using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
            var isGet = false;
            while (await reader.ReadLineAsync(_end.Token) is { } line)
            {
                if (line.Length > 0) Requests.Enqueue(line);
                isGet |= line.StartsWith("GET ", StringComparison.Ordinal);
                if (!isGet || line.Length > 0) continue;
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.0 {Status} X\r\nContent-Type: text/plain\r\n\r\n{_body}"));
                return;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The node has hung up, or the test is over.
        }
    }
}
