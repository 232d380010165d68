using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Throttle;

namespace Verify.Node.Topology;

/// <summary>Looks at one server again and again over one session of its own and says what it saw. Decides nothing.</summary>
internal sealed class Prober(
    INodeServices services, IServerDoor door, LoopTurn turn, Instance instance, SampleDesk desk, Action<InstanceKey, Observation, TimeSpan> observed)
{
    private readonly ServerLink _link = new(services, door, turn, instance.Key);
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
            var seen = await ProbeAsync();
            if (_isOver) break;
            observed(Instance.Key, seen, askedAt);
            var end = askedAt + services.Config.Timing.ProbeInterval;
            await SampleAsync(seen, askedAt, end);
            var next = end - services.Now;
            await turn.Pause(next > services.Config.Timing.Tick ? next : services.Config.Timing.Tick);
        }

        await _link.HangUpAsync();
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
        if (!sample.CameBack) observed(Instance.Key, new Observation.Missed(sample.Problem, sample.IsRefused), askedAt);
        return sample.CameBack;
    }

    /// <summary>What the probe itself says of the lag; null: the metric has to be asked for.</summary>
    private static MetricSample? OfProbe(Observation seen, LagMetric metric, TimeSpan askedAt) => seen switch
    {
        Observation.Missed m => LagReading.Missed(m.Problem, askedAt) with { IsDialError = m.Refused, IsRefused = m.Refused },
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
            return new Observation.Spoke(e.Message);
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
            return new Observation.Missed(e.Message, Refused: false);
        }
        catch (IOException e)
        {
            return new Observation.Missed(e.Message, Refused: false);
        }
    }

    private InstanceKey? SourceOf(ReplicaStatus? replica)
    {
        if (replica is null || replica.SourceHost.Length == 0) return null;
        var name = services.Config.Addresses.NameOf(Instance.DataCenter, new(replica.SourceHost, replica.SourcePort));
        return new(name.Host, name.Port);
    }
}
