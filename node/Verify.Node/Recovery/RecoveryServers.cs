using System.Collections.Immutable;
using Verify.MySql;
using Verify.MySql.Gtid;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>The servers that a recovery is about, and the sessions that its steps have with them.</summary>
internal sealed class RecoveryServers(INodeServices services, TopologyModel model, LoopTurn turn, IServerDoor door, RecoveryRules rules)
{
    private readonly SortedDictionary<InstanceKey, ServerLink> _links = [];

    public TimeSpan Limit => services.Config.Timing.StatementTimeout;

    public ServerLink Link(InstanceKey instance)
    {
        if (!_links.TryGetValue(instance, out var link)) _links[instance] = link = new(services, door, turn, instance);
        return link;
    }

    /// <summary>A session beside the one of <see cref="Link"/>: one statement at a time goes over each.</summary>
    public ServerLink AnotherLink(InstanceKey instance) => new(services, door, turn, instance);

    public async ValueTask HangUpAsync()
    {
        foreach (var link in _links.Values) await link.HangUpAsync();
    }

    /// <summary>The cluster's servers without the failed one and those that were set aside.</summary>
    public ImmutableArray<Instance> Others(RecoveryRecord recovery)
    {
        var ledger = services.Ha.Cluster(recovery.Cluster)!;
        return [.. SpecOf(recovery).Instances.Where(i => i.Key != recovery.Failed && ledger.AsideOf(i.Key) is null)];
    }

    /// <summary>Those of them that a failover moves. A server that follows a living replica of the failed one is not among them: it has nothing
    /// that the replica has not, and goes with it.</summary>
    public ImmutableArray<Instance> Concerned(RecoveryRecord recovery)
    {
        var others = Others(recovery);
        return [.. others.Where(i => !IsCarried(i.Key, recovery.Failed, others))];
    }

    public Instance? Of(RecoveryRecord recovery, InstanceKey key) => SpecOf(recovery).Instances.FirstOrDefault(i => i.Key == key);

    public string DataCenterOf(InstanceKey instance) => model.View(instance).DataCenter;

    public bool IsAnswering(InstanceKey instance) => model.View(instance).IsAnswering;

    public async ValueTask<Candidate> CandidateAsync(ServerLink link, Instance instance, ReplicaStatus? status, RecoveryRecord recovery)
    {
        var facts = await link.ReadFactsAsync(Limit);
        var behind = model.View(instance.Key).SecondsBehindSource;
        return new(instance.Key, instance.DataCenter, facts.Executed, status?.Retrieved ?? Gtids.Empty(facts.Flavor),
            GuardianChoice.Near(instance.DataCenter, services, model) is not null)
        {
            Rule = rules.RuleOf(instance.Key),
            Version = link.Version,
            Purged = model.View(instance.Key).Look?.Details.GtidPurged is { Length: > 0 } purged ? Gtids.Parse(purged, facts.Flavor) : null,
            Blind = status is { UsesGtid: false } ? GtidUse.Objection(status, await GtidModeAsync(link, facts.Flavor)) : null,
            Objection = rules.AgainstPromoting(instance.Key, instance.DataCenter, DataCenterOf(recovery.Failed), behind),
        };
    }

    private async ValueTask<string> GtidModeAsync(ServerLink link, Flavor flavor) => flavor == Flavor.MariaDb ? ""
        : new ServerDetails().With(await link.AskAsync(new Statement.ReadVariables(), Limit), flavor).GtidMode;

    private ClusterSpec SpecOf(RecoveryRecord recovery) =>
        services.Clusters.First(c => string.Equals(c.Alias, recovery.Cluster, StringComparison.Ordinal));

    private bool IsCarried(InstanceKey instance, InstanceKey failed, ImmutableArray<Instance> others)
    {
        var at = instance;
        for (var hops = 0; hops <= others.Length; hops++)
        {
            if (!model.View(at).IsAnswering || model.View(at).Source is not { } source) return false;
            if (source == failed) return hops > 0;
            if (!others.Any(o => o.Key == source)) return false;
            at = source;
        }

        return false;
    }
}
