using System.Collections.Concurrent;
using System.Net;

namespace Verify.NodeHost.Throttle;

/// <summary>Who has checked on this node within the last day, as freno's /recent-apps tells. Not replicated. Many threads.</summary>
internal sealed class RecentApps(TimeProvider time)
{
    public const int EntriesMax = 10_000;
    private static readonly TimeSpan KeptFor = TimeSpan.FromHours(24);
    private readonly ConcurrentDictionary<(string App, IPAddress? Address, string Forwarded), Seen> _seen = new();

    /// <param name="forwarded">X-Forwarded-For, which counts in the place of the address; empty: there is none.</param>
    public void Note(string app, IPAddress? address, string forwarded)
    {
        var key = forwarded.Length > 0 ? (app, null, forwarded) : (app, address, "");
        if (_seen.TryGetValue(key, out var seen)) seen.At = time.GetTimestamp();
        else if (_seen.Count < EntriesMax || MakeRoom()) _seen[key] = new() { At = time.GetTimestamp() };
    }

    /// <summary>"app/address" with the time since its last check, sorted by name.</summary>
    public IReadOnlyList<(string Name, TimeSpan Ago)> Since(TimeSpan longest) =>
        [.. _seen.Select(e => (Name: $"{e.Key.App}/{(e.Key.Forwarded.Length > 0 ? e.Key.Forwarded : Text(e.Key.Address))}", Ago: time.GetElapsedTime(e.Value.At)))
            .Where(e => e.Ago <= KeptFor && e.Ago <= longest).OrderBy(e => e.Name, StringComparer.Ordinal)];

    private static string Text(IPAddress? address) => (address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address)?.ToString() ?? "";

    private bool MakeRoom()
    {
        foreach (var old in _seen.Where(e => time.GetElapsedTime(e.Value.At) > KeptFor)) _seen.TryRemove(old.Key, out _);
        return _seen.Count < EntriesMax;
    }

    private sealed class Seen
    {
        private long _at;

        public long At
        {
            get => Interlocked.Read(ref _at);
            set => Interlocked.Exchange(ref _at, value);
        }
    }
}
