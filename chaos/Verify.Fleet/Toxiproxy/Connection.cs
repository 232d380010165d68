using System.Net;
using System.Net.Sockets;

namespace Verify.Fleet.Toxiproxy;

/// <summary>One client of a proxy, with its two directions.</summary>
internal sealed class Connection(Socket client, ToxicChain upstream, ToxicChain downstream, TimeProvider time, long epoch) : IDisposable
{
    private static readonly TimeSpan ConnectDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ReleaseDeadline = TimeSpan.FromSeconds(1);
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _ending = new();
    private Socket? _server;
    private bool _closed;
    private int _sendersEnded;

    public Link Up { get; } = new(Direction.Upstream, upstream, time, epoch);
    public Link Down { get; } = new(Direction.Downstream, downstream, time, epoch);

    public Link this[Direction direction] => direction == Direction.Upstream ? Up : Down;

    /// <summary>Carries bytes until both directions have ended or one of them ended the connection.</summary>
    public async Task RunAsync(Func<CancellationToken, Task<EndPoint>> resolve)
    {
        try
        {
            // Through a cut line no connection comes into being: the client talks to nobody, and the server hears nothing.
            if (!upstream.IsCut) await ConnectAsync(resolve);
            client.NoDelay = true;
            Up.SourceEnded = Down.SourceEnded = () =>
            {
                // Nobody is left on either side, whatever a cut line keeps back.
                if (Interlocked.Increment(ref _sendersEnded) == 2 && (upstream.IsCut || downstream.IsCut)) Close(PieceEnd.Close);
            };
            var up = CarryAsync(Up, client, _server);
            var down = _server is { } server ? CarryAsync(Down, server, client) : Task.CompletedTask;
            await Task.WhenAll(up, down);
        }
        catch (Exception refused) when (refused is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The server refuses, or the proxy was closed meanwhile: the client sees its connection closed.
        }
        finally
        {
            Close(PieceEnd.Close);
            await Task.WhenAny(Task.WhenAll(Up.Released, Down.Released), Task.Delay(ReleaseDeadline, time));
            Dispose();
        }
    }

    /// <summary>Ends both directions now: with FIN, or with RST where a reset is asked for. The sockets themselves go when both
    /// links have let go of them: closing one under a pending operation would always reset it.</summary>
    public void Close(PieceEnd how)
    {
        lock (_ending)
        {
            if (_closed) return;
            _closed = true;
            _closing.Cancel();
            Up.Stop();
            Down.Stop();
            foreach (var socket in new[] { client, _server })
            {
                if (socket is null) continue;
                if (how == PieceEnd.Reset) socket.LingerState = new(enable: true, seconds: 0);
                else if (socket.Connected) ShutDown(socket, SocketShutdown.Both);
            }
        }
    }

    public void Dispose()
    {
        Close(PieceEnd.Close);
        client.Dispose();
        _server?.Dispose();
        _closing.Dispose();
    }

    private async Task ConnectAsync(Func<CancellationToken, Task<EndPoint>> resolve)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        limit.CancelAfter(ConnectDeadline);
        var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        lock (_ending)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _server = server;
        }

        await server.ConnectAsync(await resolve(limit.Token), limit.Token);
    }

    private async Task CarryAsync(Link link, Socket source, Socket? target)
    {
        try
        {
            var end = await link.RunAsync(source, target);
            if (end == PieceEnd.HalfClose && target is not null) ShutDown(target, SocketShutdown.Send);
            else Close(end);
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            Close(PieceEnd.Close);
        }
    }

    private static void ShutDown(Socket socket, SocketShutdown how)
    {
        try
        {
            socket.Shutdown(how);
        }
        catch (SocketException)
        {
            // The other side was faster.
        }
    }
}
