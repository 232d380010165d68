using Verify.Fleet;
using Verify.Fleet.Toxiproxy;

namespace Verify.Chaos.Live;

/// <summary>The proxies of a live fleet, spoken to over Toxiproxy's HTTP API: the built-in server, or one that is given. A cut is
/// silent: connections stay and no byte passes in that direction.</summary>
internal sealed class LinkProxies : IAsyncDisposable
{
    private const string DelayToxic = "verify_delay";
    private readonly LivePlan _plan;
    private readonly ToxiproxyClient _client;
    private readonly ProxyProcess? _builtIn;
    private readonly SortedDictionary<string, long> _droppedBefore = new(StringComparer.Ordinal);

    private LinkProxies(LivePlan plan, ToxiproxyClient client, ProxyProcess? builtIn) => (_plan, _client, _builtIn) = (plan, client, builtIn);

    public string Kind => _builtIn is null ? "an outside Toxiproxy" : "the built-in Toxiproxy";

    public static async Task<LinkProxies> StartAsync(FleetRun run, LivePlan plan, Uri? toxiproxy, CancellationToken cancel)
    {
        var builtIn = toxiproxy is null ? await ProxyProcess.StartAsync(run, cancel) : null;
        var links = new LinkProxies(plan, new ToxiproxyClient(toxiproxy ?? builtIn!.Url), builtIn);
        try
        {
            foreach (var link in plan.Links) await links._client.AddAsync(link.Proxy, link.Listen, link.To.Address, cancel: cancel);
            return links;
        }
        catch
        {
            await links.DisposeAsync();
            throw;
        }
    }

    public async ValueTask CutAsync(string from, string to)
    {
        _droppedBefore[$"{from}>{to}"] = await DroppedAsync(from, to) ?? -1;
        foreach (var (link, direction) in Ways(from, to)) await _client.CutAsync(link.Proxy, direction);
    }

    /// <summary>Bytes that were dropped meanwhile; -1 when the proxy server does not count.</summary>
    public async ValueTask<long> MendAsync(string from, string to)
    {
        var dropped = await DroppedAsync(from, to);
        foreach (var (link, direction) in Ways(from, to)) await _client.HealAsync(link.Proxy, direction);
        return dropped is { } now && _droppedBefore.TryGetValue($"{from}>{to}", out var before) && before >= 0 ? now - before : -1;
    }

    public async ValueTask DelayAsync(string from, string to, TimeSpan delay, TimeSpan jitter)
    {
        foreach (var (link, direction) in Ways(from, to))
        {
            var name = $"{DelayToxic}_{direction}";
            if (delay == TimeSpan.Zero) await _client.RemoveToxicAsync(link.Proxy, name);
            else await _client.AddToxicAsync(link.Proxy, new(name, direction, 1, new ToxicKind.Latency((long)delay.TotalMilliseconds, (long)jitter.TotalMilliseconds)));
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_builtIn is null)
        {
            // An outside server keeps what it is given: take it away again.
            foreach (var link in _plan.Links) await RemoveAsync(link);
        }

        _client.Dispose();
        if (_builtIn is not null) await _builtIn.DisposeAsync();
    }

    private async ValueTask RemoveAsync(LivePlan.Link link)
    {
        try
        {
            await _client.DeleteAsync(link.Proxy);
        }
        catch (ToxiproxyException e) when (e.Status == 404)
        {
            return; // It never came to be.
        }
    }

    /// <summary>Every proxy and direction in which bytes go from one data centre to the other: requests of those who dialled there,
    /// and answers to those who dialled from there. In the place of one of the two may stand a single node or server.</summary>
    private IEnumerable<(LivePlan.Link Link, Direction Direction)> Ways(string from, string to) =>
        _plan.Links.Where(l => l.FromDataCenter == from && (l.To.DataCenter == to || l.To.Name == to)).Select(l => (l, Direction.Upstream))
            .Concat(_plan.Links.Where(l => l.FromDataCenter == to && (l.To.DataCenter == from || l.To.Name == from)).Select(l => (l, Direction.Downstream)));

    private async ValueTask<long?> DroppedAsync(string from, string to) =>
        await _client.CountersAsync() is { } counters
            ? Ways(from, to).Sum(w => counters.TryGetValue(w.Link.Proxy, out var c) ? w.Direction == Direction.Upstream ? c.DroppedUpstream : c.DroppedDownstream : 0)
            : null;
}
