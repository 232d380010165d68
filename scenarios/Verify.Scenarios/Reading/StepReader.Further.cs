using System.Collections.Immutable;
using YamlDotNet.RepresentationModel;

namespace Verify.Scenarios.Reading;

/// <summary>The faults that are more than a cut or a death: links that lie, disks that lie, clocks that jump, processes that restart.</summary>
internal sealed partial class StepReader
{
    private Fault? Further(string word, YamlNode node) => word switch
    {
        "ring" => Places(node, word, min: 4) is { } places ? new Fault.Ring(places) : null,
        "bridge" => Place(node, word) is { } place ? new Fault.Bridge(place) : null,
        "swizzle" => Places(node, word, min: 1) is { } places ? new Fault.Swizzle(places) : null,
        "lossy" => Way(node, word) is var (from, to, share) ? new Fault.Lossy(from, to, share) : null,
        "garble" => Way(node, word) is var (from, to, share) ? new Fault.Garble(from, to, share) : null,
        "repeat" => Way(node, word) is var (from, to, share) ? new Fault.Repeat(from, to, share) : null,
        "reconnect" => Reconnect(node),
        "slowDisk" => SlowDisk(node),
        "failWrites" => Whom(node, word, nodesOnly: true) is { } target ? new Fault.FailWrites(target) : null,
        "failSyncs" => Whom(node, word, nodesOnly: true) is { } target ? new Fault.FailSyncs(target) : null,
        "bitRot" => Whom(node, word, nodesOnly: true) is { } target ? new Fault.BitRot(target) : null,
        "tornSector" => Whom(node, word, nodesOnly: true) is { } target ? new Fault.TornSector(target) : null,
        "misdirect" => Whom(node, word, nodesOnly: true) is { } target ? new Fault.Misdirect(target) : null,
        "lostDisk" => Whom(node, word, nodesOnly: true) is { } target ? new Fault.LostDisk(target) : null,
        "clockStep" => ClockStep(node),
        "clockStrobe" => ClockStrobe(node),
        "restartStorm" => RestartStorm(node),
        "cutLink" => CutLink(node),
        "stopSqlThread" => Whom(node, word, serversOnly: true) is { } target ? new Fault.StopSqlThread(target) : null,
        "stallDisk" => Whom(node, word, serversOnly: true) is { } target ? new Fault.StallDisk(target) : null,
        "lag" => Lag(node),
        "errant" => Whom(node, word, serversOnly: true) is { } target ? new Fault.Errant(target) : null,
        "takeover" => Takeover(node),
        "dieAt" => DieAt(node),
        _ => RollingRestart(node),
    };

    private Fault.CutLink? CutLink(YamlNode node)
    {
        if (MapReader.Of(node, "cutLink", errors, "from", "to") is not { } map) return null;
        if ((Of(map, "from", nodesOnly: true), Of(map, "to", serversOnly: true)) is not ({ } from, { } to)) return null;
        if (!TargetText.IsDataCenter(from)) return new Fault.CutLink(from, to);
        errors.Add(map.Find("from")!.Start, $"'cutLink' is between nodes and servers; for data centres write partition or oneWay, not '{TargetText.Of(from)}'");
        return null;
    }

    private Fault.Lag? Lag(YamlNode node)
    {
        if (MapReader.Of(node, "lag", errors, "target", "by") is not { } map) return null;
        if ((Of(map, "target", serversOnly: true), map.Duration("by")) is not ({ } target, { } by)) return null;
        if (by >= TimeSpan.FromSeconds(1) && by.Ticks % TimeSpan.TicksPerSecond == 0) return new Fault.Lag(target, by);
        errors.Add(map.Find("by")!.Start, "'by' must be whole seconds, at least 1s: servers know no finer SOURCE_DELAY");
        return null;
    }

    private Fault.DieAt? DieAt(YamlNode node)
    {
        if (node is YamlScalarNode { Value: { } text } && LedgerMoment.TryParse(text) is { } moment)
        {
            if (fleet is { Servers.IsEmpty: false }) return new Fault.DieAt(moment);
            errors.Add(node.Start, "'dieAt' is about a recovery, and the fleet has no MySQL servers");
            return null;
        }

        errors.Add(node.Start, $"'dieAt' is a moment of a recovery: opened, closed, or intent or outcome and a step ({string.Join(", ", LedgerMoment.Steps)}), as in 'intent Promote'");
        return null;
    }

    /// <summary>"takeover: db2", or "takeover: { to: db2, forced: true }"; "takeover: {}" leaves the choice to the leader.</summary>
    private Fault.Takeover? Takeover(YamlNode node)
    {
        if (node is YamlScalarNode) return TargetOf(node, "takeover", serversOnly: true) is { } named ? new Fault.Takeover(named, IsForced: false) : null;
        if (MapReader.Of(node, "takeover", errors, "to", "forced") is not { } map) return null;
        var to = map.Find("to") is { } who ? TargetOf(who, "takeover", serversOnly: true) : null;
        var forced = map.Text("forced", isRequired: false);
        if (forced is not (null or "true" or "false")) errors.Add(map.Find("forced")!.Start, $"'forced' is true or false, not '{forced}'");
        return map.Find("to") is not null && to is null ? null : new Fault.Takeover(to, forced == "true");
    }

    private Target? Place(YamlNode node, string word)
    {
        if (TargetOf(node, word) is not { } target) return null;
        if (TargetText.IsDataCenter(target)) return target;
        errors.Add(node.Start, $"'{word}' is about data centres; write dc <name>, dc of leader or dc of primary, not '{TargetText.Of(target)}'");
        return null;
    }

    private ImmutableArray<Target>? Places(YamlNode node, string word, int min)
    {
        if (MapReader.ListOf(node, word, errors) is not { } list) return null;
        if (list.Count < min)
        {
            errors.Add(node.Start, $"'{word}' needs at least {min} data centre{(min == 1 ? "" : "s")}");
            return null;
        }

        var places = list.Select(n => Place(n, word)).OfType<Target>().ToImmutableArray();
        return places.Length == list.Count ? places : null;
    }

    private (Target From, Target To, int PerMille)? Way(YamlNode node, string word)
    {
        if (MapReader.Of(node, word, errors, "from", "to", "perMille") is not { } map) return null;
        var (from, to, share) = (Of(map, "from"), Of(map, "to"), map.Count("perMille", min: 1, max: 1_000));
        return from is not null && to is not null && share is { } perMille && Differ(map, from, to) ? (from, to, perMille) : null;
    }

    private Fault.Reconnect? Reconnect(YamlNode node)
    {
        if (MapReader.Of(node, "reconnect", errors, "from", "to", "every") is not { } map) return null;
        var (from, to, every) = (Of(map, "from"), Of(map, "to"), Interval(map, "every"));
        return from is not null && to is not null && every is { } often && Differ(map, from, to) ? new Fault.Reconnect(from, to, often) : null;
    }

    private Fault.SlowDisk? SlowDisk(YamlNode node) =>
        MapReader.Of(node, "slowDisk", errors, "target", "factor") is { } map
        && (Of(map, "target", nodesOnly: true), map.Count("factor", min: 2, max: 10_000)) is ({ } target, { } factor) ? new Fault.SlowDisk(target, factor) : null;

    private Fault.ClockStep? ClockStep(YamlNode node) =>
        MapReader.Of(node, "clockStep", errors, "target", "by") is { } map
        && (Of(map, "target", nodesOnly: true), map.Duration("by", mayBeNegative: true)) is ({ } target, { } by) ? new Fault.ClockStep(target, by) : null;

    private Fault.ClockStrobe? ClockStrobe(YamlNode node) =>
        MapReader.Of(node, "clockStrobe", errors, "target", "by", "every") is { } map
        && (Of(map, "target", nodesOnly: true), map.Duration("by", mayBeNegative: true), Interval(map, "every")) is ({ } target, { } by, { } every)
            ? new Fault.ClockStrobe(target, by, every) : null;

    private Fault.RestartStorm? RestartStorm(YamlNode node) =>
        MapReader.Of(node, "restartStorm", errors, "target", "every") is { } map
        && (Of(map, "target", nodesOnly: true), Interval(map, "every")) is ({ } target, { } every) ? new Fault.RestartStorm(target, every) : null;

    private Fault.RollingRestart? RollingRestart(YamlNode node)
    {
        if (MapReader.Of(node, "rollingRestart", errors, "down", "every") is not { } map) return null;
        if ((map.Duration("down"), Interval(map, "every")) is not ({ } down, { } every)) return null;
        if (down < every) return new Fault.RollingRestart(down, every);
        errors.Add(map.Find("down")!.Start, "'down' must be shorter than 'every': a node is back before the next one's turn");
        return null;
    }

    /// <summary>How often something is done: not without end at one moment.</summary>
    private TimeSpan? Interval(MapReader map, string key)
    {
        if (map.Duration(key) is not { } interval) return null;
        if (interval >= TimeSpan.FromMilliseconds(10)) return interval;
        errors.Add(map.Find(key)!.Start, $"'{key}' must be at least 10ms");
        return null;
    }
}
