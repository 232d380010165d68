using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Time;

namespace Verify.Node.State.Catalogue;

/// <summary>The replicated catalogue of services: which instances there are, where, and how they are. Time comes from the group
/// (<see cref="ReplicatedTime"/>), so an instance ends on all nodes with the same entry, and never early.</summary>
public sealed partial class CatalogueState : IStateSection, IExpires
{
    /// <summary>Konsul's word where nothing was said.</summary>
    public const PickStrategy StrategyAtFirst = PickStrategy.RoundRobin;
    private readonly VersionedTree<string, ServiceInstance> _instances = new(static instance => instance.Id, StringComparer.Ordinal);

    /// <summary>For each name that has instances, the entry that last changed what a client can see of them.</summary>
    private readonly VersionedTree<string, ServiceMark> _names = new(static mark => mark.Name, StringComparer.Ordinal);

    /// <summary>Built again from the records, not kept in them.</summary>
    private readonly SortedDictionary<string, SortedSet<string>> _idsByName = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _spellings = new(StringComparer.OrdinalIgnoreCase);
    private readonly SortedDictionary<string, long> _owned = new(StringComparer.Ordinal);
    private readonly SortedSet<(long AtMs, string Id)> _deadlines = new(DeadlineOrder);
    private long _lastIndex;
    private long _lastLostIndex;

    public int Count => _instances.Count;

    public PickStrategy Strategy { get; private set; } = StrategyAtFirst;

    /// <summary>The entry that last changed anything that a client can see.</summary>
    public long Index => _lastIndex;

    private static IComparer<(long AtMs, string Id)> DeadlineOrder { get; } = Comparer<(long AtMs, string Id)>.Create(static (one, other) =>
        one.AtMs.CompareTo(other.AtMs) is not 0 and var order ? order : string.CompareOrdinal(one.Id, other.Id));

    SectionKind IStateSection.Kind => SectionKind.Catalogue;
    byte IStateSection.Version => 1;

    long? IExpires.NextDeadlineMs => _deadlines.Count > 0 ? _deadlines.Min.AtMs : null;

    public ServiceInstance? Get(string id) => _instances.TryGet(id, out var instance) ? instance : null;

    /// <summary>All instances, sorted by id.</summary>
    public IEnumerable<ServiceInstance> All => _instances.All();

    /// <summary>The names that have instances, sorted.</summary>
    public IEnumerable<string> Names => _idsByName.Keys;

    /// <summary>The instances of a service, sorted by id.</summary>
    public IEnumerable<ServiceInstance> Of(string name) => _idsByName.TryGetValue(name, out var ids) ? ids.Select(id => Get(id)!) : [];

    /// <summary>The name that is written so but for capitals, if there is one; of several, the exact one or any.</summary>
    internal string Spelling(string name) => !_idsByName.ContainsKey(name) && _spellings.TryGetValue(name, out var spelling) ? spelling : name;

    /// <summary>The nodes that own registrations, sorted.</summary>
    internal IEnumerable<string> Owners => _owned.Keys;

    /// <summary>How many registrations this node owns.</summary>
    internal long OwnedBy(string node) => _owned.GetValueOrDefault(node);

    /// <summary>The entry that last changed this service. For one without instances: the entry with which a service last lost its last
    /// instance, so that whoever waits for it hears of its end.</summary>
    public long IndexOf(string name) => _names.TryGet(name, out var mark) ? mark.Index : _lastLostIndex;

    internal CommandResult Apply(CatalogueCommand command, long nowMs, long index) => command switch
    {
        CatalogueCommand.Register(var spec, var expected) => Register(spec, expected, nowMs, index),
        CatalogueCommand.Deregister deregister => Deregister(deregister, index),
        CatalogueCommand.Heartbeat(var id, var connections) => Beat(id, connections, nowMs, index),
        CatalogueCommand.Report report => Report(report, nowMs, index),
        CatalogueCommand.SetCheck(var id, var check) => SetCheck(id, check, nowMs, index),
        CatalogueCommand.RemoveCheck(var id, var check) => RemoveCheck(id, check, index),
        CatalogueCommand.OwnerGone(var node, var heir) => OwnerGone(node, heir, nowMs, index),
        CatalogueCommand.SetStrategy(var strategy) => SetStrategy(strategy, index),
        CatalogueCommand.Import(var instances, var replaces) => Import(instances, replaces, nowMs, index),
        _ => throw new UnreachableException(),
    };

    /// <summary>A registration that says what is known already changes nothing but the times that it extends, so nobody is woken by it.</summary>
    private CommandResult Register(ServiceSpec spec, long? expected, long nowMs, long index)
    {
        var old = Get(spec.Id);
        if (expected is { } wanted && wanted != (old?.ModifyIndex ?? 0)) return new CommandResult.CasConflict(old?.ModifyIndex ?? 0);
        var isSame = old is not null && old.Spec.IsSameAs(spec);
        var checks = spec.Checks.Select(check => Defined(check, old, nowMs, index)).ToImmutableArray();
        if (old is not null && old.Name != spec.Name) Remove(old, index);
        var instance = new ServiceInstance(spec, checks, old?.CreateIndex ?? index, isSame ? old!.ModifyIndex : index)
        {
            ExpiresAtMs = spec.TtlMs > 0 ? nowMs + spec.TtlMs : 0, Connections = old?.Connections,
        };
        Set(instance, isSame ? null : index);
        return new CommandResult.Done(instance.ModifyIndex);
    }

    /// <summary>A check that is the same as before keeps its status; its time begins anew.</summary>
    private static ServiceCheck Defined(CheckSpec spec, ServiceInstance? old, long nowMs, long index)
    {
        var due = spec.Kind == CheckKind.Ttl && spec.TtlMs > 0 ? nowMs + spec.TtlMs : 0;
        if (old?.Checks.FirstOrDefault(check => check.Spec.IsSameAs(spec)) is { } known)
            return known.Status == CheckStatus.Critical ? known : known with { DueAtMs = due };
        var isCritical = spec.InitialStatus == CheckStatus.Critical;
        return new(spec, spec.InitialStatus, "")
        {
            DueAtMs = isCritical ? 0 : due, CriticalSinceMs = isCritical ? nowMs : null, DefinedIndex = index, ModifyIndex = index,
        };
    }

    private CommandResult Deregister(CatalogueCommand.Deregister command, long index)
    {
        var found = (command.InstanceId is { } id ? Get(id) is { } one ? [one] : [] : Of(command.Name ?? "")).ToArray();
        var newest = found.Length == 0 ? 0 : found.Max(static instance => instance.ModifyIndex);
        if (command.ExpectedIndex is { } expected && expected != newest) return new CommandResult.CasConflict(newest);
        foreach (var instance in found) Remove(instance, index);
        return found.Length == 0 ? new CommandResult.NotFound() : new CommandResult.Done(index);
    }

    private CommandResult Beat(string id, long? connections, long nowMs, long index)
    {
        if (Get(id) is not { } instance) return new CommandResult.NotFound();
        Set(instance with
        {
            ExpiresAtMs = instance.Spec.TtlMs > 0 ? nowMs + instance.Spec.TtlMs : 0, Connections = connections ?? instance.Connections,
        }, changed: null);
        return new CommandResult.Done(index);
    }

    private CommandResult Report(CatalogueCommand.Report report, long nowMs, long index)
    {
        if (Get(report.InstanceId) is not { } instance) return new CommandResult.NotFound();
        var at = PlaceOf(instance, report.CheckId);
        if (at < 0) return new CommandResult.NotFound();
        var check = instance.Checks[at];
        // A node's result counts only while it is still that node's to run, and for the definition that it ran.
        if (check.Spec.IsActive != report.By is not null || (report.By is { } by && (by != instance.Spec.Node || report.DefinedIndex != check.DefinedIndex)))
            return new CommandResult.NotFound();
        var due = report.Status != CheckStatus.Critical && check.Spec is { Kind: CheckKind.Ttl, TtlMs: > 0 and var ttl } ? nowMs + ttl : 0;
        Change(instance, at, Turned(check, report.Status, report.Output, nowMs, index) with { DueAtMs = due }, index);
        return new CommandResult.Done(index);
    }

    private CommandResult SetCheck(string id, CheckSpec check, long nowMs, long index)
    {
        if (Get(id) is not { } instance) return new CommandResult.NotFound();
        var at = PlaceOf(instance, check.Id);
        if (at >= 0 && instance.Checks[at].Spec.IsSameAs(check)) return new CommandResult.Done(index);
        var defined = Defined(check, old: null, nowMs, index) with { Output = check.Kind == CheckKind.Maintenance ? check.Notes : "" };
        var checks = at >= 0 ? instance.Checks.SetItem(at, defined) : instance.Checks.Add(defined);
        Set(instance with { Checks = checks, Spec = instance.Spec with { Checks = [.. checks.Select(static c => c.Spec)] }, ModifyIndex = index }, index);
        return new CommandResult.Done(index);
    }

    private CommandResult RemoveCheck(string id, string check, long index)
    {
        if (Get(id) is not { } instance || PlaceOf(instance, check) is not (>= 0 and var at)) return new CommandResult.NotFound();
        var checks = instance.Checks.RemoveAt(at);
        Set(instance with { Checks = checks, Spec = instance.Spec with { Checks = [.. checks.Select(static c => c.Spec)] }, ModifyIndex = index }, index);
        return new CommandResult.Done(index);
    }

    /// <summary>What the node ran is critical at once, since nobody knows how it is; the heir's first result says.</summary>
    private CommandResult OwnerGone(string node, string? heir, long nowMs, long index)
    {
        var owned = All.Where(instance => instance.Spec.Node == node).ToArray();
        foreach (var instance in owned)
        {
            var words = heir is null ? $"node {node}, which runs this check, is away" : $"node {node}, which ran this check, is away; {heir} runs it from now on";
            var checks = instance.Checks.Select(check => check.Spec.IsActive ? Turned(check, CheckStatus.Critical, words, nowMs, index) : check);
            Set(instance with { Checks = [.. checks], Spec = instance.Spec with { Node = heir ?? node }, ModifyIndex = index }, index);
        }

        return owned.Length == 0 ? new CommandResult.NotFound() : new CommandResult.Done(index);
    }

    private CommandResult.Done SetStrategy(PickStrategy strategy, long index)
    {
        Strategy = strategy;
        return new(index);
    }

    private CommandResult.Done Import(ImmutableArray<ServiceSpec> instances, bool replaces, long nowMs, long index)
    {
        if (replaces)
        {
            var kept = instances.Select(static spec => spec.Id).ToHashSet(StringComparer.Ordinal);
            foreach (var instance in All.Where(instance => !kept.Contains(instance.Id)).ToArray()) Remove(instance, index);
        }

        foreach (var spec in instances) Register(spec, expected: null, nowMs, index);
        return new(index);
    }

    private void Change(ServiceInstance instance, int at, ServiceCheck check, long index)
    {
        var isTurned = check.Status != instance.Checks[at].Status;
        Set(instance with { Checks = instance.Checks.SetItem(at, check), ModifyIndex = isTurned ? index : instance.ModifyIndex }, isTurned ? index : null);
    }

    private static ServiceCheck Turned(ServiceCheck check, CheckStatus status, string output, long nowMs, long index) => check with
    {
        Status = status,
        Output = output,
        CriticalSinceMs = status == CheckStatus.Critical ? check.CriticalSinceMs ?? nowMs : null,
        ModifyIndex = status == check.Status ? check.ModifyIndex : index,
    };

    private static int PlaceOf(ServiceInstance instance, string check)
    {
        for (var i = 0; i < instance.Checks.Length; i++)
            if (instance.Checks[i].Spec.Id == check) return i;
        return -1;
    }

    private sealed record ServiceMark(string Name, long Index);
}
