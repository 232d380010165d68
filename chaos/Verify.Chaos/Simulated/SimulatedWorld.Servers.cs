using Verify.Chaos.Worlds;
using Verify.Node.Api;
using Verify.Node.Telemetry;
using Verify.Node.Topology;
using Verify.Scenarios;
using Verify.Sim.Hosts;

namespace Verify.Chaos.Simulated;

/// <summary>Single servers, single links, and the operator at the node's interface.</summary>
internal sealed partial class SimulatedWorld
{
    private const string Alias = "main";

    /// <summary>Server → whether it has started since its errant transaction was planted.</summary>
    private readonly SortedDictionary<string, bool> _errants = new(StringComparer.Ordinal);

    /// <summary>Moments at which somebody is to die → who has.</summary>
    private readonly Dictionary<LedgerMoment, string?> _deaths = [];

    public async ValueTask CutLinkAsync(string node, string server)
    {
        await CutAsync(node, server);
        await CutAsync(server, node);
    }

    public async ValueTask<long> MendLinkAsync(string node, string server) => await MendAsync(node, server) + await MendAsync(server, node);

    public ValueTask StopSqlThreadAsync(string server)
    {
        _servers[server].StopSqlThread();
        return ValueTask.CompletedTask;
    }

    public ValueTask StartSqlThreadAsync(string server)
    {
        _servers[server].StartSqlThread();
        return ValueTask.CompletedTask;
    }

    public ValueTask StallDiskAsync(string server)
    {
        _servers[server].StallDisk();
        return ValueTask.CompletedTask;
    }

    public ValueTask RunDiskAsync(string server)
    {
        _servers[server].RunDisk();
        return ValueTask.CompletedTask;
    }

    public ValueTask DelayApplierAsync(string server, TimeSpan by)
    {
        _servers[server].ApplierDelay = by;
        return ValueTask.CompletedTask;
    }

    public ValueTask PlantErrantAsync(string server)
    {
        _errants[server] = false;
        return ValueTask.CompletedTask;
    }

    public ValueTask<bool> HasStartedErrantAsync(string server) => ValueTask.FromResult(_errants.GetValueOrDefault(server));

    public async ValueTask<long> TakeOverAsync(string? to, bool isForced)
    {
        var leader = await LeaderAsync() ?? throw new IOException("no node leads that could be asked for a takeover");
        var wish = (isForced, to) switch
        {
            (true, null) => RecoveryWish.ForceFailover,
            (true, _) => RecoveryWish.ForceTakeover,
            (false, null) => RecoveryWish.GracefulTakeoverAuto,
            _ => RecoveryWish.GracefulTakeover,
        };
        InstanceKey? candidate = to is null ? null : new InstanceKey(to, NodeNames.ServerPort);
        return await AskAsync(leader, new ApiRequest.StartRecovery(Alias, wish, null, candidate, "the scenario", WithoutHooks: false)) switch
        {
            ApiReply.Done(var id) => id,
            ApiReply.Refused(var why) => throw new IOException($"{leader.Name} refuses the takeover: {why}"),
            var other => throw new IOException($"{leader.Name} did not begin the takeover: {other}"),
        };
    }

    public async ValueTask<RecoveryEnd?> RecoveryAsync(long id)
    {
        if (await LeaderAsync() is not { } leader) return null;
        return await AskAsync(leader, new ApiRequest.Recoveries()) is ApiReply.RecoveryList(var all) && all.FirstOrDefault(r => r.Id == id) is { } found
            ? new(found.IsOpen, found.IsSuccessful, found.Record?.Closing ?? "") : null;
    }

    public ValueTask ArmDeathAsync(LedgerMoment moment)
    {
        _deaths[moment] = null;
        return ValueTask.CompletedTask;
    }

    public ValueTask<string?> DisarmDeathAsync(LedgerMoment moment)
    {
        _deaths.Remove(moment, out var dead);
        return ValueTask.FromResult(dead);
    }

    /// <summary>The node is in the middle of its turn, and does nothing more in it.</summary>
    private void DieIfArmed(string node, NodeEvent.Recovery told)
    {
        var moment = new LedgerMoment(told.Phase, told.Step);
        if (!_deaths.TryGetValue(moment, out var dead) || dead is not null) return;
        _deaths[moment] = node;
        Kill(_nodes[node], $"dieAt {moment}");
        throw new SimHaltedException(node, $"killed at {moment}", cause: null);
    }

    private void StartErrant(string server)
    {
        _errants[server] = true;
        _servers[server].CommitAlone($"errant-{server}");
    }
}
