using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Verify.Fleet.Toxiproxy;

/// <summary>The built-in Toxiproxy: the same HTTP API, in this process, on a loopback port. Delays, jitter and toxicity are drawn
/// from a seed. No thread per connection.</summary>
public sealed class ToxiproxyServer : IAsyncDisposable
{
    private static readonly TimeSpan IdleDeadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan HandlerDeadline = TimeSpan.FromSeconds(25);
    private readonly ToxiproxyApi _api;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;

    private ToxiproxyServer(Socket listener, TimeProvider time, int seed)
    {
        _listener = listener;
        _api = new(time, seed);
        Url = new(string.Create(CultureInfo.InvariantCulture, $"http://{listener.LocalEndPoint}"));
        _accepting = AcceptAsync();
    }

    /// <summary>Where the API answers.</summary>
    public Uri Url { get; }

    /// <param name="listen">Where the API is to answer; a free port of 127.0.0.1 without it.</param>
    /// <exception cref="FleetException">The address cannot be listened on.</exception>
    public static ToxiproxyServer Start(IPEndPoint? listen = null, int seed = 0, TimeProvider? time = null)
    {
        var endpoint = listen ?? new(IPAddress.Loopback, 0);
        var listener = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(endpoint);
            listener.Listen(128);
        }
        catch (SocketException taken)
        {
            listener.Dispose();
            throw new FleetException($"Toxiproxy cannot listen on {endpoint}: {taken.Message}", taken);
        }

        return new(listener, time ?? TimeProvider.System, seed);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _api.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                _ = ServeAsync(await _listener.AcceptAsync(_stopping.Token));
            }
            catch (Exception stopped) when (stopped is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                if (_stopping.IsCancellationRequested) return;
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        socket.NoDelay = true;
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        var reader = new HttpReader(stream);
        try
        {
            for (var open = true; open;)
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
                limit.CancelAfter(IdleDeadline);
                if (await reader.ReadAsync(limit.Token) is not { } request) return;
                limit.CancelAfter(HandlerDeadline);
                var reply = await _api.AnswerAsync(request, limit.Token);
                open = request.KeepAlive;
                await stream.WriteAsync(reply.ToBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), open), limit.Token);
            }
        }
        catch (Exception ended) when (ended is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The client left or was too slow, or the server stops; the stream is closed either way.
        }
        catch (InvalidDataException malformed)
        {
            await RefuseAsync(stream, malformed.Message);
        }
    }

    private static async Task RefuseAsync(NetworkStream stream, string why)
    {
        try
        {
            await stream.WriteAsync(new HttpReply(400, $"400 Bad Request: {why}", "text/plain; charset=utf-8").ToBytes("0", keepAlive: false));
        }
        catch (IOException)
        {
            // It has left already.
        }
    }
}
