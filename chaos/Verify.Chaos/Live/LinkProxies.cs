using Verify.Fleet;

namespace Verify.Chaos.Live;

/// <summary>The proxies of a live fleet, spoken to over Toxiproxy's HTTP API: the built-in server, or one that is given.</summary>
internal sealed class LinkProxies : IAsyncDisposable
{
    public string Kind => "";
    public static Task<LinkProxies> StartAsync(LivePlan plan, FleetRun run, Uri? toxiproxy, CancellationToken cancel) => throw new NotSupportedException($"{plan} {run} {toxiproxy} {cancel}");
    public ValueTask CutAsync(string from, string to) => throw new NotSupportedException(from + to + Kind);
    public ValueTask<long> MendAsync(string from, string to) => throw new NotSupportedException(from + to + Kind);
    public ValueTask DelayAsync(string from, string to, TimeSpan delay, TimeSpan jitter) => throw new NotSupportedException($"{from} {to} {delay} {jitter} {Kind}");
    public ValueTask DisposeAsync() => throw new NotSupportedException(Kind);
}
