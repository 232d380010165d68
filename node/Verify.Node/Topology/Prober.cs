using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Seam;

namespace Verify.Node.Topology;

/// <summary>Looks at one server again and again over one session of its own and says what it saw. Decides nothing.</summary>
internal sealed class Prober(
    INodeServices services, IServerDoor door, LoopTurn turn, Instance instance, Action<InstanceKey, Observation, TimeSpan> observed)
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
            var next = askedAt + services.Config.Timing.ProbeInterval - services.Now;
            await turn.Pause(next > services.Config.Timing.Tick ? next : services.Config.Timing.Tick);
        }

        await _link.HangUpAsync();
    }

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
