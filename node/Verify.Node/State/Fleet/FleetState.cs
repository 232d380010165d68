using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Time;
using Verify.Node.Topology;

namespace Verify.Node.State.Fleet;

/// <summary>The replicated part of seeing: which servers are known besides those of the configuration, in which cluster and data centre they
/// are, and what operators said of them (aliases, tags, names). What a node sees of them is not in here: observations are local.</summary>
public sealed class FleetState : IStateSection, IExpires
{
    /// <summary>Servers that are known at once.</summary>
    public const int ServersMax = 20_000;
    private const int TagsMax = 100;
    private static readonly ImmutableSortedDictionary<string, string> NoTags = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Counts the changes; for those who derive something from this. Not replicated.</summary>
    public long Changes { get; private set; }
    public ImmutableSortedSet<InstanceKey> Seeds { get; private set; } = [];
    public ImmutableSortedDictionary<InstanceKey, FleetServer> Servers { get; private set; } = ImmutableSortedDictionary<InstanceKey, FleetServer>.Empty;
    public ImmutableSortedDictionary<string, FleetCluster> Clusters { get; private set; } = ImmutableSortedDictionary.Create<string, FleetCluster>(StringComparer.Ordinal);
    public ImmutableSortedDictionary<InstanceKey, ImmutableSortedDictionary<string, string>> Tags { get; private set; } = ImmutableSortedDictionary<InstanceKey, ImmutableSortedDictionary<string, string>>.Empty;

    /// <summary>Other names of known servers.</summary>
    public ImmutableSortedDictionary<InstanceKey, InstanceKey> Names { get; private set; } = ImmutableSortedDictionary<InstanceKey, InstanceKey>.Empty;
    public ImmutableSortedDictionary<InstanceKey, string> VirtualHosts { get; private set; } = ImmutableSortedDictionary<InstanceKey, string>.Empty;

    /// <summary>Forgotten servers, and until when by the group's time they are not found again.</summary>
    public ImmutableSortedDictionary<InstanceKey, long> Forgotten { get; private set; } = ImmutableSortedDictionary<InstanceKey, long>.Empty;

    SectionKind IStateSection.Kind => SectionKind.Fleet;
    byte IStateSection.Version => FleetRecords.Version;

    public long? NextDeadlineMs => Forgotten.IsEmpty ? null : Forgotten.Values.Min();

    /// <summary>The name under which a server is known.</summary>
    public InstanceKey NameOf(InstanceKey named) => Names.TryGetValue(named, out var known) ? known : named;

    public ImmutableSortedDictionary<string, string> TagsOf(InstanceKey instance) => Tags.GetValueOrDefault(instance) ?? NoTags;

    /// <summary>How operators call a cluster.</summary>
    public string AliasOf(string cluster) => Clusters.TryGetValue(cluster, out var known) && known.Alias.Length > 0 ? known.Alias : cluster;

    void IExpires.Expire(long nowMs, long index)
    {
        Forgotten = Forgotten.RemoveRange(Forgotten.Where(f => f.Value <= nowMs).Select(static f => f.Key));
        Changes++;
    }

    /// <param name="primaryOf">The agreed primary of a cluster.</param>
    internal CommandResult Apply(FleetCommand command, ApplyContext context, Func<string, InstanceKey?> primaryOf)
    {
        Changes++;
        return command switch
        {
            FleetCommand.Seed(var instance) => Apply(instance, context.Index),
            FleetCommand.Learn learn => Apply(learn, context.Index, primaryOf),
            FleetCommand.Forget forget => Apply(forget, context.Index, primaryOf),
            FleetCommand.ForgetCluster(var cluster) => ForgetCluster(cluster, context.Index),
            FleetCommand.SetAlias(var cluster, var alias) => Put(Cluster(cluster) with { Alias = alias }, context.Index),
            FleetCommand.Manage(var cluster, var isManaged) => Clusters.ContainsKey(cluster)
                ? Put(Cluster(cluster) with { IsManaged = isManaged }, context.Index) : new CommandResult.NotFound(),
            FleetCommand.Tag tag => Apply(tag, context.Index),
            FleetCommand.Untag(var instance, var name) => Untag(instance, name, context.Index),
            FleetCommand.Resolve(var from, var to) => Resolve(from, to, context.Index),
            FleetCommand.Unresolve(var instance, var host) => Unresolve(instance, host, context.Index),
            _ => throw new UnreachableException(),
        };
    }

    FrozenSection IStateSection.Freeze()
    {
        var (seeds, servers, clusters, tags, names, hosts, forgotten) = (Seeds, Servers, Clusters, Tags, Names, VirtualHosts, Forgotten);
        var count = seeds.Count + servers.Count + clusters.Count + tags.Count + names.Count + hosts.Count + forgotten.Count;
        IEnumerable<object> records = [.. seeds.Cast<object>(), .. servers.Values, .. clusters.Values,
            .. tags.Select(static t => new FleetRecords.TagsOf(t.Key, t.Value)), .. names.Select(static n => new FleetRecords.Name(n.Key, n.Value)),
            .. hosts.Select(static h => new FleetRecords.VirtualHost(h.Key, h.Value)), .. forgotten.Select(static f => new FleetRecords.Forgotten(f.Key, f.Value))];
        return FrozenSection.Of(this, count, records, FleetRecords.Write);
    }

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        Changes++;
        switch (FleetRecords.Read(ref from))
        {
            case InstanceKey seed: Seeds = Seeds.Add(seed); break;
            case FleetServer server: Servers = Once(Servers, server.Key, server, from); break;
            case FleetCluster cluster: Clusters = Once(Clusters, cluster.Name, cluster, from); break;
            case FleetRecords.TagsOf(var key, var tags): Tags = Once(Tags, key, tags, from); break;
            case FleetRecords.Name(var key, var known): Names = Once(Names, key, known, from); break;
            case FleetRecords.VirtualHost(var key, var host): VirtualHosts = Once(VirtualHosts, key, host, from); break;
            case FleetRecords.Forgotten(var key, var until): Forgotten = Once(Forgotten, key, until, from); break;
            default: throw new UnreachableException();
        }
    }

    private static ImmutableSortedDictionary<TKey, TValue> Once<TKey, TValue>(
        ImmutableSortedDictionary<TKey, TValue> all, TKey key, TValue value, WireReader from) where TKey : notnull =>
        all.ContainsKey(key) ? throw from.Malformed($"{key} is there twice") : all.Add(key, value);

    /// <summary>As it is now, to be read elsewhere while this one goes on.</summary>
    internal FleetState Copy() => (FleetState)MemberwiseClone();

    /// <summary>Continues the count of changes of the state whose place this one takes, so that nobody takes it for the same.</summary>
    internal void Follows(FleetState before) => Changes += before.Changes + 1;

    private CommandResult.Done Apply(InstanceKey seed, long index)
    {
        Seeds = Seeds.Add(seed);
        Forgotten = Forgotten.Remove(seed);
        return new(index);
    }

    private CommandResult Apply(FleetCommand.Learn learn, long index, Func<string, InstanceKey?> primaryOf)
    {
        foreach (var cluster in learn.Clusters)
        {
            // Whether it is managed, and an alias that was given, are the operators' word from then on.
            if (Clusters.TryGetValue(cluster.Name, out var known))
                Put(known with { Alias = known.Alias.Length > 0 ? known.Alias : cluster.Alias, Domain = cluster.Domain }, index);
            else Put(cluster, index);
        }

        foreach (var server in learn.Servers)
        {
            if (Forgotten.ContainsKey(server.Key)) continue;
            var isMoved = Servers.TryGetValue(server.Key, out var before) && !string.Equals(before.Cluster, server.Cluster, StringComparison.Ordinal);
            if (isMoved && primaryOf(before!.Cluster) == server.Key) continue;
            if (before is null && Servers.Count >= ServersMax) return new CommandResult.Rejected($"{ServersMax} servers are known already");
            Servers = Servers.SetItem(server.Key, server);
        }

        DropEmptyClusters();
        return new CommandResult.Done(index);
    }

    private CommandResult Apply(FleetCommand.Forget forget, long index, Func<string, InstanceKey?> primaryOf)
    {
        var instance = forget.Instance;
        if (!Servers.TryGetValue(instance, out var server) && !Seeds.Contains(instance)) return new CommandResult.NotFound();
        if (server is not null && primaryOf(server.Cluster) == instance)
            return new CommandResult.Rejected($"{instance} is the primary of {server.Cluster}; make another server the primary, or forget the cluster");
        Drop(instance);
        if (forget.AgainAfterMs > 0) Forgotten = Forgotten.SetItem(instance, forget.Stamp.AtMs + forget.AgainAfterMs);
        DropEmptyClusters();
        return new CommandResult.Done(index);
    }

    private CommandResult ForgetCluster(string cluster, long index)
    {
        var members = Servers.Values.Where(s => string.Equals(s.Cluster, cluster, StringComparison.Ordinal)).Select(static s => s.Key).ToArray();
        if (members.Length == 0 && !Clusters.ContainsKey(cluster)) return new CommandResult.NotFound();
        foreach (var member in members) Drop(member);
        Clusters = Clusters.Remove(cluster);
        return new CommandResult.Done(index);
    }

    private void Drop(InstanceKey instance)
    {
        Servers = Servers.Remove(instance);
        Seeds = Seeds.Remove(instance);
        Tags = Tags.Remove(instance);
        VirtualHosts = VirtualHosts.Remove(instance);
        Names = Names.RemoveRange(Names.Where(n => n.Value == instance).Select(static n => n.Key));
    }

    private CommandResult Apply(FleetCommand.Tag tag, long index)
    {
        var tags = TagsOf(tag.Instance).SetItem(tag.Name, tag.Value);
        if (tags.Count > TagsMax) return new CommandResult.Rejected($"{tag.Instance} has {TagsMax} tags already");
        Tags = Tags.SetItem(tag.Instance, tags);
        return new CommandResult.Done(index);
    }

    private CommandResult Untag(InstanceKey instance, string name, long index)
    {
        var tags = name.Length == 0 ? NoTags : TagsOf(instance).Remove(name);
        if (tags.Count == TagsOf(instance).Count) return new CommandResult.NotFound();
        Tags = tags.IsEmpty ? Tags.Remove(instance) : Tags.SetItem(instance, tags);
        return new CommandResult.Done(index);
    }

    private CommandResult Resolve(InstanceKey from, InstanceKey? to, long index)
    {
        if (to is not { } known)
        {
            if (!Names.ContainsKey(from)) return new CommandResult.NotFound();
            Names = Names.Remove(from);
            return new CommandResult.Done(index);
        }

        // One step from a name to the server: no chains, no circles.
        var end = NameOf(known);
        if (end == from) return new CommandResult.Rejected($"{known} is another name of {from} already");
        Names = Names.RemoveRange(Names.Where(n => n.Value == from).Select(static n => n.Key)).SetItem(from, end);
        Servers = Servers.Remove(from);
        return new CommandResult.Done(index);
    }

    private CommandResult Unresolve(InstanceKey instance, string host, long index)
    {
        if (host.Length == 0 && !VirtualHosts.ContainsKey(instance)) return new CommandResult.NotFound();
        VirtualHosts = host.Length == 0 ? VirtualHosts.Remove(instance) : VirtualHosts.SetItem(instance, host);
        return new CommandResult.Done(index);
    }

    /// <summary>A cluster of the configuration is known by its name alone until something is said of it.</summary>
    private FleetCluster Cluster(string name) => Clusters.GetValueOrDefault(name) ?? new(name, "", "", IsManaged: true);

    private CommandResult.Done Put(FleetCluster cluster, long index)
    {
        Clusters = Clusters.SetItem(cluster.Name, cluster);
        return new(index);
    }

    /// <summary>A cluster that was found goes with its last server; what an operator said of one of the configuration stays.</summary>
    private void DropEmptyClusters()
    {
        var used = Servers.Values.Select(static s => s.Cluster).ToHashSet(StringComparer.Ordinal);
        Clusters = Clusters.RemoveRange(Clusters.Values.Where(c => !used.Contains(c.Name) && !c.IsManaged).Select(static c => c.Name));
    }
}
