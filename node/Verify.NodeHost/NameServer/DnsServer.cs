using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Endpoint = Verify.Node.Seam.Endpoint;

namespace Verify.NodeHost.NameServer;

/// <summary>Answers queries over UDP and TCP at one address (RFC 1035 §4.2, 7766). A packet that is no query is dropped; a wrong one is
/// refused; more at once than there is room for are dropped, as a full buffer would.</summary>
internal sealed class DnsServer : IAsyncDisposable
{
    /// <summary>What passes every path whole (DNS flag day 2020).</summary>
    private const int UdpBytesMax = 1232;
    private const int UdpBytesPlain = 512;
    private const int AtOnceMax = 512;
    private const int ConnectionsMax = 64;
    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(10);
    private readonly CancellationTokenSource _stopping = new();
    private readonly DnsZone _zone;
    private readonly ILogger _log;
    private readonly Socket _udp;
    private readonly Socket _tcp;
    private readonly Task _work;
    private int _atOnce;
    private int _connections;

    private DnsServer(DnsZone zone, ILogger log, Socket udp, Socket tcp)
    {
        (_zone, _log, _udp, _tcp) = (zone, log, udp, tcp);
        _work = Task.WhenAll(ReceiveAsync(), AcceptAsync());
    }

    public int Port => ((IPEndPoint)_udp.LocalEndPoint!).Port;

    /// <exception cref="IOException">The address is taken or not ours.</exception>
    public static DnsServer Start(DnsZone zone, Endpoint listen, ILogger log)
    {
        Socket? udp = null, tcp = null;
        try
        {
            var address = IPAddress.TryParse(listen.Host, out var ip) ? ip : System.Net.Dns.GetHostAddresses(listen.Host)[0];
            udp = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            udp.Bind(new IPEndPoint(address, listen.Port));
            tcp = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            tcp.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, optionValue: true);
            tcp.Bind(new IPEndPoint(address, listen.Port));
            tcp.Listen(ConnectionsMax);
            return new(zone, log, udp, tcp);
        }
        catch (SocketException e)
        {
            udp?.Dispose();
            tcp?.Dispose();
            throw new IOException($"DnsListen {listen}: {e.Message}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _udp.Dispose();
        _tcp.Dispose();
        await _work;
        _stopping.Dispose();
    }

    /// <summary>The answer to one packet; null: none.</summary>
    public async Task<byte[]?> AnswerAsync(ReadOnlyMemory<byte> packet, bool isUdp)
    {
        var (question, error) = DnsReader.Read(packet.Span);
        if (question is null) return error is { } code ? DnsWriter.Error(packet.Span, code) : null;
        DnsAnswer answer;
        try
        {
            answer = await _zone.AnswerAsync(question);
        }
        catch (Exception e)
        {
            DnsLog.Failed(_log, e, question.Name);
            answer = new(DnsCode.ServerFailure);
        }

        return DnsWriter.Write(question, answer, !isUdp ? ushort.MaxValue : question.PayloadMax is { } size ? Math.Clamp(size, UdpBytesPlain, UdpBytesMax) : UdpBytesPlain);
    }

    private async Task ReceiveAsync()
    {
        var buffer = new byte[4096];
        var anybody = new IPEndPoint(_udp.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var got = await _udp.ReceiveFromAsync(buffer, SocketFlags.None, anybody, _stopping.Token);
                if (Volatile.Read(ref _atOnce) < AtOnceMax) _ = ReplyAsync(buffer.AsMemory(0, got.ReceivedBytes).ToArray(), got.RemoteEndPoint);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // An asker that has gone is reported here by the system; the next one is not.
                DnsLog.Network(_log, e.Message);
            }
        }
    }

    private async Task ReplyAsync(byte[] packet, EndPoint to)
    {
        Interlocked.Increment(ref _atOnce);
        try
        {
            if (await AnswerAsync(packet, isUdp: true) is { } answer) await _udp.SendToAsync(answer, SocketFlags.None, to, _stopping.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            DnsLog.Network(_log, e.Message);
        }
        finally
        {
            Interlocked.Decrement(ref _atOnce);
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var socket = await _tcp.AcceptAsync(_stopping.Token);
                if (Volatile.Read(ref _connections) < ConnectionsMax) _ = ServeAsync(socket);
                else socket.Dispose();
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                DnsLog.Network(_log, e.Message);
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        Interlocked.Increment(ref _connections);
        try
        {
            using var stream = new NetworkStream(socket, ownsSocket: true);
            var head = new byte[2];
            while (true)
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
                limit.CancelAfter(IdleMax);
                await stream.ReadExactlyAsync(head, limit.Token);
                var packet = new byte[BinaryPrimitives.ReadUInt16BigEndian(head)];
                await stream.ReadExactlyAsync(packet, limit.Token);
                if (await AnswerAsync(packet, isUdp: false) is not { } answer) return;
                var framed = new byte[answer.Length + 2];
                BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)answer.Length);
                answer.CopyTo(framed, 2);
                await stream.WriteAsync(framed, limit.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or IOException or SocketException)
        {
            // The asker has gone, or has said nothing for too long.
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }
}

/// <summary>Where the DNS server listens and what it answers for.</summary>
/// <param name="Listen">Null: it is off.</param>
/// <param name="Domains">In small letters, without dots at the ends.</param>
/// <param name="Ttl">Seconds for which an answer may be kept.</param>
internal sealed record DnsSettings(Endpoint? Listen, IReadOnlyList<string> Domains, int Ttl);

internal static partial class DnsLog
{
    [LoggerMessage(1, LogLevel.Information, "DNS on {Listen} (UDP and TCP) for {Domains}")]
    public static partial void Listens(ILogger log, Endpoint listen, string domains);

    [LoggerMessage(2, LogLevel.Debug, "DNS: {Why}")]
    public static partial void Network(ILogger log, string why);

    [LoggerMessage(3, LogLevel.Error, "DNS: the question for {Name} could not be answered")]
    public static partial void Failed(ILogger log, Exception cause, string name);
}
