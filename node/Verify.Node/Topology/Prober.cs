using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Throttle;

namespace Verify.Node.Topology;

/// <summary>Who hears what a prober saw, and says whether it is to look.</summary>
internal sealed record ProberEars(Func<Instance, bool> IsWanted, Action<InstanceKey, Observation, TimeSpan> Observed, Action<InstanceKey, DetailedLook> LookedCloser);

/// <summary>Looks at one server again and again over one session of its own and says what it saw. Decides nothing.</summary>
internal sealed class Prober(
    INodeServices services, IServerDoor door, LoopTurn turn, Instance instance, SampleDesk desk, ProberEars ears)
{
    private readonly ServerLink _link = new(services, door, turn, instance.Key);
    private readonly ServerReading _reading = new(services);
    private TimeSpan _nextLook;
    private (bool IsReadOnly, bool HasSource)? _lastRole;
    private bool _isOver;

    /// <summary>The server, and where it stands as far as that is known by now.</summary>
    public Instance Instance { get; set; } = instance;

    /// <summary>The server is looked at no longer; what is under way is not told.</summary>
    public void End() => _isOver = true;

    public async Task RunAsync()
    {
        while (!services.Stopping.IsCancellationRequested && !_isOver)
        {
            var askedAt = services.Now;
            if (!ears.IsWanted(Instance))
            {
                await _link.HangUpAsync();
                await turn.Pause(services.Config.Timing.ProbeInterval);
                continue;
            }

            var seen = await ProbeAsync();
            if (_isOver) break;
            ears.Observed(Instance.Key, seen, askedAt);
            var end = askedAt + services.Config.Timing.ProbeInterval;
            NoteRole(seen);
            if (seen is Observation.Answered) await LookCloserAsync(end);
            await SampleAsync(seen, askedAt, end);
            var next = end - services.Now;
            await turn.Pause(next > services.Config.Timing.Tick ? next : services.Config.Timing.Tick);
        }

        await _link.HangUpAsync();
    }

    /// <summary>A server that was opened, closed, promoted, attached or started again is looked at more closely at once: what was seen of it before (its semi-sync, what a
    /// restart makes of it) was seen of another role, and a proof that rests on it would have to be done without.</summary>
    private void NoteRole(Observation seen)
    {
        var role = seen is Observation.Answered a ? (a.Facts.IsReadOnly, a.Replica is not null) : ((bool, bool)?)null;
        if (role is not null && role != _lastRole) _nextLook = services.Now;
        _lastRole = role;
    }

    /// <summary>What changes seldom, now and then, in the time between two probes. What does not answer in that time is tried again later:
    /// it never makes a probe late by more than one probe's time.</summary>
    private async ValueTask LookCloserAsync(TimeSpan until)
    {
        var interval = services.Config.Discovery.DetailsInterval;
        if (interval <= TimeSpan.Zero || services.Now < _nextLook) return;
        _nextLook = services.Now + interval;
        var limit = services.Now + services.Config.Timing.ProbeTimeout;
        try
        {
            var look = await _reading.ReadAsync(_link, until > limit ? until : limit);
            if (!_isOver) ears.LookedCloser(Instance.Key, look);
        }
        catch (Exception e) when (e is MySqlException or IOException or FormatException)
        {
            _nextLook = services.Now + (interval * 6);
            TopologyLog.NotLookedAt(services.Log, Instance.Key, e.Message);
        }
    }

    /// <summary>Samples of the server's lag for the throttler, over the same session: one with the probe, more of them until the next probe is
    /// due. A server that leaves one unanswered has missed a probe, and is left alone until the next.</summary>
    private async ValueTask SampleAsync(Observation seen, TimeSpan probedAt, TimeSpan end)
    {
        if (desk.WishFor(Instance.Key) is not { } wish) return;
        foreach (var metric in wish.Metrics)
        {
            if (OfProbe(seen, metric, probedAt) is { } free) desk.Took(Instance.Key, metric, free);
            else if (!await AskAsync(metric)) return;
        }

        if (seen is not Observation.Answered) return;
        for (var at = probedAt + wish.Every; wish is { Every.Ticks: > 0 } && at < end; at += wish.Every)
        {
            if (at > services.Now) await turn.Pause(at - services.Now);
            if (_isOver || services.Stopping.IsCancellationRequested || desk.WishFor(Instance.Key) is not { Every.Ticks: > 0 } again) return;
            wish = again;
            foreach (var metric in wish.Metrics)
                if (!await AskAsync(metric)) return;
            while (at + wish.Every < services.Now) at += wish.Every;
        }
    }

    /// <summary>False: the server did not answer.</summary>
    private async ValueTask<bool> AskAsync(LagMetric metric)
    {
        var askedAt = services.Now;
        var sample = await LagReading.TakeAsync(_link, metric, askedAt, services.Config.Timing.ProbeTimeout);
        if (_isOver) return false;
        desk.Took(Instance.Key, metric, sample);
        if (!sample.CameBack) ears.Observed(Instance.Key, new Observation.Missed(sample.Problem, sample.IsRefused), askedAt);
        return sample.CameBack;
    }

    /// <summary>What the probe itself says of the lag; null: the metric has to be asked for.</summary>
    private static MetricSample? OfProbe(Observation seen, LagMetric metric, TimeSpan askedAt) => seen switch
    {
        Observation.Missed m => LagReading.Missed(m.Problem, askedAt) with { IsDialError = m.IsDialError, IsRefused = m.Refused },
        Observation.Spoke s => new(askedAt, null, s.Problem, CameBack: true),
        Observation.Answered a when metric is LagMetric.ReplicaStatus => LagReading.Of(a.Replica, askedAt),
        _ => null,
    };

    private async ValueTask<Observation> ProbeAsync()
    {
        var began = services.Now;
        var limit = services.Config.Timing.ProbeTimeout;
        try
        {
            var facts = await _link.ReadFactsAsync(limit);
            var replica = await _link.ReadReplicaStatusAsync(limit - (services.Now - began));
            return new Observation.Answered(_link.Version, facts, replica, SourceOf(replica));
        }
        catch (MySqlServerException e)
        {
            return new Observation.Spoke(e.Message, e.Code);
        }
        catch (FormatException e)
        {
            return new Observation.Spoke(e.Message);
        }
        catch (ConnectionRefusedException e)
        {
            return new Observation.Missed(e.Message, Refused: true);
        }
        catch (MySqlException e)
        {
            return new Observation.Missed(e.Message, Refused: false, Hung: e is MySqlTimeoutException { HasConnected: true }) { IsDialError = LagReading.IsDialError(e) };
        }
        catch (IOException e)
        {
            return new Observation.Missed(e.Message, Refused: false) { IsDialError = LagReading.IsDialError(e) };
        }
    }

    private InstanceKey? SourceOf(ReplicaStatus? replica)
    {
        if (replica is null || replica.SourceHost.Length == 0) return null;
        var name = services.Config.Addresses.NameOf(Instance.DataCenter, new(replica.SourceHost, replica.SourcePort));
        return services.Fleet.NameOf(new(name.Host, name.Port));
    }
}
