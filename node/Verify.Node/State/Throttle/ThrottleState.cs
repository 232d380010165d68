using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Time;

namespace Verify.Node.State.Throttle;

/// <summary>An application whose checks are refused.</summary>
/// <param name="Store">Empty: for every store.</param>
/// <param name="ExpiresAtMs">By the group's time; null: never.</param>
/// <param name="RatioPerMillion">How many of a million checks are refused.</param>
public sealed record ThrottledApp(string App, string Store, long? ExpiresAtMs, int RatioPerMillion)
{
    /// <summary>As freno names it: "app", or "app/store".</summary>
    public string Key => Store.Length == 0 ? App : $"{App}/{Store}";
    public double Ratio => RatioPerMillion / 1e6;
}

/// <summary>A host whose lag counts for nothing.</summary>
/// <param name="Host">A name, or name:port.</param>
public sealed record SkippedHost(string Host, long ExpiresAtMs);

/// <summary>Applications that are throttled and hosts that are skipped, the same on every node; both end by the group's time. All of
/// it is in the section's records, so that it is there after a restart and on a node that starts from a snapshot
/// (freno's snapshot holds none of it).</summary>
public sealed class ThrottleState : IStateSection, IExpires
{
    public const int AppsMax = 10_000;
    public const int HostsMax = 10_000;
    private const byte AppRecord = 1, HostRecord = 2;
    private readonly SortedDictionary<string, ThrottledApp> _apps = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, SkippedHost> _hosts = new(StringComparer.Ordinal);
    private long? _next;

    /// <summary>Changes with every change of the content; starts anew with each process.</summary>
    public long Version { get; private set; }
    public IReadOnlyCollection<ThrottledApp> Apps => _apps.Values;
    public IReadOnlyCollection<SkippedHost> Hosts => _hosts.Values;

    long? IExpires.NextDeadlineMs => _next;
    SectionKind IStateSection.Kind => SectionKind.Throttle;
    byte IStateSection.Version => 1;

    /// <summary>One that is kept elsewhere than in the log.</summary>
    internal static ThrottleState Of(IEnumerable<ThrottledApp> apps, IEnumerable<SkippedHost> hosts)
    {
        var state = new ThrottleState();
        foreach (var app in apps) state._apps[app.Key] = app;
        foreach (var host in hosts) state._hosts[host.Host] = host;
        state.Changed();
        return state;
    }

    internal CommandResult Apply(ThrottleCommand command, long nowMs, long index)
    {
        var result = command switch
        {
            ThrottleCommand.ThrottleApp c => Throttle(c, nowMs, index),
            ThrottleCommand.UnthrottleApp c => Unthrottle(c, index),
            ThrottleCommand.SkipHost c => Skip(c, nowMs, index),
            ThrottleCommand.RecoverHost c => Recover(c, index),
            _ => throw new UnreachableException(),
        };
        Changed();
        return result;
    }

    void IExpires.Expire(long nowMs, long index)
    {
        foreach (var app in _apps.Values.Where(a => a.ExpiresAtMs <= nowMs).ToArray()) _apps.Remove(app.Key);
        foreach (var host in _hosts.Values.Where(h => h.ExpiresAtMs <= nowMs).ToArray()) _hosts.Remove(host.Host);
        Changed();
    }

    FrozenSection IStateSection.Freeze()
    {
        object[] records = [.. _apps.Values, .. _hosts.Values];
        return FrozenSection.Of(this, records.Length, records, Write);
    }

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        var kind = from.Byte();
        switch (kind)
        {
            case AppRecord:
                var app = new ThrottledApp(
                    from.Text(), from.Text(), from.NumberOrNull(),
                    ThrottleCommandCodec.ReadRatio(ref from) ?? throw from.Malformed("a throttled application without a ratio"));
                if (!_apps.TryAdd(app.Key, app)) throw from.Malformed($"throttled application {app.Key} is there twice");
                break;
            case HostRecord:
                var host = new SkippedHost(from.Text(), from.Number());
                if (!_hosts.TryAdd(host.Host, host)) throw from.Malformed($"skipped host {host.Host} is there twice");
                break;
            default:
                throw from.Malformed($"a record of kind {kind} about throttling");
        }

        Changed();
    }

    private static void Write(WireWriter to, object record)
    {
        switch (record)
        {
            case ThrottledApp app:
                to.Byte(AppRecord);
                to.Text(app.App);
                to.Text(app.Store);
                to.NumberOrNull(app.ExpiresAtMs);
                to.NumberOrNull(app.RatioPerMillion);
                break;
            case SkippedHost host:
                to.Byte(HostRecord);
                to.Text(host.Host);
                to.Number(host.ExpiresAtMs);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private CommandResult Throttle(ThrottleCommand.ThrottleApp c, long nowMs, long index)
    {
        var app = new ThrottledApp(c.App, c.Store, nowMs + c.TtlMs, c.RatioPerMillion ?? ThrottleCommandCodec.RatioWhole);
        if (_apps.TryGetValue(app.Key, out var known))
        {
            app = app with { ExpiresAtMs = app.ExpiresAtMs ?? known.ExpiresAtMs, RatioPerMillion = c.RatioPerMillion ?? known.RatioPerMillion };
        }
        else if (_apps.Count >= AppsMax)
        {
            return new CommandResult.Rejected($"{AppsMax} applications are throttled already");
        }

        _apps[app.Key] = app;
        return new CommandResult.Done(index);
    }

    private CommandResult.Done Unthrottle(ThrottleCommand.UnthrottleApp c, long index)
    {
        var mine = _apps.Values.Where(a => string.Equals(a.App, c.App, StringComparison.Ordinal) && (c.Store.Length == 0 || string.Equals(a.Store, c.Store, StringComparison.Ordinal)));
        foreach (var app in mine.ToArray()) _apps.Remove(app.Key);
        return new(index);
    }

    private CommandResult Skip(ThrottleCommand.SkipHost c, long nowMs, long index)
    {
        if (_hosts.Count >= HostsMax && !_hosts.ContainsKey(c.Host)) return new CommandResult.Rejected($"{HostsMax} hosts are skipped already");
        _hosts[c.Host] = new(c.Host, nowMs + c.TtlMs);
        return new CommandResult.Done(index);
    }

    private CommandResult.Done Recover(ThrottleCommand.RecoverHost c, long index)
    {
        _hosts.Remove(c.Host);
        return new(index);
    }

    private void Changed()
    {
        Version++;
        _next = _apps.Values.Select(a => a.ExpiresAtMs).Concat(_hosts.Values.Select(h => (long?)h.ExpiresAtMs)).Min();
    }
}
