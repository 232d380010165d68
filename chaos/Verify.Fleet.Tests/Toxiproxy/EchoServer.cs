using System.Net;
using System.Net.Sockets;

namespace Verify.Fleet.Tests.Toxiproxy;

/// <summary>A TCP server behind a proxy under test: sends back what it gets, counts it, and notes how each connection ended.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stopping = new();
    private int _accepted;
    private int _ended;
    private long _received;

    public EchoServer()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(100);
        _ = AcceptAsync();
    }

    public string Address => _listener.LocalEndPoint!.ToString()!;
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Connections whose client has gone.</summary>
    public int Ended => Volatile.Read(ref _ended);
    public long Received => Interlocked.Read(ref _received);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = EchoAsync(await _listener.AcceptAsync(_stopping.Token));
        }
        catch (Exception stopped) when (stopped is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            return;
        }
    }

    private async Task EchoAsync(Socket socket)
    {
        Interlocked.Increment(ref _accepted);
        using var client = socket;
        client.NoDelay = true;
        var buffer = new byte[64 * 1024];
        try
        {
            while (await client.ReceiveAsync(buffer.AsMemory(), _stopping.Token) is > 0 and var count)
            {
                Interlocked.Add(ref _received, count);
                await client.SendAsync(buffer.AsMemory(0, count), _stopping.Token);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException)
        {
            return;
        }
        finally
        {
            Interlocked.Increment(ref _ended);
        }
    }
}

/// <summary>A client of a proxy under test.</summary>
internal sealed class EchoClient : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    public static async Task<EchoClient> ConnectAsync(string address)
    {
        var client = new EchoClient();
        await client._socket.ConnectAsync(IPEndPoint.Parse(address)).WaitAsync(Limit);
        return client;
    }

    public async Task SendAsync(byte[] bytes) => await _socket.SendAsync(bytes).WaitAsync(Limit);

    /// <summary>So many bytes, or fewer when the connection ended before.</summary>
    public async Task<byte[]> ReceiveAsync(int count)
    {
        var bytes = new byte[count];
        for (var got = 0; got < count;)
        {
            var piece = await _socket.ReceiveAsync(bytes.AsMemory(got)).AsTask().WaitAsync(Limit);
            if (piece == 0) return bytes[..got];
            got += piece;
        }

        return bytes;
    }

    public async Task<byte[]> EchoAsync(byte[] bytes)
    {
        await SendAsync(bytes);
        return await ReceiveAsync(bytes.Length);
    }

    /// <summary>True when nothing arrives for so long, neither bytes nor an end.</summary>
    public async Task<bool> HearsNothingAsync(TimeSpan time)
    {
        var poll = _socket.ReceiveAsync(new byte[1].AsMemory(), SocketFlags.Peek).AsTask();
        return await Task.WhenAny(poll, Task.Delay(time)) != poll;
    }

    public void HalfClose() => _socket.Shutdown(SocketShutdown.Send);

    public void Dispose() => _socket.Dispose();
}
