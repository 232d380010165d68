using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace Verify.NodeHost.Tests;

/// <summary>Keeps the lines that clients send; answers a GET with its text and hangs up, anything else with nothing.</summary>
internal sealed class MiniText : MiniServer
{
    private readonly string _body;

    public MiniText(string body)
    {
        _body = body;
        Listen();
    }

    public int Status { get; set; } = 200;
    public ConcurrentQueue<string> Requests { get; } = new();

    protected override async Task TalkAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var isGet = false;
        while (await reader.ReadLineAsync(End) is { } line)
        {
            if (line.Length > 0) Requests.Enqueue(line);
            isGet |= line.StartsWith("GET ", StringComparison.Ordinal);
            if (!isGet || line.Length > 0) continue;
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.0 {Status} X\r\nContent-Type: text/plain\r\n\r\n{_body}"));
            return;
        }
    }
}
