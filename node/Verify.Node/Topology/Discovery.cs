using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Recovery;
using Verify.Node.State;
using Verify.Node.State.Fleet;

namespace Verify.Node.Topology;

/// <summary>On the leader: from what the known servers say of their sources and replicas to the servers that nobody knows yet. A name
/// that turns up is looked at by itself first (<see cref="Inspection"/>); it is taken in when it answers, in the cluster to which its sources
/// lead. What is decided goes into the log (<see cref="FleetCommand.Learn"/>), so that the next leader goes on from there.</summary>
internal sealed class Discovery(INodeServices services, TopologyModel model, Leadership leadership, LoopTurn turn, IServerDoor door)
{
    private const int InspectionsAtOnceMax = 20;
    private const int CandidatesMax = 5_000;

    /// <summary>A new leader may have been cut off for long: what the others reach it hears within this time.</summary>
    private static readonly TimeSpan FirstForgetting = TimeSpan.FromMinutes(1);

    /// <summary>A source that was tried so often without an answer is left out: what replicates from it is the top of a cluster itself.</summary>
    private const int TriesBeforeTop = 3;
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan NoteEvery = TimeSpan.FromSeconds(1);

    private readonly SortedDictionary<InstanceKey, Candidate> _candidates = [];
    private readonly SortedDictionary<InstanceKey, TimeSpan> _lastReached = [];
    private TimeSpan? _ledSince;
    private TimeSpan _nextNote;
    private int _underWay;
    private bool _isWriting;
    private bool _isHeldBack;

    /// <summary>A name that turned up.</summary>
    private sealed class Candidate(string why)
    {
        public string Why { get; } = why;
        public Inspection? Seen { get; set; }
        public int Tries { get; set; }
        public bool IsUnderWay { get; set; }
        public TimeSpan NotBefore { get; set; }
        public TimeSpan Pause { get; set; } = FirstPause;
    }

    private DiscoverySettings Settings => services.Config.Discovery;

    public void Look()
    {
        var fleet = services.Fleet;
        NoteReached(fleet);
        if (!leadership.IsHeld)
        {
            _ledSince = null;
            _candidates.Clear();
            return;
        }

        _ledSince ??= services.Now;
        if (Settings is { IsOff: true, PromotionRuleQuery: "", InstanceAliasQuery: "" } && fleet.Seeds.IsEmpty && fleet.Servers.IsEmpty) return;
        Gather(fleet);
        Inspect();
        if (_isWriting) return;
        if (Renamed(fleet) is { } resolve) Write(resolve);
        else if (FleetJudgement.Of(fleet, services.Config, Inspections(), services.Clusters, model.View, Gone()) is { } learn) Write(learn);
        else if (LongUnseen(fleet) is { } forget) Write(forget);
    }

    /// <summary>Names that nobody knows yet.</summary>
    private void Gather(FleetState fleet)
    {
        var known = services.Clusters.SelectMany(static c => c.Instances).Select(static i => i.Key).ToHashSet();
        foreach (var gone in _candidates.Keys.Where(known.Contains).ToArray()) _candidates.Remove(gone);
        foreach (var seed in Settings.Seeds.Concat(fleet.Seeds)) Turned(seed, "is a seed");
        var follows = Settings.FromConfigured ? services.Clusters : [.. services.Clusters.Where(c => fleet.Clusters.ContainsKey(c.Alias) || c.IsDeep)];
        foreach (var instance in follows.SelectMany(static c => c.Instances))
        {
            var view = model.View(instance.Key);
            foreach (var (name, why) in NamesIn(instance.Key, view.Source, view.Look)) Turned(name, why);
        }

        foreach (var (key, candidate) in _candidates.ToArray())
        {
            if (candidate.Seen is not { } seen) continue;
            foreach (var (name, why) in NamesIn(key, seen.Source, seen.Look)) Turned(name, why);
        }

        void Turned(InstanceKey named, string why)
        {
            var key = fleet.NameOf(named);
            if (known.Contains(key) || fleet.Forgotten.ContainsKey(key) || _candidates.ContainsKey(key)) return;
            if (_candidates.Count >= CandidatesMax || Settings.IgnoreHosts.Any(i => i.IsMatch(key.ToString()))) return;
            _candidates[key] = new(why);
        }
    }

    private IEnumerable<(InstanceKey Name, string Why)> NamesIn(InstanceKey at, InstanceKey? source, DetailedLook? look)
    {
        if (source is { } above && !IsDetached(above) && !Settings.IgnoreSources.Any(i => i.IsMatch(above.ToString()))) yield return (above, $"is the source of {at}");
        if (look is null) yield break;
        foreach (var replica in Below(at, look.Details))
        {
            if (!Settings.IgnoreReplicas.Any(i => i.IsMatch(replica.ToString()))) yield return (replica, $"replicates from {at}");
        }
    }

    /// <summary>As the replicas named themselves; those that did not, by the host from which they fetch and the source's own port, as
    /// orchestrator guesses it. A guess is not taken in unless it replicates from there.</summary>
    private IEnumerable<InstanceKey> Below(InstanceKey at, ServerDetails details)
    {
        var dataCenter = model.View(at).DataCenter;
        foreach (var replica in details.Replicas)
        {
            var name = services.Config.Addresses.NameOf(dataCenter, new(replica.Host, replica.Port));
            yield return new(name.Host, name.Port);
        }

        if (details.DumpHosts.Length <= details.Replicas.Length || Settings.ByShowReplicas) yield break;
        foreach (var host in details.DumpHosts.Distinct(StringComparer.Ordinal))
        {
            if (host is "localhost" or "127.0.0.1" || details.Replicas.Any(r => string.Equals(r.Host, host, StringComparison.Ordinal))) continue;
            yield return new(host, at.Port);
        }
    }

    /// <summary>orchestrator detaches a replica by making its source's name one that cannot be reached ("//host").</summary>
    private static bool IsDetached(InstanceKey source) => source.Host.StartsWith("//", StringComparison.Ordinal) || source.Host.Length == 0;

    private void Inspect()
    {
        foreach (var (key, candidate) in _candidates.ToArray())
        {
            if (_underWay >= InspectionsAtOnceMax) return;
            if (candidate.IsUnderWay || services.Now < candidate.NotBefore) continue;
            candidate.IsUnderWay = true;
            _underWay++;
            Drivers.Start(services, $"inspecting {key}", async () => Inspected(candidate, await Inspection.OfAsync(services, door, turn, key), key));
        }
    }

    private void Inspected(Candidate candidate, Inspection seen, InstanceKey key)
    {
        _underWay--;
        candidate.IsUnderWay = false;
        candidate.Tries++;
        candidate.NotBefore = services.Now + candidate.Pause;
        candidate.Pause = candidate.Pause * 2 > LongestPause ? LongestPause : candidate.Pause * 2;
        if (seen.IsAnswered) candidate.Seen = seen;
        else if (candidate.Tries == 1) TopologyLog.NotFound(services.Log, key, candidate.Why, seen.Problem);
        Look();
    }

    private IEnumerable<Inspection> Inspections() => _candidates.Values.Where(c => c.Seen is not null && !IsFalseGuess(c)).Select(static c => c.Seen!);

    /// <summary>It was named as somebody's replica, and is none.</summary>
    private static bool IsFalseGuess(Candidate candidate) =>
        candidate.Why.StartsWith("replicates", StringComparison.Ordinal) && candidate.Seen is { Source: null };

    /// <summary>Sources that were looked for and do not answer.</summary>
    private HashSet<InstanceKey> Gone() => [.. _candidates.Where(static c => c.Value is { Seen: null, Tries: >= TriesBeforeTop }).Select(static c => c.Key)];

    /// <summary>A name that leads to a server which is known under another one: by the name that it gives itself, or by its uuid.</summary>
    private FleetCommand.Resolve? Renamed(FleetState fleet)
    {
        foreach (var (key, candidate) in _candidates)
        {
            if (candidate.Seen is not { } seen) continue;
            if (KnownAs(key, seen) is { } other && other != key && !fleet.Names.ContainsKey(key)) return new(key, other);
        }

        return null;
    }

    private InstanceKey? KnownAs(InstanceKey key, Inspection seen)
    {
        if (seen.Facts is { Flavor: Flavor.MySql, ServerUuid.Length: > 0 } facts)
        {
            foreach (var instance in services.Clusters.SelectMany(static c => c.Instances))
            {
                if (string.Equals(model.View(instance.Key).Facts?.ServerUuid, facts.ServerUuid, StringComparison.Ordinal)) return instance.Key;
            }

            var first = _candidates.FirstOrDefault(c => string.Equals(c.Value.Seen?.Facts?.ServerUuid, facts.ServerUuid, StringComparison.Ordinal));
            if (first.Value is not null && first.Key != key) return first.Key;
        }

        var own = Settings.HostnameResolveMethod switch
        {
            "@@hostname" => seen.Look?.Details.Hostname,
            "@@report_host" => seen.Look?.Details.ReportHost,
            _ => null,
        };
        return own is { Length: > 0 } && Settings.RejectHostname?.IsMatch(own) != true ? new InstanceKey(own, key.Port) : null;
    }

    /// <summary>On every node, leader or not: when somebody last reached each server that was found. A node that takes the leadership over goes on
    /// counting where it stands; one that was just started begins anew.</summary>
    private void NoteReached(FleetState fleet)
    {
        var now = services.Now;
        if (Settings.ForgetUnseenAfter <= TimeSpan.Zero || now < _nextNote) return;
        _nextNote = now + NoteEvery;
        foreach (var key in fleet.Servers.Keys)
        {
            var at = _lastReached.TryGetValue(key, out var known) ? known : now;
            if (model.View(key).AliveAt is { } alive && alive > at) at = alive;
            _lastReached[key] = model.IsReachedByAnother(key, now) ? now : at;
        }

        if (_lastReached.Count == fleet.Servers.Count) return;
        foreach (var gone in _lastReached.Keys.Where(k => !fleet.Servers.ContainsKey(k)).ToArray()) _lastReached.Remove(gone);
    }

    /// <summary>A server that was found and that nobody has reached for long.</summary>
    private FleetCommand.Forget? LongUnseen(FleetState fleet)
    {
        if (Settings.ForgetUnseenAfter <= TimeSpan.Zero || services.Now - _ledSince!.Value < FirstForgetting) return null;
        foreach (var key in fleet.Servers.Keys)
        {
            var unseen = _lastReached.TryGetValue(key, out var at) ? services.Now - at : TimeSpan.Zero;
            if (unseen < Settings.ForgetUnseenAfter || services.Config.Clusters.Any(c => c.Instances.Any(i => i.Key == key))) continue;
            if (services.Ha.Clusters.Any(c => c.Primary == key)) continue;
            TopologyLog.Forgotten(services.Log, key, unseen);
            return new FleetCommand.Forget(key, 0, default);
        }

        return null;
    }

    private void Write(FleetCommand command)
    {
        if (services.ObjectionTo(new Command.Fleet(command)) is { } objection)
        {
            if (!_isHeldBack) TopologyLog.HeldBack(services.Log, objection);
            _isHeldBack = true;
            return;
        }

        _isHeldBack = false;
        if (command is FleetCommand.Resolve(var name, { } known)) TopologyLog.OtherName(services.Log, name, known);
        _isWriting = true;
        if (command is FleetCommand.Learn learn)
        {
            foreach (var server in learn.Servers.Where(s => !services.Fleet.Servers.ContainsKey(s.Key)))
                TopologyLog.Found(services.Log, server.Key, server.Cluster, server.DataCenter.Length > 0 ? server.DataCenter : "data centre not known");
        }

        services.Submit(new Command.Fleet(command), result =>
        {
            _isWriting = false;
            if (result is not CommandResult.Done) TopologyLog.NotWritten(services.Log, result);
        });
    }
}
