using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Ledger;

namespace Verify.Node.Recovery;

/// <summary>When this node applied the entries that grant a lease and those that open a recovery, on its own monotonic clock. An
/// entry is applied after it was asked for, on every node and also when a log is read again after a restart, so counting from
/// here is never too early: a new leader needs to know nothing of the old one's clock.</summary>
internal sealed class LeaseWatch(INodeServices services)
{
    private readonly SortedDictionary<string, TimeSpan> _grantedAt = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, TimeSpan> _openedAt = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, TimeSpan> _failedAt = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, TimeSpan> _formerEnd = new(StringComparer.Ordinal);

    public void Applied(HaCommand command, CommandResult result)
    {
        if (result is not CommandResult.Done) return;
        switch (command)
        {
            case HaCommand.AdoptPrimary c: _grantedAt[c.Cluster] = services.Now; break;
            case HaCommand.RenewLease c: _grantedAt[c.Cluster] = services.Now; break;
            case HaCommand.PublishPrimary c: _grantedAt[c.Cluster] = services.Now; break;
            case HaCommand.ChangeGuardian c:
                _formerEnd[c.Cluster] = CertainEnd(c.Cluster);
                _grantedAt[c.Cluster] = services.Now;
                break;
            case HaCommand.OpenRecovery c: _openedAt[c.Cluster] = services.Now; break;
            case HaCommand.BeginRecovery c: _openedAt[c.Cluster] = services.Now; break;
            case HaCommand.StepIntent { Kind: nameof(RecoveryStep.FenceOldPrimary) } c when IsTakeover(c.Cluster): _openedAt[c.Cluster] = services.Now; break;
            case HaCommand.CloseRecovery { Successful: false } c: NoteFailure(c.Cluster); break;
            case HaCommand.EndRecovery { Successful: false } c: NoteFailure(c.Cluster); break;
            default: break;
        }
    }

    /// <summary>The state came from a snapshot. Whatever was granted or opened in it was asked for before now.</summary>
    public void Restored()
    {
        foreach (var ledger in services.Ha.Clusters)
        {
            _grantedAt[ledger.Cluster] = services.Now;
            _formerEnd[ledger.Cluster] = CertainEnd(ledger.Cluster);
            if (ledger.OpenRecovery is not null) _openedAt[ledger.Cluster] = services.Now;
        }
    }

    /// <summary>From when on nobody can hold the present lease any more, if it is not renewed.</summary>
    public TimeSpan CertainEnd(string cluster)
    {
        // The state came from elsewhere: count from the first time somebody asked, which is later than any grant.
        if (!_grantedAt.TryGetValue(cluster, out var grantedAt)) _grantedAt[cluster] = grantedAt = services.Now;
        var timing = services.Config.Timing;
        return LeaseArithmetic.CertainEnd(grantedAt, LeaseArithmetic.Longest(services.Ha.Cluster(cluster), timing), timing);
    }

    /// <summary>The guardian before the present one was replaced so lately that it may still hold a lease of its own and not know that it is replaced:
    /// it would open what the present one has closed. So until then nobody's word is enough.</summary>
    public bool MayFormerHold(string cluster) => _formerEnd.TryGetValue(cluster, out var end) && services.Now < end;

    /// <summary>The present lease was granted, and has not certainly run out.</summary>
    public bool IsHeld(string cluster)
    {
        var ledger = services.Ha.Cluster(cluster);
        var isHeld = ledger is { LastRenewal: > 0 } && services.Now < CertainEnd(cluster);
#if VERIFY_MUTANTS
        if (Raft.Mutant.Is("M55", deviates: ledger is not null && !isHeld)) isHeld = ledger is not null;
#endif
        return isHeld;
    }

    /// <summary>When the recovery that was opened last took the lease from the old primary, as applied here: a takeover does so with the intent to
    /// close it, all others when they are opened.</summary>
    public TimeSpan OpenedAt(string cluster) => _openedAt.GetValueOrDefault(cluster);

    /// <summary>When the last failover that ended badly was closed; null for none.</summary>
    public TimeSpan? FailedAt(string cluster) => _failedAt.TryGetValue(cluster, out var at) ? at : null;

    private bool IsTakeover(string cluster) => services.Ha.OpenRecovery(cluster) is { Kind: RecoveryKind.GracefulTakeover };

    /// <summary>A takeover that was given up, or a recovery that leaves the primary where it is, does not put off a failover.</summary>
    private void NoteFailure(string cluster)
    {
        if (services.Ha.Cluster(cluster)?.Closed is { IsEmpty: false } closed && closed[^1].Kind is RecoveryKind.DeadPrimary or RecoveryKind.ForcedTakeover)
            _failedAt[cluster] = services.Now;
    }
}
