using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Fencing;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Recovery;

/// <summary>Keeps one cluster's primary writable while, and only while, this node holds its write lease (architecture.md §11). It is
/// the only one that opens a server. Renewals go through the quorum; when none is granted in time, the server is closed
/// before the lease ends by the guardian's own clock.</summary>
internal sealed class Guardian(
    INodeServices services, TopologyModel model, LeaseWatch leases, Func<InstanceKey, ServerGate> gates, string cluster)
{
    private const int RenewalsUnderWayMax = 8;
    private Duty? _duty;
    private long _closedUnder;
    private long _goneUnder;
    private bool _isNoting;
    private TimeSpan _noteAgain;

    /// <summary>The instance and token that this node answers for, and how things stand.</summary>
    private sealed class Duty(InstanceKey instance, FencingToken token)
    {
        public InstanceKey Instance { get; } = instance;
        public FencingToken Token { get; } = token;

        /// <summary>The end of the lease on this node's clock; null before the first grant.</summary>
        public TimeSpan? End { get; set; }
        public bool IsHeld { get; set; }

        /// <summary>When the lease was let go. It is taken again only by a renewal that was sent after that: an older one that comes through late says nothing of
        /// what others have done since (swarm fleet, seed 7613).</summary>
        public TimeSpan LetGoAt { get; set; } = TimeSpan.MinValue;

        /// <summary>When the last renewal that was granted had been sent.</summary>
        public TimeSpan? RenewedAt { get; set; }
        public TimeSpan NextRenewal { get; set; }
        public int RenewalsUnderWay { get; set; }
        public TimeSpan? FirstRenewal { get; set; }

        /// <summary>The server may be open although nobody may keep it open: close it, seen or not.</summary>
        public bool MustClose { get; set; }

        /// <summary>This node has closed it under this token.</summary>
        public bool HasClosed { get; set; }

        /// <summary>Looks begun before this time say nothing of whether the server is open.</summary>
        public TimeSpan LooksCountFrom { get; set; }
        public long RecoverySeen { get; set; }
    }

    /// <summary>This node's word that the old primary stays closed; null when it cannot give it.</summary>
    public ClosedUnder? Word => _duty is { } duty && _closedUnder != 0 ? new(cluster, duty.Instance, _closedUnder) : null;

    /// <summary>This node's word that the old primary's process has ended; null when it cannot give it.</summary>
    public GoneUnder? Gone => _duty is { } duty && _goneUnder != 0 ? new(cluster, duty.Instance, _goneUnder) : null;

    /// <summary>The state moved, or time did.</summary>
    public void Tick()
    {
        TakeDuty();
        if (_duty is not { } duty) return;
        var ledger = services.Ha.Cluster(cluster)!;
        JudgeLease(duty, ledger);
        Renew(duty, ledger);
        if (MayBeOpen(duty)) Open(duty);
        else Close(duty);
        GiveWord(duty, ledger);
        NoteSwitch(duty);
    }

    /// <summary>The others must know whether the server would close itself: it decides what the end of the lease proves.</summary>
    private void NoteSwitch(Duty duty)
    {
        bool? isArmed = gates(duty.Instance).DeadMan.State switch
        {
            DeadManState.Armed => true,
            DeadManState.Absent or DeadManState.Off => false,
            _ => null,
        };
        if (isArmed is not { } armed || _isNoting || services.Now < _noteAgain) return;
        if (services.Fencing.SwitchOf(cluster) is { } known && known.Instance == duty.Instance && known.Token == duty.Token && known.IsArmed == armed) return;
        var note = new Command.Fencing(new FencingCommand.NoteSwitch(cluster, duty.Instance, duty.Token, armed));
        if (services.ObjectionTo(note) is not null) return;
        _isNoting = true;
        services.Submit(note, _ =>
        {
            _isNoting = false;
            _noteAgain = services.Now + services.Config.Timing.LeaseRenewal;
        });
    }

    /// <summary>There may be a leader again: do not wait for the next turn.</summary>
    public void RenewSoon()
    {
        if (_duty is { } duty) duty.NextRenewal = services.Now;
    }

    private void TakeDuty()
    {
        var ledger = services.Ha.Cluster(cluster);
        var isMine = ledger is not null && string.Equals(ledger.Guardian, services.Config.Self.Name, StringComparison.Ordinal);
        if (_duty is { } old && (!isMine || old.Token != ledger!.Token))
        {
            SayHeld(old, held: false);
            _duty = null;
            _closedUnder = _goneUnder = 0;
        }

        if (isMine) _duty ??= new Duty(ledger!.Primary, ledger.Token) { NextRenewal = services.Now };
    }

    private void JudgeLease(Duty duty, ClusterLedger ledger)
    {
        var isHeld = ledger.LeaseIsRenewable && duty.End is { } end
            && services.Now < LeaseArithmetic.FencingStart(end, services.Config.Timing);
        if (duty.IsHeld && !isHeld) duty.MustClose = true;
        SayHeld(duty, isHeld);
        if (ledger.LeaseIsRenewable || ledger.OpenRecovery!.Id == duty.RecoverySeen) return;
        duty.RecoverySeen = ledger.OpenRecovery.Id;
        duty.MustClose = true;
    }

    private void SayHeld(Duty duty, bool held)
    {
        if (duty.IsHeld == held) return;
        duty.IsHeld = held;
        if (!held) duty.LetGoAt = services.Now;
        services.Emit(new NodeEvent.WriteLease(services.Config.Self.Name, cluster, duty.Instance.ToString(), duty.Token.Value, held));
    }

    /// <summary>A lease on a server that this node does not reach is no use to anybody: it would only make a failover wait. So a renewal follows upon
    /// an answer of the server. One that stands still has then got its last renewal before it stood still, or a moment later, and the time
    /// in which that is found out is time in which its lease runs out.</summary>
    private void Renew(Duty duty, ClusterLedger ledger)
    {
        var now = services.Now;
        var view = model.View(duty.Instance);
        var timing = services.Config.Timing;
        var isReached = view.MissesInRow == 0 && view.AliveAt is { } alive && now - alive <= timing.ProbeInterval / 2;
        if (now < duty.NextRenewal || !ledger.LeaseIsRenewable || !isReached || duty.RenewalsUnderWay >= RenewalsUnderWayMax) return;
        duty.NextRenewal = now + services.Config.Timing.LeaseRenewal;
#if VERIFY_MUTANTS
        if (Raft.FaultPoint.Fires("a renewal is left out", perMille: 100)) return;
#endif
        duty.FirstRenewal ??= now;
        duty.RenewalsUnderWay++;
        var (renewal, lease) = RenewalOf(duty, timing.WriteLease);
        services.Submit(renewal, result => Renewed(duty, now, lease, result));
    }

    /// <summary>It says for how long, since nobody else knows the settings of this node. A member of an older release would not understand that; then the lease is no
    /// longer than nodes take one to be that says nothing.</summary>
    private (HaCommand Renewal, TimeSpan Lease) RenewalOf(Duty duty, TimeSpan lease)
    {
        var renewal = new HaCommand.RenewLease(cluster, duty.Instance, services.Config.Self.Name, duty.Token, (int)Math.Ceiling(lease.TotalMilliseconds));
        if (services.ObjectionTo(new Command.Ha(renewal)) is null) return (renewal, lease);
        var unsaid = TimeSpan.FromMilliseconds(ClusterLedger.UnsaidLeaseMs);
        return (renewal with { LeaseMs = 0 }, lease < unsaid ? lease : unsaid);
    }

    private void Renewed(Duty duty, TimeSpan sentAt, TimeSpan lease, CommandResult result)
    {
        duty.RenewalsUnderWay--;
        if (result is not CommandResult.Done || sentAt <= duty.LetGoAt) return;
        var end = LeaseArithmetic.HolderEnd(sentAt, lease, services.Config.Timing);
        if (duty.End is null || end > duty.End) (duty.End, duty.RenewedAt) = (end, sentAt);
        if (duty != _duty) return;
        Tick();
        if (MayBeOpen(duty)) gates(duty.Instance).Feed(duty.Token, cluster, duty.End.Value, () => MayBeOpen(duty));
    }

    private bool MayBeOpen(Duty duty) =>
        duty == _duty && duty.IsHeld && duty.End is { } end && services.Ha.Cluster(cluster) is { LeaseIsRenewable: true } ledger
        && ledger.Token == duty.Token && services.Now < LeaseArithmetic.FencingStart(end, services.Config.Timing);

    /// <summary>Keeping a server open takes a lease; opening it takes one that was renewed a moment ago. A guardian that stood still and still holds its
    /// lease may have been replaced meanwhile, and would open with its old token what the next one has just closed (swarm fleet, seed 355). Nobody is
    /// replaced for silence before he has left out three reports.</summary>
    private bool MayOpen(Duty duty) => MayBeOpen(duty) && services.Now - duty.RenewedAt <= 2 * services.Config.Timing.ReportInterval;

    private void Open(Duty duty)
    {
        duty.MustClose = false;
        _closedUnder = _goneUnder = 0;
        var gate = gates(duty.Instance);
        var view = model.View(duty.Instance);
        var isSeenClosed = view is { IsAnswering: true, Facts.KeepsUsersOut: true } && view.FactsAskedAt >= duty.LooksCountFrom
            && view.HasFactsSince(services.Now - services.Config.Timing.ObservationAgeMax);
        if (!isSeenClosed || gate.IsBusy || !MayOpen(duty)) return;
        gate.Open(
            duty.Token, cluster, LeaseArithmetic.FencingStart(duty.End!.Value, services.Config.Timing), () => MayOpen(duty),
            _ => duty.LooksCountFrom = services.Now);
    }

    private void Close(Duty duty)
    {
        var gate = gates(duty.Instance);
        var view = model.View(duty.Instance);
        var isSeenOpen = view is { IsAnswering: true, Facts.IsReadOnly: false } && view.FactsAskedAt >= duty.LooksCountFrom;
        if (gate.IsBusy || (!duty.MustClose && !isSeenOpen) || (!duty.MustClose && IsFirstGrantUnderWay(duty))) return;
        if (!services.Config.FencingEnabled) return;

        // Closed once by this node, and open again: then another guardian has opened it, which this one, cut off, knows nothing of. Were it
        // anybody else, nobody would feed the switch, and it would be closed already.
        if (!duty.MustClose && duty.HasClosed && !services.Raft.IsInQuorum && gate.DeadMan.State == DeadManState.Armed) return;
#if VERIFY_MUTANTS
        if (Mutant.Is("M49", deviates: true)) return;
#endif
        var recovery = services.Ha.OpenRecovery(cluster) is { TakesLease: true } open ? open.Id : 0;
        gate.Close(duty.Token, cluster, "guardian", () => !MayBeOpenNow(duty), closedAt => Closed(duty, recovery, closedAt));
    }

    private void Closed(Duty duty, long recovery, TimeSpan? closedAt)
    {
        if (closedAt is not { } at) return;
        duty.MustClose = false;
        duty.HasClosed = true;
        duty.LooksCountFrom = at;
        if (duty == _duty && recovery != 0 && recovery == services.Ha.OpenRecovery(cluster)?.Id) _closedUnder = recovery;
    }

    /// <summary>The server is the primary again and this node may keep it open: no more closing, whichever duty began it.</summary>
    private bool MayBeOpenNow(Duty duty) => _duty is { } now && now.Instance == duty.Instance && MayBeOpen(now);

    /// <summary>A server that was just adopted, or whose guardian was just restarted, is open already; its lease is on the way. Nobody
    /// was promised that it is closed, so it is not closed for the moment that the first grant takes.</summary>
    private bool IsFirstGrantUnderWay(Duty duty) =>
        duty is { End: null, FirstRenewal: { } first, RenewalsUnderWay: > 0 } && services.Raft.IsInQuorum
        && services.Now - first < services.Config.Timing.FencingMargin;

    /// <summary>The word of the guardian lets the majority go on before the lease has run out. It is given only when this node has
    /// applied the recovery (so it opens the server no more), has no opening on its way, and saw the server closed, or gone, after that.</summary>
    private void GiveWord(Duty duty, ClusterLedger ledger)
    {
        if (ledger.OpenRecovery is not { TakesLease: true } recovery)
        {
            _closedUnder = _goneUnder = 0;
            return;
        }

        var gate = gates(duty.Instance);
        var view = model.View(duty.Instance);
        if (gate.IsOpening || gate.IsInDoubt) return;
        if (IsRefused(gate, view)) _goneUnder = recovery.Id;
        if (view is not { IsAnswering: true, Facts.IsReadOnly: true }) return;
        var since = leases.OpenedAt(cluster) > duty.LooksCountFrom ? leases.OpenedAt(cluster) : duty.LooksCountFrom;
        if (view.FactsAskedAt >= since) _closedUnder = recovery.Id;
    }

    /// <summary>Since this node heard of the recovery nobody listens there, and what session it had with the server is over.</summary>
    private bool IsRefused(ServerGate gate, InstanceView view)
    {
        var isRefused = gate.Refusals.HasTwoSince(leases.OpenedAt(cluster));
#if VERIFY_MUTANTS
        if (Mutant.Is("M64", deviates: !isRefused && view.MissesInRow >= 2)) isRefused |= view.MissesInRow >= 2;
#endif
        return isRefused;
    }
}
