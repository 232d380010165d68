using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Recovery;
using Verify.Node.Seam;
using Verify.Node.Topology;

namespace Verify.Node.Throttle;

/// <summary>The throttler's drivers for what the probers do not look at: inventories, HTTP checks, and servers that no cluster of this node
/// has. They await, decide nothing, and come back to the loop after each wait.</summary>
internal sealed class OutsideDrivers(INodeServices services, StoreHosts hosts, ThrottlePart part)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(500);
    private readonly LoopTurn _turn = new(services);
    private readonly SortedSet<InstanceKey> _collecting = [];
    private TimeSpan _nextLook;

    public void Start()
    {
        var settings = part.Settings;
        foreach (var store in settings.Clusters)
        {
            if (store.Hosts is HostSource.HaProxy or HostSource.ProxySql) Drivers.Start(services, $"the inventory of mysql/{store.Name}", () => KeepInventoryAsync(store));
            if (store.HttpCheckPort > 0) Drivers.Start(services, $"the HTTP checks of mysql/{store.Name}", () => KeepCheckingAsync(store));
        }

        if (!settings.MemcacheServers.IsEmpty) Drivers.Start(services, "publishing to memcached", new MemcachePublisher(services, _turn, part).RunAsync);
    }

    /// <summary>Begins to collect from servers that are new.</summary>
    public void Tick()
    {
        if (services.Now < _nextLook) return;
        _nextLook = services.Now + LookInterval;
        foreach (var (host, store) in hosts.Outside)
            if (_collecting.Add(host)) Drivers.Start(services, $"collecting from {host}", () => CollectAsync(host, store));
    }

    private async Task CollectAsync(InstanceKey host, ThrottledCluster store)
    {
        var timing = services.Config.Timing;
        var link = new ServerLink(services, new MySqlDoor(services, store.Login), _turn, host);
        while (!services.Stopping.IsCancellationRequested && hosts.Outside.ContainsKey(host) && part.Wish(host) is { } wish)
        {
            var pause = wish.Every > TimeSpan.Zero ? wish.Every : timing.ProbeInterval;
            foreach (var metric in wish.Metrics)
            {
                var sample = await LagReading.TakeAsync(link, metric, services.Now, timing.ProbeTimeout);
                part.Took(host, metric, sample);
                if (sample.CameBack) continue;
                pause = timing.ProbeInterval;
                break;
            }

            await _turn.Pause(pause);
        }

        await link.HangUpAsync();
        _collecting.Remove(host);
    }

    private async Task KeepInventoryAsync(ThrottledCluster store)
    {
        var pool = new ProxySqlPool((store.Hosts as HostSource.ProxySql)?.IgnoreFor ?? TimeSpan.Zero);
        while (!services.Stopping.IsCancellationRequested)
        {
            var (found, problem) = store.Hosts switch
            {
                HostSource.HaProxy haproxy => await ReadHaProxyAsync(haproxy, store),
                HostSource.ProxySql proxysql => await ReadProxySqlAsync(proxysql, pool),
                _ => (null, "no source"),
            };
            hosts.Heard(store.Name, found, problem);
            part.HostsChanged(store.Name);
            await _turn.Pause(found is null ? LookInterval : part.Settings.InventoryInterval);
        }
    }

    /// <summary>The servers that are meant to serve behind any of the HAProxies; null when one of them cannot be asked (what is not seen must
    /// not be taken for not there).</summary>
    private async ValueTask<(ImmutableArray<InstanceKey>? Hosts, string Problem)> ReadHaProxyAsync(HostSource.HaProxy source, ThrottledCluster store)
    {
        var before = hosts.Of(store).Hosts ?? [];
        var found = new SortedSet<InstanceKey>();
        foreach (var address in source.Addresses)
        {
            var (status, body, problem) = await GetAsync(address, HaProxyPage.Path);
            if (problem is null && status != 200) problem = $"{address} answers {status}";
            if (problem is not null) return (null, problem);
            try
            {
                foreach (var name in HaProxyPage.Hosts(body, source.Pool, name => before.Contains(new(name, store.Port)))) found.Add(new(name, store.Port));
            }
            catch (FormatException e)
            {
                return (null, $"{address}: {e.Message}");
            }
        }

        return found.Count > 0 ? ([.. found], "") : (null, $"HAProxy has no server in {source.Pool} that is not in maintenance");
    }

    private async ValueTask<(ImmutableArray<InstanceKey>? Hosts, string Problem)> ReadProxySqlAsync(HostSource.ProxySql source, ProxySqlPool pool)
    {
        var problems = new List<string>();
        foreach (var address in source.Addresses)
        {
            var link = new ServerLink(services, new MySqlDoor(services, source.Login), _turn, new(address.Host, address.Port));
            try
            {
                var table = await link.AskAsync(new Statement.ListProxySqlServers(source.HostGroup), services.Config.Timing.StatementTimeout);
                if (pool.Read(table, services.Now) is { } found) return (found, "");
                problems.Add($"{address}: host group {source.HostGroup} has no servers");
            }
            catch (Exception e) when (e is MySqlException or IOException)
            {
                problems.Add($"{address}: {e.Message}");
            }
            finally
            {
                await link.HangUpAsync();
            }
        }

        return (null, string.Join("; ", problems));
    }

    private async Task KeepCheckingAsync(ThrottledCluster store)
    {
        while (!services.Stopping.IsCancellationRequested)
        {
            foreach (var host in hosts.Of(store).Hosts ?? [])
            {
                var (status, _, problem) = await GetAsync(new(host.Host, store.HttpCheckPort), store.HttpCheckPath.StartsWith('/') ? store.HttpCheckPath : "/" + store.HttpCheckPath);
                if (hosts.Checked(store, host, problem is null ? status : null)) part.HostsChanged(store.Name);
            }

            await _turn.Pause(part.Settings.HttpCheckInterval);
        }
    }

    private async ValueTask<(int Status, string Body, string? Problem)> GetAsync(Endpoint to, string path)
    {
        var address = services.Config.Addresses.From(services.Config.DataCenter, to);
        using var limit = new CancellationTokenSource(services.Config.Timing.StatementTimeout, services.Seam.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, services.Stopping);
        try
        {
            var (status, body) = await _turn.Await(PlainHttp.GetAsync(services.Seam.Network, address, path, either.Token));
            return (status, body, null);
        }
        catch (IOException e)
        {
            return (0, "", $"{to}: {e.Message}");
        }
        catch (OperationCanceledException) when (!services.Stopping.IsCancellationRequested)
        {
            return (0, "", $"{to}: no answer within {services.Config.Timing.StatementTimeout.TotalMilliseconds:0} ms");
        }
    }
}
