using System.Collections.Immutable;
using System.Globalization;
using Verify.Scenarios;

namespace Verify.Chaos.Traces;

/// <summary>What can be taken away from a scenario besides its steps: clients, time, keys, kinds of operations, nodes, servers, expectations.
/// A smaller one may be none at all (a target that is not there any more); the reader of scenarios says so.</summary>
internal static class ScenarioParts
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <summary>Each gives a smaller scenario, or null when there is nothing left to take.</summary>
    public static IEnumerable<Func<Scenario, Scenario?>> Smaller(Scenario now, Scenario whole)
    {
        yield return s => s.Workload.Clients > 1 ? Work(s, s.Workload with { Clients = 1 }) : null;
        yield return s => s.Workload.Clients > 1 ? Work(s, s.Workload with { Clients = s.Workload.Clients / 2 }) : null;
        yield return s => s.Workload.Keys > 1 ? Work(s, s.Workload with { Keys = 1 }) : null;
        foreach (var kind in now.Workload.Mix.Keys)
            yield return s => s.Workload.Mix.Count > 1 && s.Workload.Mix.ContainsKey(kind) ? Work(s, s.Workload with { Mix = s.Workload.Mix.Remove(kind) }) : null;
        for (var i = 0; i < whole.Expect.Length; i++)
        {
            var gone = whole.Expect[i];
            yield return s => s.Expect.Length > 1 && s.Expect.Contains(gone) ? s with { Expect = s.Expect.Remove(gone) } : null;
        }

        foreach (var (place, names) in now.Fleet.Nodes)
            foreach (var name in names) yield return s => Without(s, name);
        foreach (var (place, names) in now.Fleet.Servers)
            foreach (var name in names) yield return s => Without(s, name);
        yield return s => s.Workload.For > 2 * Second ? Work(s, s.Workload with { For = Whole(s.Workload.For / 2) }) : null;
        yield return s => LastMoment(s) is var last && last + Second < s.Workload.For ? Work(s, s.Workload with { For = last + Second }) : null;
        yield return s => s.Settle > 2 * Second ? s with { Settle = Whole(s.Settle / 2) } : null;
        yield return s => s.WarmUp > 2 * Second ? s with { WarmUp = Whole(s.WarmUp / 2) } : null;
        for (var i = 0; i < now.Steps.Length; i++)
        {
            var step = i;
            yield return s => step < s.Steps.Length ? Shorter(s, step) : null;
        }
    }

    public static string Describe(Scenario s) => string.Create(CultureInfo.InvariantCulture,
        $"{s.Steps.Length} steps, {s.Workload.Clients} clients for {s.Workload.For.TotalSeconds:0} s, {s.Fleet.Nodes.Sum(n => n.Value.Length)} nodes, {s.Fleet.Servers.Sum(n => n.Value.Length)} servers");

    private static Scenario Work(Scenario s, WorkloadSpec work) => s with { Workload = work };

    private static TimeSpan Whole(TimeSpan span) => TimeSpan.FromMilliseconds(Math.Ceiling(span.TotalMilliseconds));

    private static TimeSpan LastMoment(Scenario s) => s.Steps.IsEmpty ? Second : s.Steps.Max(step => step.Until ?? step.At);

    /// <summary>What a step does lasts half as long.</summary>
    private static Scenario? Shorter(Scenario s, int index)
    {
        var step = s.Steps[index];
        if (step.Until is not { } until || until - step.At < 2 * Second) return null;
        return s with { Steps = s.Steps.SetItem(index, step with { Until = step.At + Whole((until - step.At) / 2) }) };
    }

    private static Scenario? Without(Scenario s, string name)
    {
        var fleet = s.Fleet with { Nodes = Without(s.Fleet.Nodes, name), Servers = Without(s.Fleet.Servers, name) };
        if (fleet.Nodes.IsEmpty || fleet.Primary == name && !fleet.Servers.IsEmpty) return null;
        if (fleet.Servers.IsEmpty) fleet = fleet with { Primary = null };
        return s with { Fleet = fleet };
    }

    private static ImmutableSortedDictionary<string, ImmutableArray<string>> Without(ImmutableSortedDictionary<string, ImmutableArray<string>> places, string name)
    {
        var left = places;
        foreach (var (place, names) in places)
        {
            if (!names.Contains(name)) continue;
            left = names.Length == 1 ? left.Remove(place) : left.SetItem(place, names.Remove(name));
        }

        return left;
    }
}
