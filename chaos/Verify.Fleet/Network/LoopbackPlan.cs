using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Verify.Fleet.Network;

/// <summary>Addresses of one run on the loopback network (127.0.0.0/8, RFC 1122 3.2.1.3): data centre i has 127.(80+i).R.n,
/// where R belongs to this run alone, so that two runs at once cannot meet. On Linux each of them can be listened on
/// without any set-up.</summary>
public sealed class LoopbackPlan : IDisposable
{
    private const int FirstDataCenter = 80;
    private readonly FileStream _claim;
    private readonly SortedDictionary<int, int> _used = [];
    private readonly Lock _drawing = new();

    private LoopbackPlan(int run, FileStream claim)
    {
        Run = run;
        _claim = claim;
    }

    /// <summary>The third octet.</summary>
    public int Run { get; }

    /// <exception cref="FleetException">254 runs are under way.</exception>
    public static LoopbackPlan Claim(FleetCache cache)
    {
        var first = Random.Shared.Next(254);
        for (var i = 0; i < 254; i++)
        {
            var run = 1 + ((first + i) % 254);
            if (cache.TryLock($"loopback-{run}") is { } claim) return new(run, claim);
        }

        throw new FleetException("no loopback range is free: 254 runs are under way on this machine");
    }

    /// <summary>The next free address of a data centre (0-based).</summary>
    public IPAddress Next(int dataCenter)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dataCenter, 100);
        lock (_drawing)
        {
            var n = _used.GetValueOrDefault(dataCenter) + 1;
            if (n > 254) throw new FleetException($"data centre {dataCenter} has no address left");
            _used[dataCenter] = n;
            return IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"127.{FirstDataCenter + dataCenter}.{Run}.{n}"));
        }
    }

    /// <summary>Which data centre an address belongs to; -1 when to none of this plan.</summary>
    public int DataCenterOf(IPAddress address)
    {
        var octets = address.GetAddressBytes();
        return octets is [127, >= FirstDataCenter, var run, _] && run == Run ? octets[1] - FirstDataCenter : -1;
    }

    public void Dispose() => _claim.Dispose();
}

/// <summary>Ports that nobody listens on.</summary>
public static class FreePorts
{
    /// <summary>A port of this address that is free now. On an address of a <see cref="LoopbackPlan"/> it stays free until
    /// this run takes it, because nobody else uses that address.</summary>
    public static int Next(IPAddress address)
    {
        using var probe = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(address, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }
}
