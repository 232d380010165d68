using Verify.Node.Api;
using Verify.Node.Failures;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>What the API shows of clusters, verdicts and recoveries. Reads only.</summary>
internal sealed class Pictures(INodeServices services, TopologyModel model, LeaseWatch leases, Seeing seeing, Func<InstanceKey, ServerGate> gates)
{
    public ClusterPicture Of(LiveCluster spec)
    {
        var ledger = services.Ha.Cluster(spec.Alias);
        var isHeld = leases.IsHeld(spec.Alias);
        var aside = ledger is null ? "" : string.Join("; ", ledger.Aside.Select(a => $"{a.Instance}: {a.ErrantGtids}"));
        return new(
            spec.Alias, ledger?.Primary, ledger?.Token.Value ?? 0, isHeld ? ledger!.Guardian : "", ledger?.OpenRecovery is not null, aside,
            [.. spec.Instances.Select(i => Of(model.View(i.Key)))])
        {
            IsManaged = spec.IsManaged,
            IsNamed = ledger is { LeaseIsRenewable: true },
            DeadMan = ledger is not null && string.Equals(ledger.Guardian, services.Config.Self.Name, StringComparison.Ordinal) ? Text(gates(ledger.Primary).DeadMan) : "",
        };
    }

    private static string Text((DeadManState State, string Problem) deadMan) => deadMan.State switch
    {
        DeadManState.Unknown => "",
        DeadManState.Absent => $"absent: {deadMan.Problem}",
        _ => deadMan.State.ToString().ToLowerInvariant(),
    };

    public static AnalysisPicture Of(Diagnosis diagnosis) => new(
        diagnosis.Cluster, diagnosis.Instance, diagnosis.Code.ToString(), diagnosis.Description,
        Of(diagnosis.Votes));

    public static VotePicture[] Of(System.Collections.Immutable.ImmutableArray<Vote> votes) =>
        [.. votes.Select(v => new VotePicture(v.Node.Name, v.Kind.ToString().ToLowerInvariant(), (long)v.Age.TotalMilliseconds, v.Detail))];

    public static RecoveryPicture Of(RecoveryRecord recovery) => new(
        recovery.Id, recovery.Cluster, recovery.Failed, recovery.Analysis, recovery.Successor, recovery.IsOpen, recovery.IsSuccessful,
        [$"votes: {recovery.Votes}", .. recovery.Steps.Select(Text), .. recovery.IsOpen ? [] : new[] { $"closed: {recovery.Closing}" }])
    {
        Record = recovery,
        Lost = RepointDetail.LostIn(recovery),
    };

    private static string Text(StepRecord step)
    {
        var state = step.IsDone ? "done" : step.Failures > 0 ? $"failed {step.Failures} times" : "begun";
        return $"{step.Step} {step.Target}: {state}{(step.Detail.Length > 0 ? ": " + step.Detail : "")}";
    }

    private InstancePicture Of(InstanceView view) => new(
        view.Key, view.DataCenter, view.FactsAt is null ? "" : view.Version.ToString(), view.Facts?.ServerUuid ?? "",
        view.IsAnswering, view.AliveAt is { } at ? (long)(services.Now - at).TotalMilliseconds : -1, view.Facts?.KeepsUsersOut ?? false,
        view.Source, view.Replica?.IoThread.ToString() ?? "", view.Replica?.SqlThread.ToString() ?? "", view.Look?.Detected.LagSeconds ?? view.Replica?.SecondsBehind,
        view.ExecutedText, view.Problem)
    {
        Facts = view.Facts, Replica = view.Replica, Details = view.Look?.Details, SemiSyncEnforced = view.Look?.Detected.SemiSyncEnforced ?? "",
        Errant = seeing.ErrantOf(view), IsHung = view is { MissesInRow: > 0, Hung: true },
    };
}
