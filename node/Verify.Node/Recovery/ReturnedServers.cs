using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;
using Verify.Raft;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Recovery;

/// <summary>Brings servers that are not the primary to where they belong: closed, following the primary, or set aside with the
/// transactions named that nobody else has. Looks at what is and repairs it; remembers nothing that matters.</summary>
internal sealed class ReturnedServers(
    INodeServices services, Leadership leadership, TopologyModel model, LoopTurn turn, IServerDoor door, ReplicaAttachment attachment,
    Func<InstanceKey, ServerGate> gates, LiveCluster spec)
{
    /// <summary>MariaDB's gtid_strict_mode refuses a server that has parted from the source with this error.</summary>
    private const int SourceRefuses = 1236;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private readonly SortedDictionary<InstanceKey, Attempts> _attempts = [];
    private TimeSpan? _outsideSince;

    /// <summary>What was tried with one server.</summary>
    private sealed class Attempts
    {
        public bool IsUnderWay { get; set; }
        public TimeSpan NotBefore { get; set; }
        public TimeSpan Pause { get; set; } = FirstPause;

        /// <summary>The primary's token when it was last seen to have nothing that the primary lacks.</summary>
        public FencingToken? AgreesUnder { get; set; }
    }

    public void Look()
    {
        _outsideSince = services.Raft.IsInQuorum ? null : _outsideSince ?? services.Now;
        if (services.Ha.Cluster(spec.Alias) is { } ledger)
        {
            foreach (var instance in spec.Instances.Where(i => i.Key != ledger.Primary)) Look(instance, ledger);
        }
        else if (spec.IsManaged)
        {
            foreach (var instance in spec.Instances) LookWithoutState(instance);
        }
    }

    private void Look(Instance instance, ClusterLedger ledger)
    {
        if (!IsFresh(instance.Key)) return;
        if (!model.View(instance.Key).Facts!.IsReadOnly)
        {
            if (MayClose(instance) && !gates(instance.Key).IsBusy)
            {
                gates(instance.Key).Close(ledger.Token, spec.Alias, "returned", () => MayClose(instance), _ => { });
            }
        }
        else if (leadership.IsHeld && ledger.OpenRecovery is null && IsFresh(ledger.Primary))
        {
            BringBack(instance, ledger);
        }
    }

    /// <summary>The leader knows the newest state. A follower acts only for its own data centre and only when it has applied all
    /// that it knows to be committed; otherwise it might close the server that became the primary a moment ago.</summary>
    private bool MayClose(Instance instance) =>
        services.Ha.Primary(spec.Alias) is { } primary && primary != instance.Key
        && (leadership.IsHeld || (GuardianChoice.IsWatchman(instance.DataCenter, services)
            && services.Raft.IsInQuorum && services.Raft.Applied >= services.Raft.Commit));

    /// <summary>A member that was restarted outside the quorum has a log but does not know which part of it is committed, so it does
    /// not know whose lease it may have held. It cannot be sure, so it closes the servers of its data centre.</summary>
    private void LookWithoutState(Instance instance)
    {
        if (!IsFresh(instance.Key) || model.View(instance.Key).Facts!.IsReadOnly || gates(instance.Key).IsBusy) return;
        if (!services.Config.FencingEnabled || !MayCloseWithoutState(instance)) return;
#if VERIFY_MUTANTS
        if (Mutant.Is("M49", deviates: true)) return;
#endif
        gates(instance.Key).Close(default, spec.Alias, "guardian", () => MayCloseWithoutState(instance), _ => { });
    }

    private bool MayCloseWithoutState(Instance instance) =>
        services.Ha.Cluster(spec.Alias) is null && services.Raft.Last.Index > LogIndex.Zero
        && GuardianChoice.IsWatchman(instance.DataCenter, services)
        && _outsideSince is { } since && services.Now - since >= services.Config.Timing.WriteLease;

    private void BringBack(Instance instance, ClusterLedger ledger)
    {
        if (!_attempts.TryGetValue(instance.Key, out var attempts)) _attempts[instance.Key] = attempts = new();
        var view = model.View(instance.Key);
        var isFollowing = LeadsTo(view, ledger.Primary) && view.Replica is { } r
            && r.IoThread != ThreadState.Stopped && r.SqlThread != ThreadState.Stopped;
        var isAside = ledger.AsideOf(instance.Key) is not null;

        // A co-primary that was given up follows its successor by itself when it is back, with what was never acknowledged.
        var isAsked = !WasGivenUp(instance.Key, ledger) || attempts.AgreesUnder == ledger.Token;
        if (isFollowing && !isAside && isAsked)
        {
            attempts.Pause = FirstPause;
            return;
        }

        if (attempts.IsUnderWay || services.Now < attempts.NotBefore || services.Policy.MaintenanceOf(instance.Key) is not null) return;
        attempts.NotBefore = services.Now + attempts.Pause;
        attempts.Pause = attempts.Pause * 2 > LongestPause ? LongestPause : attempts.Pause * 2;
        if (!isAside && view is { Version.Flavor: Flavor.MariaDb, Replica.LastIoErrno: SourceRefuses } && view.Source == ledger.Primary)
        {
            Submit(new HaCommand.SetAside(spec.Alias, instance.Key, $"refused by {ledger.Primary}: {view.Replica.LastIoError}"));
            return;
        }

        Attach(instance, ledger, attempts, isFollowing && !isAside);
    }

    private static bool WasGivenUp(InstanceKey instance, ClusterLedger ledger) =>
        ledger.Closed.LastOrDefault(r => RecoveryPlan.ReplacesPrimary(r.Kind)) is { } last && last.Failed == instance && last.Successor == ledger.Primary;

    /// <summary>It follows the primary, or a server of this cluster that is well and follows it in turn (an intermediate primary). One that
    /// follows a server which is not seen well is taken to the primary itself.</summary>
    private bool LeadsTo(InstanceView view, InstanceKey primary)
    {
        for (var steps = 0; steps < spec.Instances.Length && view.Source is { } source; steps++)
        {
            if (source == primary) return true;
            if (!spec.IsDeep || !spec.Instances.Any(i => i.Key == source)) return false;

            // Where it goes when its source is dead is a recovery's business, which policies allow or not.
            if (!IsFresh(source)) return true;
            view = model.View(source);
            if (view.Replica is not { IoThread: ThreadState.Running }) return false;
        }

        return false;
    }

    /// <param name="isFollowing">It is there already and only asked.</param>
    private void Attach(Instance instance, ClusterLedger ledger, Attempts attempts, bool isFollowing)
    {
        attempts.IsUnderWay = true;
        var term = leadership.Term;
        bool MayGoOn() => leadership.IsHeldIn(term)
            && services.Ha.Cluster(spec.Alias) is { OpenRecovery: null } now && now.Token == ledger.Token;
        Drivers.Start(services, $"attaching {instance.Key}", async () =>
        {
            try
            {
                var ended = await AttachAsync(instance, ledger.Primary, isFollowing, MayGoOn);
                if (ended is Attached.Following) attempts.AgreesUnder = ledger.Token;
                if (MayGoOn()) Ended(instance.Key, ledger.Primary, ended);
            }
            catch (StoodDownException e)
            {
                RecoveryLog.StoodDown(services.Log, e.Message);
            }
            finally
            {
                attempts.IsUnderWay = false;
            }
        });
    }

    private async ValueTask<Attached> AttachAsync(Instance instance, InstanceKey primary, bool isFollowing, Func<bool> mayGoOn)
    {
        var server = new ServerLink(services, door, turn, instance.Key);
        var source = new ServerLink(services, door, turn, primary);
        try
        {
            return isFollowing ? await attachment.CheckAsync(server, source, mayGoOn) : await attachment.AttachAsync(server, instance.DataCenter, source, mayGoOn);
        }
        finally
        {
            await server.HangUpAsync();
            await source.HangUpAsync();
        }
    }

    private void Ended(InstanceKey instance, InstanceKey primary, Attached ended)
    {
        var aside = services.Ha.Cluster(spec.Alias)?.AsideOf(instance);
        switch (ended)
        {
            case Attached.Following when aside is not null:
                Submit(new HaCommand.TakeBack(spec.Alias, instance));
                break;
            case Attached.Errant errant when !string.Equals(aside?.ErrantGtids, errant.Gtids, StringComparison.Ordinal):
                Submit(new HaCommand.SetAside(spec.Alias, instance, errant.Gtids));
                break;
            case Attached.Failed failed:
                RecoveryLog.NotAttached(services.Log, instance, primary, failed.Why);
                break;
            default:
                break;
        }
    }

    private void Submit(HaCommand command) => services.Submit(command, result =>
    {
        if (result is not CommandResult.Done) RecoveryLog.NotAccepted(services.Log, spec.Alias, command, result);
    });

    private bool IsFresh(InstanceKey instance) =>
        model.View(instance).IsAnswering && model.View(instance).HasFactsSince(services.Now - services.Config.Timing.ObservationAgeMax);
}
