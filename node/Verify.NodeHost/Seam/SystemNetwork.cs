using System.Net;
using System.Net.Sockets;
using Verify.Node.Seam;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Seam;

/// <summary>Real TCP sockets behind the seam. Callers from outside the allowed networks are cut off before a byte is read.</summary>
internal sealed class SystemNetwork(AllowedNetworks allowed, RefusedSources? refused) : INetwork
{
    public async ValueTask<Stream> ConnectAsync(Verify.Node.Seam.Endpoint to, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(to.Host, to.Port, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw e.SocketErrorCode == SocketError.ConnectionRefused
                ? new ConnectionRefusedException(to)
                : new IOException($"{to}: {e.Message}", e);
        }
        catch (OperationCanceledException)
        {
            socket.Dispose();
            throw;
        }
    }

    public IListener Listen(Verify.Node.Seam.Endpoint at)
    {
        var address = IPAddress.TryParse(at.Host, out var parsed) ? parsed : Dns.GetHostAddresses(at.Host).FirstOrDefault()
            ?? throw new IOException($"{at}: the host name has no address");
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, at.Port));
            socket.Listen(128);
            return new SystemListener(socket, allowed, refused);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new IOException($"cannot listen on {at}: {e.Message}", e);
        }
    }

    private sealed class SystemListener(Socket socket, AllowedNetworks allowed, RefusedSources? refused) : IListener
    {
        public async ValueTask<Stream?> AcceptAsync()
        {
            try
            {
                while (true)
                {
                    var accepted = await socket.AcceptAsync();
                    var from = (accepted.RemoteEndPoint as IPEndPoint)?.Address;
                    if (allowed.Allows(from))
                    {
                        accepted.NoDelay = true;
                        return new NetworkStream(accepted, ownsSocket: true);
                    }

                    refused?.Note("peer", "network", $"{from}", "it is in none of RaftAllowedNetworks");
                    accepted.LingerState = new(enable: true, seconds: 0);
                    accepted.Dispose();
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return null;
            }
        }

        public ValueTask DisposeAsync()
        {
            socket.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
