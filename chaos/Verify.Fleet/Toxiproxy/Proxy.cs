using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Verify.Fleet.Toxiproxy;

/// <summary>Bytes that went through a proxy, and bytes that its toxics threw away: the proof that a fault bit.</summary>
public sealed record ProxyCounters(long ConnectionsTotal, long ConnectionsOpen, long PassedUpstream, long PassedDownstream, long DroppedUpstream, long DroppedDownstream);

/// <summary>A named door to a server: listens, connects each client through, lets toxics work on the bytes. Down means that
/// nobody listens and all connections are cut.</summary>
internal sealed class Proxy(string name, string listen, string upstream, TimeProvider time, int seed)
{
    private static readonly TimeSpan ApplyDeadline = TimeSpan.FromSeconds(5);
    private readonly Lock _state = new();
    private readonly SortedDictionary<long, Connection> _connections = [];
    private readonly long _epoch = time.GetTimestamp();
    private ImmutableArray<Toxic> _toxics = [];
    private Socket? _listener;
    private long _accepted;
    private ProxyCounters _past = new(0, 0, 0, 0, 0, 0);

    public string Name { get; } = name;
    public string Listen { get; private set; } = listen;
    public string Upstream { get; private set; } = upstream;
    public bool IsEnabled { get; private set; }

    /// <summary>Upstream's, then downstream's, each in the order of their making.</summary>
    public ImmutableArray<Toxic> Toxics
    {
        get { lock (_state) return [.. _toxics.Where(t => t.Stream == Direction.Upstream), .. _toxics.Where(t => t.Stream == Direction.Downstream)]; }
    }

    public ProxyCounters Counters
    {
        get
        {
            lock (_state)
            {
                var now = _connections.Values.Aggregate(_past, WithConnection);
                return now with { ConnectionsTotal = _accepted, ConnectionsOpen = _connections.Count };
            }
        }
    }

    /// <summary>Begins to listen.</summary>
    /// <exception cref="SocketException">The address cannot be listened on.</exception>
    public void Start()
    {
        lock (_state)
        {
            if (IsEnabled) return;
            var endpoint = ParseListen(Listen);
            var listener = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                if (endpoint.Address.Equals(IPAddress.IPv6Any)) listener.DualMode = true;
                listener.Bind(endpoint);
                listener.Listen(512);
            }
            catch (SocketException)
            {
                listener.Dispose();
                throw;
            }

            _listener = listener;
            Listen = listener.LocalEndPoint!.ToString()!;
            IsEnabled = true;
            _ = AcceptAsync(listener);
        }
    }

    /// <summary>Stops listening and cuts every connection.</summary>
    public void Stop()
    {
        Connection[] open;
        lock (_state)
        {
            _listener?.Dispose();
            _listener = null;
            IsEnabled = false;
            open = [.. _connections.Values];
        }

        foreach (var connection in open) connection.Close(PieceEnd.Close);
    }

    /// <summary>True when it listens there and leads there.</summary>
    public bool IsLike(string listen, string upstream) =>
        listen.Equals(Listen, StringComparison.Ordinal) && upstream.Equals(Upstream, StringComparison.Ordinal);

    /// <summary>Another address or server: drops all connections. Then up or down.</summary>
    /// <exception cref="SocketException">The address cannot be listened on.</exception>
    public void Update(string listen, string upstream, bool enabled)
    {
        if (!IsLike(listen, upstream))
        {
            Stop();
            (Listen, Upstream) = (listen, upstream);
        }

        if (enabled) Start();
        else if (IsEnabled) Stop();
    }

    /// <returns>False when there is one of this name.</returns>
    public async Task<bool> AddAsync(Toxic toxic)
    {
        Task applied;
        lock (_state)
        {
            if (_toxics.Any(t => t.Name.Equals(toxic.Name, StringComparison.Ordinal))) return false;
            _toxics = _toxics.Add(toxic);
            applied = ChangeAll(toxic.Stream, (chain, now) => chain.Add(toxic, now));
        }

        await applied.WaitAsync(ApplyDeadline, time);
        return true;
    }

    public async Task UpdateAsync(Toxic toxic)
    {
        Task applied;
        lock (_state)
        {
            _toxics = [.. _toxics.Select(t => t.Name.Equals(toxic.Name, StringComparison.Ordinal) ? toxic : t)];
            applied = ChangeAll(toxic.Stream, (chain, now) => chain.Update(toxic, now));
        }

        await applied.WaitAsync(ApplyDeadline, time);
    }

    public async Task RemoveAsync(Toxic toxic)
    {
        Task applied;
        lock (_state)
        {
            _toxics = _toxics.RemoveAll(t => t.Name.Equals(toxic.Name, StringComparison.Ordinal));
            applied = ChangeAll(toxic.Stream, (chain, now) => chain.Remove(toxic.Name, now));
        }

        await applied.WaitAsync(ApplyDeadline, time);
    }

    private Task ChangeAll(Direction stream, Action<ToxicChain, TimeSpan> change) =>
        Task.WhenAll(_connections.Values.Select(c => c[stream].ChangeAsync(change)).ToArray());

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await listener.AcceptAsync();
            }
            catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException)
            {
                // The listener was closed; or a client left before it was accepted, which is no reason to stop.
                if (stopped is SocketException { SocketErrorCode: SocketError.ConnectionAborted or SocketError.ConnectionReset }) continue;
                return;
            }

            _ = ServeAsync(listener, client);
        }
    }

    private async Task ServeAsync(Socket listener, Socket client)
    {
        Connection connection;
        long number;
        lock (_state)
        {
            if (!ReferenceEquals(listener, _listener))
            {
                client.Dispose();
                return;
            }

            number = ++_accepted;
            connection = new(client, Chain(Direction.Upstream, number), Chain(Direction.Downstream, number), time, _epoch);
            _connections[number] = connection;
        }

        await connection.RunAsync(cancel => ResolveAsync(Upstream, cancel));
        lock (_state)
        {
            _connections.Remove(number);
            _past = WithConnection(_past, connection);
        }
    }

    // The same seed, toxics and order of connections give the same draws.
    private ToxicChain Chain(Direction direction, long number)
    {
        var chain = new ToxicChain(new Random(unchecked((seed * 31) + (int)(number * 2) + (int)direction)));
        foreach (var toxic in _toxics.Where(t => t.Stream == direction)) chain.Add(toxic, time.GetElapsedTime(_epoch));
        return chain;
    }

    private static ProxyCounters WithConnection(ProxyCounters sum, Connection c) => sum with
    {
        PassedUpstream = sum.PassedUpstream + c.Up.PassedBytes,
        PassedDownstream = sum.PassedDownstream + c.Down.PassedBytes,
        DroppedUpstream = sum.DroppedUpstream + c.Up.DroppedBytes,
        DroppedDownstream = sum.DroppedDownstream + c.Down.DroppedBytes,
    };

    private static IPEndPoint ParseListen(string text)
    {
        var (host, port) = Split(text);
        return host switch
        {
            "" => new(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port),
            "localhost" => new(IPAddress.Loopback, port),
            _ => new(IPAddress.TryParse(host, out var address) ? address : throw new SocketException((int)SocketError.HostNotFound), port),
        };
    }

    private static async Task<EndPoint> ResolveAsync(string text, CancellationToken cancel)
    {
        var (host, port) = Split(text);
        if (IPAddress.TryParse(host, out var address)) return new IPEndPoint(address, port);
        var addresses = await Dns.GetHostAddressesAsync(host, cancel);
        return new IPEndPoint(addresses.OrderBy(a => a.AddressFamily).FirstOrDefault() ?? throw new SocketException((int)SocketError.HostNotFound), port);
    }

    private static (string Host, int Port) Split(string text)
    {
        var colon = text.LastIndexOf(':');
        if (text.Length == 0) return ("", 0);
        return colon >= 0 && int.TryParse(text.AsSpan(colon + 1), CultureInfo.InvariantCulture, out var port) && port is >= 0 and <= 65535
            ? (text[..colon].Trim('[', ']'), port)
            : throw new SocketException((int)SocketError.AddressNotAvailable);
    }
}
