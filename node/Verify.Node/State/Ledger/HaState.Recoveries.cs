using System.Collections.Immutable;
using Verify.Node.State.Time;

namespace Verify.Node.State.Ledger;

/// <summary>How recoveries are opened, closed and acknowledged.</summary>
public sealed partial class HaState
{
    /// <summary>How a recovery is closed that leaves the primary where it is, when one is opened that does not.</summary>
    internal static string OvertakenBy(long index) => $"overtaken by recovery {index}, which replaces the primary";

    private CommandResult Apply(HaCommand.OpenRecovery open, long index) => Apply(
        new HaCommand.BeginRecovery(
            open.Cluster, RecoveryKind.DeadPrimary, open.Failed, null, open.Analysis, open.Votes, open.SeenToken, By: "", WithoutHooks: false, default), index);

    private CommandResult Apply(HaCommand.BeginRecovery begin, long index)
    {
        if (Cluster(begin.Cluster) is not { } ledger) return Rejected($"{begin.Cluster} has no primary");
        var replaces = RecoveryPlan.ReplacesPrimary(begin.Kind);
        if (ledger.OpenRecovery is { } other && (!replaces || RecoveryPlan.ReplacesPrimary(other.Kind))) return Rejected($"recovery {other.Id} is open");
        if (ledger.Token != begin.SeenToken) return Rejected($"token {begin.SeenToken} is not the current one, {ledger.Token}");
        if (replaces && ledger.Primary != begin.Failed) return Rejected($"{begin.Failed} is not the primary, {ledger.Primary} is");
        if (!replaces && ledger.Primary == begin.Failed) return Rejected($"{begin.Failed} is the primary");
        if (begin.Designated is { } designated && designated == begin.Failed) return Rejected($"{designated} cannot replace itself");
        if (begin.Kind == RecoveryKind.ForcedTakeover && begin.Designated is null) return Rejected("a forced takeover names the next primary");

        // An adopted primary was open before anybody held its lease. Until its guardian holds the lease once,
        // no lease that runs out says anything about the server.
        if (replaces && ledger is { IsAdopted: true, LastRenewal: 0 }) return Rejected($"nobody has held the lease of {begin.Failed} yet");
        if (ledger.OpenRecovery is { } overtaken)
        {
            ledger = Closed(ledger, overtaken, isSuccessful: false, OvertakenBy(index), begin.Stamp);
        }

        var recovery = new RecoveryRecord
        {
            Id = index,
            Cluster = begin.Cluster,
            Kind = begin.Kind,
            Failed = begin.Failed,
            Designated = begin.Designated,
            Analysis = begin.Analysis,
            Votes = begin.Votes,
            SeenToken = begin.SeenToken,
            By = begin.By,
            WithoutHooks = begin.WithoutHooks,
            OpenedAt = begin.Stamp,
        };
        return Put(index, ledger with { OpenRecovery = recovery });
    }

    private CommandResult Apply(HaCommand.CloseRecovery close, long index) =>
        Apply(new HaCommand.EndRecovery(close.Cluster, close.RecoveryId, close.Successful, close.Detail, default), index);

    private CommandResult Apply(HaCommand.EndRecovery end, long index)
    {
        if (!TryFind(end.Cluster, end.RecoveryId, out var ledger, out var recovery, out var refusal)) return refusal;
        if (end.Successful && recovery.CurrentStep != RecoveryStep.Close) return Rejected($"the current step is {recovery.CurrentStep}");
        return Put(index, Closed(ledger, recovery, end.Successful, end.Detail, end.Stamp));
    }

    private CommandResult Apply(HaCommand.AcknowledgeRecoveries acknowledge, long index)
    {
        if (Cluster(acknowledge.Cluster) is not { } ledger) return Rejected($"{acknowledge.Cluster} has no primary");
        var seen = new Acknowledgement(acknowledge.By, acknowledge.Comment, acknowledge.Stamp.WallMs);
        var isAny = false;
        var closed = ImmutableArray.CreateBuilder<RecoveryRecord>(ledger.Closed.Length);
        foreach (var recovery in ledger.Closed)
        {
            var isMeant = recovery.Acknowledged is null
                && (acknowledge.RecoveryId == 0 || acknowledge.RecoveryId == recovery.Id)
                && (acknowledge.Instance is null || acknowledge.Instance == recovery.Failed);
            isAny |= isMeant;
            closed.Add(isMeant ? recovery with { Acknowledged = seen } : recovery);
        }

        return isAny ? Put(index, ledger with { Closed = closed.MoveToImmutable() }) : new CommandResult.NotFound();
    }

    private ClusterLedger Closed(ClusterLedger ledger, RecoveryRecord recovery, bool isSuccessful, string detail, TimeStamp at)
    {
        var closed = ledger.Closed.Add(recovery with { IsOpen = false, IsSuccessful = isSuccessful, Closing = detail, ClosedAt = at });
        if (closed.Length > recoveriesKeptMax) closed = closed.RemoveRange(0, closed.Length - recoveriesKeptMax);
        return ledger with { OpenRecovery = null, Closed = closed };
    }
}
