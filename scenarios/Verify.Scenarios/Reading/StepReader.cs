using System.Collections.Immutable;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Verify.Scenarios.Reading;

/// <summary>Reads "steps": what is done to the fleet, and when.</summary>
internal sealed partial class StepReader(FleetSpec? fleet, WorkloadSpec? workload, ErrorList errors)
{
    public static readonly string[] Faults =
    [
        "partition", "oneWay", "kill", "pause", "diskFull", "clockSkew", "slow", "ring", "bridge", "swizzle", "lossy", "garble", "repeat", "reconnect", "slowDisk",
        "failWrites", "failSyncs", "bitRot", "tornSector", "misdirect", "lostDisk", "clockStep", "clockStrobe", "restartStorm", "rollingRestart",
        "cutLink", "stopSqlThread", "stallDisk", "lag", "errant", "takeover", "dieAt",
    ];

    public ImmutableArray<Step> Read(YamlNode? node) =>
        node is null || MapReader.ListOf(node, "steps", errors) is not { } list ? [] : [.. list.Select(One).OfType<Step>()];

    private Step? One(YamlNode node)
    {
        if (MapReader.Of(node, "a step", errors, ["at", "until", .. Faults]) is not { } map)
        {
            return null;
        }

        var (at, until) = (map.Duration("at"), map.Duration("until", isRequired: false));
        CheckTimes(map, at, until);
        var written = Faults.Where(f => map.Find(f) is not null).ToArray();
        if (written.Length != 1)
        {
            errors.Add(map.Start, written.Length == 0
                ? $"a step does exactly one thing; it needs one of {string.Join(", ", Faults)}"
                : $"a step does exactly one thing; here are {string.Join(" and ", written)}: make them steps of their own");
            foreach (var word in written)
            {
                Fault(word, map.Find(word)!);
            }

            return null;
        }

        if (until is not null && written[0] is "errant" or "takeover" && map.Find("until") is { } end)
        {
            errors.Add(end.Start, $"'{written[0]}' is not undone: leave 'until' out");
        }

        return Fault(written[0], map.Find(written[0])!) is { } fault && at is { } start ? new Step(start, until, fault, (int)node.Start.Line) : null;
    }

    private void CheckTimes(MapReader map, TimeSpan? at, TimeSpan? until)
    {
        if (at is { } start && until is { } end && end <= start)
        {
            errors.Add(map.Find("until")!.Start, $"'until' ({DurationText.Of(end)}) must be later than 'at' ({DurationText.Of(start)}); "
                + "both count from the end of the warm-up");
        }

        if (workload is not { } work)
        {
            return;
        }

        if (at >= work.For)
        {
            errors.Add(map.Find("at")!.Start, $"'at' must be earlier than the end of the workload ({DurationText.Of(work.For)}): "
                + "afterwards everything is healed");
        }
        else if (until > work.For)
        {
            errors.Add(map.Find("until")!.Start, $"'until' must not be later than the end of the workload ({DurationText.Of(work.For)}): "
                + "everything is healed then; leave 'until' out for a fault that lasts so long");
        }
    }

    private Fault? Fault(string word, YamlNode node) => word switch
    {
        "partition" => Partition(node),
        "oneWay" => MapReader.Of(node, word, errors, "from", "to") is { } map
            && (Of(map, "from"), Of(map, "to")) is ({ } from, { } to) && Differ(map, from, to) ? new Fault.OneWay(from, to) : null,
        "kill" => Whom(node, word) is { } target ? new Fault.Kill(target) : null,
        "pause" => Whom(node, word) is { } target ? new Fault.Pause(target) : null,
        "diskFull" => Whom(node, word, nodesOnly: true) is { } target ? new Fault.DiskFull(target) : null,
        "clockSkew" => ClockSkew(node),
        "slow" => Slow(node),
        _ => Further(word, node),
    };

    private Fault.Partition? Partition(YamlNode node)
    {
        if (MapReader.ListOf(node, "partition", errors) is not { } list)
        {
            return null;
        }

        var seen = new SortedSet<string>(StringComparer.Ordinal);
        var groups = new List<ImmutableArray<Target>>();
        foreach (var group in list)
        {
            if (MapReader.ListOf(group, "a group of a partition", errors) is not { } names)
            {
                continue;
            }

            var targets = names.Select(n => TargetOf(n, "partition")).OfType<Target>().ToImmutableArray();
            foreach (var name in targets.SelectMany(NamesOf).Distinct(StringComparer.Ordinal).Where(n => !seen.Add(n)))
            {
                errors.Add(group.Start, $"'{name}' stands in two groups of the partition");
            }

            if (names.Count == 0)
            {
                errors.Add(group.Start, "a group of a partition needs at least one target");
            }

            groups.Add(targets);
        }

        if (list.Count == 0)
        {
            errors.Add(node.Start, "a partition needs at least one group, as in [[dc east], [dc west]]; whoever is in no group forms one more");
        }

        return new Fault.Partition([.. groups]);
    }

    private Fault.ClockSkew? ClockSkew(YamlNode node)
    {
        if (MapReader.Of(node, "clockSkew", errors, "target", "offset", "drift") is not { } map)
        {
            return null;
        }

        var offset = map.Duration("offset", isRequired: false, mayBeNegative: true);
        var drift = map.Factor("drift", min: 0.5, max: 2);
        if (map.Find("offset") is null && map.Find("drift") is null)
        {
            errors.Add(map.Start, "clockSkew needs 'offset' (as in 45s or -45s) or 'drift' (as in 1.02) or both");
        }

        return Of(map, "target", nodesOnly: true) is { } target ? new Fault.ClockSkew(target, offset ?? TimeSpan.Zero, drift ?? 1) : null;
    }

    private Fault.Slow? Slow(YamlNode node)
    {
        if (MapReader.Of(node, "slow", errors, "from", "to", "delay", "jitter") is not { } map)
        {
            return null;
        }

        var (from, to) = (Of(map, "from", placesOnly: true), Of(map, "to", placesOnly: true));
        var (delay, jitter) = (map.Duration("delay"), map.Duration("jitter", isRequired: false));
        return from is not null && to is not null && Differ(map, from, to) && delay is { } length
            ? new Fault.Slow(from, to, length, jitter ?? TimeSpan.Zero)
            : null;
    }

    private bool Differ(MapReader map, Target from, Target to)
    {
        if (from != to)
        {
            return true;
        }

        errors.Add(map.Find("to")!.Start, $"'from' and 'to' are both '{TargetText.Of(to)}'");
        return false;
    }

    /// <summary>"kill: leader" and "kill: { target: leader }" are the same.</summary>
    private Target? Whom(YamlNode node, string word, bool nodesOnly = false, bool serversOnly = false) =>
        node is YamlScalarNode ? TargetOf(node, word, nodesOnly, serversOnly: serversOnly)
        : MapReader.Of(node, word, errors, "target") is { } map ? Of(map, "target", nodesOnly, serversOnly: serversOnly) : null;

    private Target? Of(MapReader map, string key, bool nodesOnly = false, bool placesOnly = false, bool serversOnly = false) =>
        map.Require(key) is { } node ? TargetOf(node, key, nodesOnly, placesOnly, serversOnly) : null;

    private Target? TargetOf(YamlNode node, string what, bool nodesOnly = false, bool placesOnly = false, bool serversOnly = false)
    {
        if (MapReader.ScalarOf(node, what, errors) is not { } text || fleet is null)
        {
            return null;
        }

        var target = TargetText.Parse(text, fleet, out var problem);
        if (target is not null && nodesOnly && !TargetText.MayBeNodes(target, fleet))
        {
            problem = $"this fault hits nodes, and '{text}' is a MySQL server; write leader, one follower, all followers, dc <name> or the name of a node";
        }
        else if (target is not null && serversOnly && !TargetText.MayBeServers(target, fleet))
        {
            problem = $"'{what}' is about MySQL servers; write primary, one replica or the name of a server, not '{text}'";
        }
        else if (target is not null && placesOnly && !TargetText.IsDataCenter(target))
        {
            problem = $"'slow' is between data centres; write dc <name>, dc of leader or dc of primary, not '{text}'";
        }

        if (problem.Length > 0)
        {
            errors.Add(node.Start, problem);
            return null;
        }

        return target;
    }

    /// <summary>The names that a target stands for whatever happens in the run; for a role there are none.</summary>
    private IEnumerable<string> NamesOf(Target target) => target switch
    {
        Target.DataCenter dc => fleet!.Nodes.GetValueOrDefault(dc.Name, []).Concat(fleet.Servers.GetValueOrDefault(dc.Name, [])),
        Target.Named named => [named.Name],
        _ => [],
    };
}
