using System.Collections.Immutable;
using System.Globalization;
using Verify.MySql;
using Verify.Node.Loop;

namespace Verify.Node.Topology;

/// <summary>What the operator's own queries said of a server; null: not asked, or not answered.</summary>
internal sealed record Detected
{
    public string? DataCenter { get; init; }
    public string? ClusterAlias { get; init; }
    public string? ClusterDomain { get; init; }
    public string? InstanceAlias { get; init; }
    public string? PromotionRule { get; init; }

    /// <summary>orchestrator's priority: 0 or empty: no semi-sync acknowledgements expected of it.</summary>
    public string? SemiSyncEnforced { get; init; }

    /// <summary>By ReplicationLagQuery.</summary>
    public double? LagSeconds { get; init; }
}

/// <summary>A look at what changes seldom.</summary>
internal sealed record DetailedLook(ServerDetails Details, Detected Detected);

/// <summary>Reads what changes seldom over a session that is open. What a server refuses to tell is left out; what it does not answer in
/// time ends the reading. Decides nothing.</summary>
internal sealed class ServerReading(INodeServices services)
{
    private static readonly string[] Rules = ["must", "prefer", "neutral", "prefer_not", "must_not"];

    /// <exception cref="MySqlException"/>
    /// <exception cref="IOException"/>
    public async ValueTask<DetailedLook> ReadAsync(ServerLink link, TimeSpan until)
    {
        var details = new ServerDetails();
        foreach (var statement in (Statement[])[new Statement.ReadVariables(), new Statement.ReadCounters()])
        {
            if (await MaybeAsync(link, statement, until) is { } table) details = details.With(table, link.Version.Flavor);
        }

        var persisted = await MaybeAsync(link, new Statement.ReadPersistedReadOnly(), until);
        details = details with { AfterRestart = persisted is null ? RestartState.NotKnown : ServerDetails.AfterRestartOf(persisted, link.Version.Flavor) };
        if (await MaybeAsync(link, new Statement.ListReplicas(), until) is { } listed) details = details with { Replicas = ServerDetails.ReplicasOf(listed) };
        if (await MaybeAsync(link, new Statement.ListDumps(), until) is { } dumps) details = details with { DumpHosts = ServerDetails.DumpHostsOf(dumps) };
        if (await MaybeAsync(link, new Statement.ReadBinlogPosition(), until) is { } position) details = details with { Binlog = ServerDetails.BinlogOf(position) };
        return new(details, await DetectAsync(link, until));
    }

    private async ValueTask<Detected> DetectAsync(ServerLink link, TimeSpan until)
    {
        var settings = services.Config.Discovery;
        var rule = await AskAsync(link, settings.PromotionRuleQuery, until);
        var lag = await AskAsync(link, settings.ReplicationLagQuery, until);
        return new()
        {
            DataCenter = await AskAsync(link, settings.DataCenterQuery, until),
            ClusterAlias = await AskAsync(link, settings.ClusterAliasQuery, until),
            ClusterDomain = await AskAsync(link, settings.ClusterDomainQuery, until),
            InstanceAlias = await AskAsync(link, settings.InstanceAliasQuery, until),
            PromotionRule = rule is not null && Rules.Contains(rule, StringComparer.Ordinal) ? rule : null,
            SemiSyncEnforced = await AskAsync(link, settings.SemiSyncEnforcedQuery, until),
            LagSeconds = double.TryParse(lag, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) ? seconds : null,
        };
    }

    private async ValueTask<string?> AskAsync(ServerLink link, string query, TimeSpan until)
    {
        if (query.Length == 0 || await MaybeAsync(link, new Statement.AskConfigured(query), until) is not { Rows.Count: > 0 } table) return null;
        return table.Rows[0] is [{ Length: > 0 } value, ..] ? value : null;
    }

    private async ValueTask<ResultTable?> MaybeAsync(ServerLink link, Statement statement, TimeSpan until)
    {
        try
        {
            return await link.AskAsync(statement, until - services.Now);
        }
        catch (MySqlServerException refused)
        {
            TopologyLog.NotTold(services.Log, link.Instance, statement, refused.Message);
            return null;
        }
    }
}
