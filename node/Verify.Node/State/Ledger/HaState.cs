using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.Topology;

namespace Verify.Node.State.Ledger;

/// <summary>The replicated part of high availability: primaries with their tokens, write leases, the recovery ledger,
/// servers set aside. Applied in log order, the same on every node: no clocks here.</summary>
public sealed partial class HaState(int recoveriesKeptMax = 100) : IStateSection
{
    private readonly SortedDictionary<string, ClusterLedger> _clusters = new(StringComparer.Ordinal);

    SectionKind IStateSection.Kind => SectionKind.Ha;
    byte IStateSection.VersionMax => ClusterLedgerCodec.Version;

    /// <summary>Version 1, which the release before this one reads, as long as it can say everything.</summary>
    byte IStateSection.Version => _clusters.Values.Select(ClusterLedgerCodec.VersionOf).DefaultIfEmpty((byte)1).Max();

    /// <summary>All clusters that have a primary, by name.</summary>
    public IEnumerable<ClusterLedger> Clusters => _clusters.Values;

    public ClusterLedger? Cluster(string cluster) => _clusters.GetValueOrDefault(cluster);

    /// <summary>The agreed primary; null before one was adopted.</summary>
    public InstanceKey? Primary(string cluster) => Cluster(cluster)?.Primary;

    /// <summary>The token of the agreed primary; 0 before one was adopted.</summary>
    public FencingToken Token(string cluster) => Cluster(cluster)?.Token ?? default;

    public RecoveryRecord? OpenRecovery(string cluster) => Cluster(cluster)?.OpenRecovery;

    public CommandResult Apply(HaCommand command, ApplyContext context) => command switch
    {
        HaCommand.AdoptPrimary adopt => Apply(adopt, context.Index),
        HaCommand.RenewLease renew => Apply(renew, context.Index),
        HaCommand.OpenRecovery open => Apply(open, context.Index),
        HaCommand.StepIntent intent => Apply(intent, context.Index),
        HaCommand.StepOutcome outcome => Apply(outcome, context.Index),
        HaCommand.PublishPrimary publish => Apply(publish, context.Index),
        HaCommand.CloseRecovery close => Apply(close, context.Index),
        HaCommand.SetAside aside => Apply(aside, context.Index),
        HaCommand.TakeBack back => Apply(back, context.Index),
        HaCommand.ChangeGuardian change => Apply(change, context.Index),
        HaCommand.BeginRecovery begin => Apply(begin, context.Index),
        HaCommand.EndRecovery end => Apply(end, context.Index),
        HaCommand.AcknowledgeRecoveries acknowledge => Apply(acknowledge, context.Index),
        _ => throw new UnreachableException(),
    };

    /// <summary>Nobody looks after this cluster any longer: no primary is agreed on, no lease can be renewed.</summary>
    internal void Release(string cluster) => _clusters.Remove(cluster);

    FrozenSection IStateSection.Freeze() => FreezeAs(((IStateSection)this).Version);

    private FrozenSection FreezeAs(byte version) =>
        FrozenSection.Of(this, _clusters.Count, [.. _clusters.Values], (WireWriter to, ClusterLedger ledger) => ClusterLedgerCodec.Write(to, ledger, version));

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        var ledger = ClusterLedgerCodec.Read(version, ref from);
        if (!_clusters.TryAdd(ledger.Cluster, ledger)) throw from.Malformed($"cluster {ledger.Cluster} is there twice");
    }

    private CommandResult Apply(HaCommand.AdoptPrimary adopt, long index)
    {
        if (Primary(adopt.Cluster) is { } primary) return Rejected($"{adopt.Cluster} has a primary already, {primary}");
        return Put(index, new ClusterLedger
        {
            Cluster = adopt.Cluster,
            Primary = adopt.Instance,
            Token = new(index),
            Guardian = adopt.Guardian,
            IsAdopted = true,
        });
    }

    private CommandResult Apply(HaCommand.RenewLease renew, long index)
    {
        if (Cluster(renew.Cluster) is not { } ledger) return Rejected($"{renew.Cluster} has no primary");
        if (ledger.Token != renew.Token) return Rejected($"token {renew.Token} is not the current one, {ledger.Token}");
        if (ledger.Primary != renew.Instance) return Rejected($"{renew.Instance} is not the primary, {ledger.Primary} is");
        if (!Same(ledger.Guardian, renew.Guardian)) return Rejected($"{renew.Guardian} is not the guardian, {ledger.Guardian} is");
        if (!ledger.LeaseIsRenewable) return Rejected($"recovery {ledger.OpenRecovery!.Id} is open");
        return Put(index, ledger with { LastRenewal = index, LeaseMs = ledger.LeaseAfter(renew.LeaseMs) });
    }

    private CommandResult Apply(HaCommand.StepIntent intent, long index)
    {
        if (!TryFind(intent.Cluster, intent.RecoveryId, out var ledger, out var recovery, out var refusal)) return refusal;
        if (intent.Step != (int)recovery.CurrentStep) return Rejected($"the current step is {recovery.CurrentStep}, not {intent.Step}");
        if (!Same(intent.Kind, recovery.CurrentStep.ToString())) return Rejected($"step {intent.Step} is {recovery.CurrentStep}, not {intent.Kind}");
        var steps = recovery.Current is { } again
            ? recovery.Steps.SetItem(recovery.Steps.Length - 1, again with { Target = intent.Target, Intents = again.Intents + 1 })
            : recovery.Steps.Add(new StepRecord(recovery.CurrentStep, intent.Target, Intents: 1, Failures: 0, IsDone: false, ""));
        return Put(index, ledger with { OpenRecovery = recovery with { Steps = steps } });
    }

    private CommandResult Apply(HaCommand.StepOutcome outcome, long index)
    {
        if (!TryFind(outcome.Cluster, outcome.RecoveryId, out var ledger, out var recovery, out var refusal)) return refusal;
        if (recovery.Current is not { } step) return Rejected($"step {outcome.Step} was not begun");
        if (outcome.Step != (int)step.Step) return Rejected($"the current step is {step.Step}, not {outcome.Step}");
        var successor = recovery.Successor;
        if (outcome.Succeeded && step.Step == RecoveryStep.ChooseCandidate)
        {
            if (!CandidateDetail.TryRead(outcome.Detail, out var chosen)) return Rejected($"'{outcome.Detail}' names no candidate");
            successor = chosen;
        }

        if (outcome.Succeeded && step.Step == RecoveryStep.PublishPrimary && recovery.Published is null)
        {
            return Rejected("no primary was published");
        }

        var ended = step with
        {
            IsDone = outcome.Succeeded,
            Failures = step.Failures + (outcome.Succeeded ? 0 : 1),
            Detail = outcome.Detail,
        };
        var steps = recovery.Steps.SetItem(recovery.Steps.Length - 1, ended);
        return Put(index, ledger with { OpenRecovery = recovery with { Steps = steps, Successor = successor } });
    }

    private CommandResult Apply(HaCommand.PublishPrimary publish, long index)
    {
        if (!TryFind(publish.Cluster, publish.RecoveryId, out var ledger, out var recovery, out var refusal)) return refusal;

        // A new leader may repeat the step: the token that is out must stay the one that counts.
        if (recovery.Published is { } published && ledger.Primary == publish.Instance) return new CommandResult.Done(published.Value);
        if (recovery.Current is not { Step: RecoveryStep.PublishPrimary }) return Rejected($"the current step is {recovery.CurrentStep}");
        if (recovery.Successor != publish.Instance) return Rejected($"{publish.Instance} is not the chosen candidate, {recovery.Successor} is");
        return Put(index, ledger with
        {
            Primary = publish.Instance,
            Token = new(index),
            Guardian = publish.Guardian,
            IsAdopted = false,
            LastRenewal = 0,
            LeaseMs = 0,
            OpenRecovery = recovery with { Published = new FencingToken(index) },
            Aside = Without(ledger, publish.Instance),
        });
    }

    private CommandResult Apply(HaCommand.SetAside aside, long index)
    {
        if (Cluster(aside.Cluster) is not { } ledger) return Rejected($"{aside.Cluster} has no primary");
        if (ledger.Primary == aside.Instance) return Rejected($"{aside.Instance} is the primary");
        var all = Without(ledger, aside.Instance).Add(new AsideRecord(aside.Instance, aside.ErrantGtids));
        return Put(index, ledger with { Aside = all.Sort((a, b) => a.Instance.CompareTo(b.Instance)) });
    }

    private CommandResult Apply(HaCommand.TakeBack back, long index)
    {
        if (Cluster(back.Cluster) is not { } ledger) return Rejected($"{back.Cluster} has no primary");
        if (ledger.AsideOf(back.Instance) is null) return Rejected($"{back.Instance} is not set aside");
        return Put(index, ledger with { Aside = Without(ledger, back.Instance) });
    }

    private bool TryFind(
        string cluster, long recoveryId, out ClusterLedger ledger, out RecoveryRecord recovery, out CommandResult refusal)
    {
        ledger = Cluster(cluster)!;
        recovery = ledger?.OpenRecovery!;
        refusal = Rejected(recovery is null ? $"{cluster} has no open recovery" : $"recovery {recovery.Id} is open, not {recoveryId}");
        return recovery is not null && recovery.Id == recoveryId;
    }

    private CommandResult.Done Put(long index, ClusterLedger ledger)
    {
        _clusters[ledger.Cluster] = ledger;
        return new CommandResult.Done(index);
    }

    private static ImmutableArray<AsideRecord> Without(ClusterLedger ledger, InstanceKey instance) =>
        [.. ledger.Aside.Where(a => a.Instance != instance)];

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.Ordinal);

    private static CommandResult.Rejected Rejected(string why) => new(why);
}

/// <summary>How the chosen candidate stands in the outcome of its step: "host:port reason".</summary>
public static class CandidateDetail
{
    public static string Write(InstanceKey candidate, string reason) => $"{candidate} {reason}";

    public static bool TryRead(string detail, out InstanceKey candidate)
    {
        var end = detail.IndexOf(' ', StringComparison.Ordinal);
        var found = Seam.Endpoint.TryParse(end < 0 ? detail : detail[..end], defaultPort: null, out var endpoint);
        candidate = new(endpoint.Host, endpoint.Port);
        return found;
    }
}
