using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>On the guardian of a primary: tells a disk that stands still from a server that is well. The server answers the probes, which need no disk; no feed of its
/// dead-man switch comes back; and the same commits are in its storage engine from look to look. A feed alone proves nothing (a backup's FLUSH TABLES WITH READ LOCK keeps it
/// too), nor do commits alone (a very large transaction takes its time in the binary log, through which no feed goes). On MySQL 9.7.4 the feed often does not get as far
/// as its commit (reading the list of events waits before), so the commits are anybody's. Decides nothing: it says for how long, and the leader judges.</summary>
internal sealed class StallWatch(INodeServices services, TopologyModel model, Func<InstanceKey, ServerGate> gates, IServerDoor door, LoopTurn turn, string cluster)
{
    private readonly StuckCommits _commits = new();
    private ServerLink? _link;
    private bool _isAsking;
    private TimeSpan _notBefore;

    /// <summary>The word to tell; null while there is nothing to say.</summary>
    public StalledDisk? Word
    {
        get
        {
            if (Guarded() is not { } primary || primary != _link?.Instance || !IsSuspect(primary)) return null;
            return _commits.Since(services.Now, services.Config.Timing.ObservationAgeMax) is { } since ? new(cluster, primary, (long)(services.Now - since).TotalMilliseconds) : null;
        }
    }

    /// <summary>Time moved.</summary>
    public void Tick()
    {
        if (Guarded() is not { } primary || !IsSuspect(primary))
        {
            _commits.Forget();
            LeaveLink();
            return;
        }

        if (_isAsking || services.Now < _notBefore) return;
        _notBefore = services.Now + services.Config.Timing.ProbeInterval;
        _isAsking = true;
        Drivers.Start(services, $"asking {primary} what keeps its commits", () => AskAsync(primary));
    }

    private InstanceKey? Guarded() =>
        services.Ha.Cluster(cluster) is { } ledger && string.Equals(ledger.Guardian, services.Config.Self.Name, StringComparison.Ordinal) ? ledger.Primary : null;

    /// <summary>It answers, and two probes later the feed has not come back.</summary>
    private bool IsSuspect(InstanceKey primary) =>
        gates(primary).StuckSince is { } since && services.Now - since >= 2 * services.Config.Timing.ProbeInterval
        && model.View(primary) is { IsAnswering: true } view && view.FactsAskedAt > since;

    private async Task AskAsync(InstanceKey primary)
    {
        try
        {
            if (_link?.Instance != primary)
            {
                _commits.Forget();
                if (_link is { } old) await old.HangUpAsync();
                _link = new(services, door, turn, primary);
            }

            var askedAt = services.Now;
            _commits.Saw(await _link.AskAsync(new Statement.ShowProcessList(), services.Config.Timing.StatementTimeout), askedAt);
        }
        catch (Exception e) when (e is MySqlException or IOException)
        {
            RecoveryLog.NotAskedWhatKeeps(services.Log, primary, e.Message);
        }
        finally
        {
            _isAsking = false;
        }
    }

    private void LeaveLink()
    {
        if (_link is not { } link || _isAsking) return;
        _link = null;
        Drivers.Start(services, $"leaving {link.Instance}", async () => await link.HangUpAsync());
    }
}
