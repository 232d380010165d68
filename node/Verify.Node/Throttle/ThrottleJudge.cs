using System.Collections.Immutable;
using System.Globalization;
using Verify.Node.Topology;

namespace Verify.Node.Throttle;

/// <summary>What is known of one store's hosts, for <see cref="ThrottleJudge"/>.</summary>
/// <param name="Hosts">Null: nobody has said yet which there are; <paramref name="InventoryProblem"/> says why.</param>
/// <param name="Samples">The newest of each host.</param>
/// <param name="WhyClosed">Why the primary takes no writes; null when it does.</param>
internal sealed record StoreSight(
    ThrottledCluster Settings, IReadOnlyList<InstanceKey>? Hosts, string InventoryProblem, Func<InstanceKey, HostSamples?> Samples, string? WhyClosed)
{
    /// <summary>Hosts that an operator wants left out: names, or name:port.</summary>
    public required IReadOnlySet<string> Skipped { get; init; }

    /// <summary>The host's HTTP server has answered 404.</summary>
    public Func<InstanceKey, bool> IsSwitchedOff { get; init; } = static _ => false;

    /// <summary>The primary, which has no lag; null: unknown.</summary>
    public InstanceKey? Primary { get; init; }
}

/// <summary>The newest value of a host, and what was wrong at the last try, if it was later.</summary>
/// <param name="Good">The last sample that came back from the server.</param>
/// <param name="Miss">A later try without an answer.</param>
internal sealed record HostSamples(MetricSample? Good, MetricSample? Miss)
{
    public HostSamples After(MetricSample sample) => sample.CameBack ? new(sample, null) : this with { Miss = sample };
}

/// <summary>The rules: from samples to a verdict. Pure. The worst host counts (freno, pkg/throttle/mysql.go); a host that is down or does not
/// replicate is a reason to wait, with its name, and no error. Where nothing is known, the verdict is never "go on".</summary>
internal static class ThrottleJudge
{
    public static StoreVerdict Judge(StoreSight sight, LagMark mark, TimeSpan now, TimeSpan ageMax)
    {
        var settings = sight.Settings;
        var nothing = new StoreVerdict(settings.Name, settings.Threshold, now) { Mark = mark };
        var closed = sight.WhyClosed is { } why ? Refusal(429, settings, why, CheckReason.PrimaryClosed) : null;
        if (sight.Hosts is not { } hosts)
        {
            return nothing with { Fixed = closed ?? Refusal(500, settings, $"the hosts of mysql/{settings.Name} are not known yet{(sight.InventoryProblem.Length > 0 ? $": {sight.InventoryProblem}" : "")}", CheckReason.NoHosts) };
        }

        var readings = hosts.Select(host => Read(sight, host, now, ageMax)).ToArray();
        var counted = Counted(settings, readings);
        var figures = readings.Select(r => new HostFigure(r.Host, r.Value, r.Problem, r.Ignored)).ToImmutableArray();
        if (counted.Count == 0)
        {
            var none = hosts.Count == 0 ? "No hosts found" : "No hosts found: all of them are ignored or skipped";
            return nothing with { Hosts = figures, Fixed = closed ?? Refusal(500, settings, none, CheckReason.NoHosts) };
        }

        var holdsUntil = counted.Min(r => r.FreshUntil);
        var worst = counted.MaxBy(r => r.Value ?? double.NegativeInfinity)!;
        var down = counted.FirstOrDefault(r => r.Value is null);
        return new(settings.Name, settings.Threshold, holdsUntil)
        {
            Mark = mark,
            Value = worst.Value ?? 0,
            Worst = worst.Value is { } value ? string.Create(CultureInfo.InvariantCulture, $"{worst.Host} is at {value:0.###}") : "",
            AskedAt = counted.Min(r => r.AskedAt),
            Hosts = figures,
            Fixed = closed ?? (down is null ? null : down.IsUnasked
                ? Refusal(500, settings, $"{down.Host}: {down.Problem}", CheckReason.Stale)
                : Refusal(429, settings, $"{down.Host}: {down.Problem}", CheckReason.ReplicaDown) with { Value = worst.Value ?? 0 }),
        };
    }

    /// <summary>From when on a sample is too old to say "go on".</summary>
    private static TimeSpan FreshUntil(MetricSample sample, TimeSpan now, TimeSpan ageMax)
    {
        var until = sample.AskedAt + ageMax;
#if VERIFY_MUTANTS
        if (Raft.Mutant.Is("M57", deviates: now >= until)) until = TimeSpan.MaxValue;
#endif
        return until;
    }

    private static Reading Read(StoreSight sight, InstanceKey host, TimeSpan now, TimeSpan ageMax)
    {
        var settings = sight.Settings;
        var reading = new Reading(host);
        if (settings.IgnoreHosts.FirstOrDefault(text => host.ToString().Contains(text, StringComparison.Ordinal)) is { } text) return reading with { Ignored = $"IgnoreHosts has '{text}'" };
        if (sight.Skipped.Contains(host.Host) || sight.Skipped.Contains(host.ToString())) return reading with { Ignored = "skipped by an operator" };
        if (sight.IsSwitchedOff(host)) return reading with { Ignored = "its HTTP check says 404" };
        var samples = sight.Samples(host);
        if (samples?.Good is { } good && FreshUntil(good, now, ageMax) is var until && now < until)
        {
            var isLost = good.IsNoReplica && sight.Primary is { } primary && primary != host;
            return reading with
            {
                Value = isLost ? null : good.Value, Problem = isLost ? $"it replicates from nobody, and {sight.Primary} is the primary" : good.Problem,
                FreshUntil = until, AskedAt = good.AskedAt,
            };
        }

        var miss = samples?.Miss;
        if (miss is null) return reading with { IsUnasked = true, Problem = samples is null ? "Metric not collected yet" : $"the last sample is older than {ageMax.TotalMilliseconds:0} ms", AskedAt = now };
        if (miss.IsDialError && settings.IgnoreDialTcpErrors) return reading with { Ignored = $"IgnoreDialTcpErrors ({miss.Problem})" };
        return reading with { Problem = $"it does not answer ({miss.Problem})", AskedAt = now };
    }

    /// <summary>The hosts that are left when <see cref="ThrottledCluster.IgnoreHostsCount"/> of the worst are taken away: those without a value
    /// first, then the highest above the threshold; at least one stays.</summary>
    private static List<Reading> Counted(ThrottledCluster settings, Reading[] readings)
    {
        var left = readings.Where(r => r.Ignored.Length == 0).OrderBy(r => r.Value is null ? 1 : 0).ThenBy(r => r.Value).ThenBy(r => r.Host).ToList();
        for (var tokens = settings.IgnoreHostsCount; tokens > 0 && left.Count > 1; tokens--)
        {
            var last = left[^1];
            if (last.Value <= settings.IgnoreHostsThreshold) break;
            left.RemoveAt(left.Count - 1);
            readings[Array.IndexOf(readings, last)] = last with { Ignored = "one of the worst, by IgnoreHostsCount" };
        }

        return left;
    }

    private static CheckAnswer Refusal(int status, ThrottledCluster settings, string message, CheckReason reason) => new(status, 0, settings.Threshold, message, reason);

    private sealed record Reading(InstanceKey Host)
    {
        public double? Value { get; init; }
        public string Problem { get; init; } = "";
        public string Ignored { get; init; } = "";

        /// <summary>The collector itself has not asked for too long.</summary>
        public bool IsUnasked { get; init; }
        public TimeSpan FreshUntil { get; init; }
        public TimeSpan AskedAt { get; init; }
    }
}
