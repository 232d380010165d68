using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Fleet.Servers;
using Verify.MySql;
using Verify.Scenarios;

namespace Verify.Chaos.Live;

/// <summary>Single servers by their own statements, single links by their proxies, and the operator over HTTP.</summary>
internal sealed partial class LiveWorld
{
    private const string Alias = "main";
    private const string AnswerDetails = "Details";
    private static readonly TimeSpan StatementDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan DeathLook = TimeSpan.FromMilliseconds(1);
    private readonly SortedSet<string> _errants = new(StringComparer.Ordinal);

    /// <summary>Where moments are named at which nodes die: a file per moment, renamed by who dies of it.</summary>
    private string Deaths => _run.Folder("deaths");

    public ValueTask ArmDeathAsync(LedgerMoment moment)
    {
        File.WriteAllText(OrderOf(moment), "");
        _watchers.Add(WatchDeathAsync(moment));
        return ValueTask.CompletedTask;
    }

    public ValueTask<string?> DisarmDeathAsync(LedgerMoment moment)
    {
        File.Delete(OrderOf(moment));
        if (DeadOf(moment) is not { } dead) return ValueTask.FromResult<string?>(null);
        _downOnPurpose.Add(dead);
        File.Delete($"{OrderOf(moment)}.{dead}");
        return ValueTask.FromResult<string?>(dead);
    }

    private string OrderOf(LedgerMoment moment) => Path.Combine(Deaths, moment.ToString().Replace(' ', '-'));

    private string? DeadOf(LedgerMoment moment) => _nodes.Keys.FirstOrDefault(node => File.Exists($"{OrderOf(moment)}.{node}"));

    private bool HasDiedAtAMoment(string node) => Directory.EnumerateFiles(Deaths, $"*.{node}").Any();

    /// <summary>The run's events say when the process was gone.</summary>
    private async Task WatchDeathAsync(LedgerMoment moment)
    {
        while (File.Exists(OrderOf(moment)) && !_ending.IsCancellationRequested) await Task.Delay(DeathLook);
        if (DeadOf(moment) is not { } dead) return;
        await _nodes[dead].Exited;
        var since = DateTime.UtcNow - File.GetLastWriteTimeUtc($"{OrderOf(moment)}.{dead}");
        Events.Add(EventKinds.NodeDown, dead, Nodes[dead], fields: Killed($"dieAt {moment}", since));
    }

    /// <param name="since">It did nothing any more for so long before this run heard of its end.</param>
    internal static (string Name, string Value)[] Killed(string how, TimeSpan since) =>
        [("how", how), ("lateUs", ((long)Math.Max(0, since.TotalMicroseconds)).ToString(CultureInfo.InvariantCulture))];

    public async ValueTask CutLinkAsync(string node, string server)
    {
        var from = Linked(node, server);
        await _links.CutAsync(from, server);
        await _links.CutAsync(server, from);
    }

    public async ValueTask<long> MendLinkAsync(string node, string server)
    {
        var from = Linked(node, server);
        return await _links.MendAsync(from, server) + await _links.MendAsync(server, from);
    }

    public async ValueTask StopSqlThreadAsync(string server) => await AskAsync(_byName[server],
        IsMySql(server) ? SqlText.Of($"STOP REPLICA SQL_THREAD") : SqlText.Of($"STOP SLAVE SQL_THREAD"));

    public async ValueTask StartSqlThreadAsync(string server)
    {
        if (await IsReplicaAsync(server)) await AskAsync(_byName[server], new Statement.StartReplicaSqlThread().Sql(_byName[server].Flavor));
    }

    private static ServerOptions WithDisk(ServerOptions options, Scenario scenario) =>
        scenario.Steps.Any(s => s.Fault is Fault.StallDisk) ? options with { DiskBytesMax = ServerDiskBytes, DiskMayStall = true } : options;

    public ValueTask StallDiskAsync(string server)
    {
        (_byName[server].Disk ?? throw new NotSupportedException($"{server} has no disk of its own")).Stall();
        return ValueTask.CompletedTask;
    }

    public ValueTask RunDiskAsync(string server)
    {
        _byName[server].Disk?.Run();
        return ValueTask.CompletedTask;
    }

    /// <summary>MySQL changes the delay when its applier stands, MariaDB only when both threads do.</summary>
    public async ValueTask DelayApplierAsync(string server, TimeSpan by)
    {
        if (!await IsReplicaAsync(server)) return;
        var seconds = (int)by.TotalSeconds;
        var real = _byName[server];
        if (IsMySql(server))
        {
            await AskAsync(real, SqlText.Of($"STOP REPLICA SQL_THREAD"), SqlText.Of($"CHANGE REPLICATION SOURCE TO SOURCE_DELAY = {seconds}"), SqlText.Of($"START REPLICA SQL_THREAD"));
        }
        else
        {
            await AskAsync(real, SqlText.Of($"STOP SLAVE"), SqlText.Of($"CHANGE MASTER TO MASTER_DELAY = {seconds}"), SqlText.Of($"START SLAVE"));
        }
    }

    /// <summary>Sessions that the nodes have with this server: all of their account but this one and the sampler's.</summary>
    public async Task<int> SessionsOfNodesAsync(string server)
    {
        await using var session = await OpenForAsync(_byName[server]);
        var found = await session.QueryAsync(SqlText.Of($"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = {new SqlLiteral(_servers.Users.Topology.User)}"), StatementDeadline);
        return int.Parse(found.Rows[0][0]!, CultureInfo.InvariantCulture) - 2;
    }

    /// <summary>Where a client in that data centre reaches this server.</summary>
    public string AddressFrom(string dataCenter, string server) => _plan.AddressFrom(dataCenter, server);

    /// <summary>The account of the workload.</summary>
    public MySqlLogin Application => _servers.Users.Application;

    /// <summary>By an account that may do everything.</summary>
    public Task RunAsync(string server, params SqlText[] statements) => AskAsync(_byName[server], statements);

    public ValueTask PlantErrantAsync(string server)
    {
        _byName[server].AtNextStart = WorkloadStatements.Insert($"errant-{server}", 0);
        _errants.Add(server);
        return ValueTask.CompletedTask;
    }

    public ValueTask<bool> HasStartedErrantAsync(string server) => ValueTask.FromResult(_errants.Contains(server) && _byName[server].AtNextStart is null);

    public async ValueTask<long> TakeOverAsync(string? to, bool isForced)
    {
        var verb = (isForced, to) switch
        {
            (true, null) => "force-master-failover",
            (true, _) => "force-master-takeover",
            (false, null) => "graceful-master-takeover-auto",
            _ => "graceful-master-takeover",
        };
        var leader = await LeaderAsync() ?? throw new IOException("no node leads that could be asked for a takeover");
        var (status, answer) = await GetAsync(leader, $"/api/{verb}/{Alias}{(to is null ? "" : $"/{to}/{NodeNames.ServerPort}")}?wait=0&owner=the-scenario");
        return answer is { ValueKind: JsonValueKind.Object } && status == 200
            ? answer.Value.GetProperty(AnswerDetails).GetProperty("Id").GetInt64()
            : throw new IOException($"{leader.Name} refuses the takeover ({status}): {(answer is { ValueKind: JsonValueKind.Object } said ? said.GetProperty("Message").GetString() : "no answer")}");
    }

    public async ValueTask<RecoveryEnd?> RecoveryAsync(long id)
    {
        if (await LeaderAsync() is not { } leader) return null;
        var (_, answer) = await GetAsync(leader, string.Create(CultureInfo.InvariantCulture, $"/api/audit-recovery/id/{id}"));
        if (answer is not { ValueKind: JsonValueKind.Array } all || all.GetArrayLength() == 0) return null;
        var found = all[0];
        return new(found.GetProperty("IsActive").GetBoolean(), found.GetProperty("IsSuccessful").GetBoolean(), found.GetProperty("Closing").GetString() ?? "");
    }

    private async ValueTask<LiveNode?> LeaderAsync() => (await ObserveAsync()).Leader is { } leader ? _nodes[leader] : null;

    /// <summary>The data centre of the node, where the link has a proxy.</summary>
    private string Linked(string node, string server) => Nodes[node] != Servers[server] ? Nodes[node]
        : throw new NotSupportedException($"{node} and {server} are in one data centre: between them there is no proxy that could be cut");

    private bool IsMySql(string server) => _byName[server].Flavor == Flavor.MySql;

    private async Task<bool> IsReplicaAsync(string server)
    {
        if (_byName[server] is not { IsRunning: true, IsPaused: false } real) return false;
        await using var session = await OpenForAsync(real);
        return ReplicaStatus.Read(await session.QueryAsync(new Statement.ReadReplicaStatus().Sql(real.Flavor), StatementDeadline), real.Flavor) is not null;
    }

    private async Task AskAsync(RealServer server, params SqlText[] statements)
    {
        await using var session = await OpenForAsync(server);
        try
        {
            foreach (var statement in statements) await session.QueryAsync(statement, StatementDeadline);
        }
        catch (MySqlException e)
        {
            throw new IOException($"{server.Name}: {e.Message}", e);
        }
    }

    private async Task<MySqlSession> OpenForAsync(RealServer server)
    {
        try
        {
            return await server.OpenSessionAsync(_servers.Users.Topology, StatementDeadline);
        }
        catch (Exception e) when (e is SocketException or MySqlException or OperationCanceledException)
        {
            throw new IOException($"{server.Name}: {e.Message}", e);
        }
    }

    private async Task<(int Status, JsonElement? Answer)> GetAsync(LiveNode node, string path)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(node.Http, path));
            using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            return ((int)response.StatusCode, body.RootElement.Clone());
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException)
        {
            return (0, null);
        }
    }
}
