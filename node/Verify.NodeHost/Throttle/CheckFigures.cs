using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Verify.Node.Throttle;

namespace Verify.NodeHost.Throttle;

/// <summary>How many checks were answered here, by application, store and reason. A check adds to a cell of its own kind and takes no lock;
/// the metric reads the cells when it is collected. Names come from clients, so there is a limit: above it they count as "other".</summary>
internal sealed class CheckFigures
{
    public const int CellsMax = 2_000;
    private const string Other = "other";
    private static readonly int Reasons = Enum.GetValues<CheckReason>().Length;
    private readonly ConcurrentDictionary<(string App, string Type, string Store), long[]> _cells = new();

    public CheckFigures(IMeterFactory? meters)
    {
        if (meters is null) return;
        var meter = meters.Create(new MeterOptions("Verify.NodeHost.Throttle"));
        meter.CreateObservableCounter("verify_throttle_checks", Measure, description: "Throttle checks answered on this node, by application, store and reason (ok, lag, app_throttled, …).");
    }

    public void Count(string app, string type, string store, CheckReason reason)
    {
        if (!_cells.TryGetValue((app, type, store), out var cell)) cell = Add(app, type, store);
        Interlocked.Increment(ref cell[(int)reason]);
    }

    /// <summary>Every cell, sorted by name.</summary>
    public IEnumerable<(string App, string Type, string Store, IReadOnlyList<long> ByReason)> All() =>
        _cells.OrderBy(c => c.Key.App, StringComparer.Ordinal).ThenBy(c => c.Key.Type, StringComparer.Ordinal).ThenBy(c => c.Key.Store, StringComparer.Ordinal)
            .Select(c => (c.Key.App, c.Key.Type, c.Key.Store, (IReadOnlyList<long>)[.. c.Value]));

    /// <summary>As metrics name it: lower case with underscores.</summary>
    public static string NameOf(CheckReason reason) =>
        string.Concat(reason.ToString().Select((c, i) => char.IsUpper(c) ? (i > 0 ? "_" : "") + char.ToLowerInvariant(c) : c.ToString()));

    private long[] Add(string app, string type, string store) => _cells.Count < CellsMax
        ? _cells.GetOrAdd((app, type, store), static _ => new long[Reasons])
        : _cells.GetOrAdd((Other, Other, Other), static _ => new long[Reasons]);

    private IEnumerable<Measurement<long>> Measure()
    {
        foreach (var (app, type, store, counts) in All())
        {
            for (var reason = 0; reason < counts.Count; reason++)
            {
                if (counts[reason] == 0) continue;
                yield return new(counts[reason], new("app", app), new("store", $"{type}/{store}"), new("reason", NameOf((CheckReason)reason)));
            }
        }
    }
}
