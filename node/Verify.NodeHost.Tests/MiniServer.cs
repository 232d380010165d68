using System.Net;
using System.Net.Sockets;

namespace Verify.NodeHost.Tests;

/// <summary>Takes connections on one port, each in a task of its own, until it is disposed of; then waits for all of them.</summary>
internal abstract class MiniServer : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _end = new();
    private Task _accepting = Task.CompletedTask;

    /// <summary>Does not listen before <see cref="Listen"/>, so that a server is whole when the first client comes.</summary>
    protected MiniServer(string address = "127.0.0.1", int port = 0) => _listener = new(IPAddress.Parse(address), port);

    public string Address => $"{_listener.LocalEndpoint}";
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The test is over.</summary>
    protected CancellationToken End => _end.Token;

    protected void Listen()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <exception cref="IOException">The client has hung up; so does the server.</exception>
    protected abstract Task TalkAsync(NetworkStream stream);

    public async ValueTask DisposeAsync()
    {
        if (_accepting.IsCompleted) return;
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
            while (true) open.Add(ServeAsync(await _listener.AcceptTcpClientAsync(End)));
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
            await TalkAsync(client.GetStream());
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The node has hung up, or the test is over.
        }
    }
}
