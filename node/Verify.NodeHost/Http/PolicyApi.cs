using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.State.Policy;
using Verify.Node.Topology;

namespace Verify.NodeHost.Http;

/// <summary>orchestrator's routes for what operators allow: downtime, maintenance, promotion rules, the global switch, filters; and set-read-only and
/// set-writeable, which here belong to the guardian.</summary>
internal sealed class PolicyApi(INodeApi node, NodeConfig config)
{
    private static readonly TimeSpan DowntimeDefault = TimeSpan.FromDays(365);
    private static readonly TimeSpan MaintenanceDefault = TimeSpan.FromMinutes(10);
    private readonly Hints _hints = new(node);

    public void Map(IEndpointRouteBuilder routes)
    {
        void Read(string route, Delegate handler) => routes.MapGet($"/api/{route}", handler);
        void Write(string route, Delegate handler) => routes.MapGet($"/api/{route}", handler).WithMetadata(NeedsWrite.Mark);
        Write("begin-downtime/{host}/{port}/{owner}/{reason}", (string host, string port, string owner, string reason) => BeginAsync(host, port, owner, reason, null, isDowntime: true));
        Write("begin-downtime/{host}/{port}/{owner}/{reason}/{duration}", (string host, string port, string owner, string reason, string duration) =>
            BeginAsync(host, port, owner, reason, duration, isDowntime: true));
        Write("end-downtime/{host}/{port}", (string host, string port) => OfAsync(host, port, k => new PolicyCommand.EndDowntime(k, default), "Downtime ended on {0}", "{0} was not in downtime"));
        Write("begin-maintenance/{host}/{port}/{owner}/{reason}", (HttpContext http, string host, string port, string owner, string reason) =>
            BeginAsync(host, port, owner, reason, http.Request.Query["duration"].ToString() is { Length: > 0 } given ? given : null, isDowntime: false));
        Write("end-maintenance/{host}/{port}", (string host, string port) =>
            OfAsync(host, port, k => new PolicyCommand.EndMaintenance(k, 0, default), "Maintenance ended on {0}", "{0} was not in maintenance"));
        Write("end-maintenance/{key:long}", (long key) => ChangeAsync(new PolicyCommand.EndMaintenance(null, key, default), $"Maintenance ended: {key}", $"there is no maintenance {key}", key));
        Read("in-maintenance/{host}/{port}", InMaintenanceAsync);
        Read("maintenance", async () => Results.Json((await PolicyAsync()).Maintenance.Select(Shape)));
        Read("downtimed", () => DowntimedAsync(null));
        Read("downtimed/{hint}", (string hint) => DowntimedAsync(hint));
        Write("register-candidate/{host}/{port}/{rule}", RegisterAsync);
        Read("bulk-promotion-rules", async () => Results.Json((await PolicyAsync()).Rules.Select(r => new { Hostname = r.Instance.Host, r.Instance.Port, PromotionRule = PromotionRules.Word(r.Rule) })));
        Write("disable-global-recoveries", (HttpContext http) => SwitchAsync(http, on: false));
        Write("enable-global-recoveries", (HttpContext http) => SwitchAsync(http, on: true));
        Read("check-global-recoveries", async () =>
        {
            var policy = await PolicyAsync();
            var state = policy.RecoveriesAreOn ? "enabled" : "disabled";
            return Answer.Ok($"Global recoveries {state}{(policy.RecoveriesAreOn ? "" : $" by {policy.RecoveriesOffBy}")}", state);
        });
        Read("automated-recovery-filters", () => Answer.Ok("Automated recovery configuration details", new
        {
            RecoverMasterClusterFilters = config.Recovery.PrimaryFilters,
            RecoverIntermediateMasterClusterFilters = config.Recovery.IntermediateFilters,
            RecoveryIgnoreHostnameFilters = config.Recovery.IgnoredHosts,
        }));
        Write("set-read-only/{host}/{port}", (string host, string port) => SetAsync(host, port, isReadOnly: true));
        Write("set-writeable/{host}/{port}", (string host, string port) => SetAsync(host, port, isReadOnly: false));
    }

    private async ValueTask<PolicyPicture> PolicyAsync() =>
        await node.AskAsync(new ApiRequest.ReadPolicy()) is ApiReply.Policy(var picture) ? picture : throw new BadHttpRequestException("the node is stopping", 503);

    private async Task<IResult> BeginAsync(string host, string port, string owner, string reason, string? duration, bool isDowntime)
    {
        var lasts = isDowntime ? DowntimeDefault : MaintenanceDefault;
        if (duration is not null && !Durations.TryParse(duration, out lasts)) return Answer.Error($"'{duration}' is no duration: write a number and s, m, h, d or w (30m)", status: 400);
        var forMs = (long)lasts.TotalMilliseconds;
        return await OfAsync(
            host, port,
            k => isDowntime ? new PolicyCommand.BeginDowntime(k, owner, reason, forMs, default) : new PolicyCommand.BeginMaintenance(k, owner, reason, forMs, default),
            isDowntime ? "Downtime began on {0}" : "Maintenance began on {0}", "");
    }

    private async Task<IResult> OfAsync(string host, string port, Func<InstanceKey, PolicyCommand> command, string done, string notFound)
    {
        if (Hints.Key(host, port) is not { } key) return Answer.Error($"'{host}:{port}' is no host:port", status: 400);
        if (await _hints.FindAsync(key.ToString()) is null) return Answer.Error($"{key} is not known; see /api/clusters for what is");
        return await ChangeAsync(
            command(key), string.Format(CultureInfo.InvariantCulture, done, key), string.Format(CultureInfo.InvariantCulture, notFound, key), RecoveryShapes.Key(key));
    }

    private async Task<IResult> ChangeAsync(PolicyCommand command, string done, string notFound, object? details) => await node.AskAsync(new ApiRequest.ChangePolicy(command)) switch
    {
        ApiReply.Done(var index) => Answer.Ok(done, command is PolicyCommand.BeginMaintenance ? index : details),
        ApiReply.NotFound => Answer.Error(notFound, status: 404),
        var other => Answer.Of(other),
    };

    private async Task<IResult> RegisterAsync(string host, string port, string rule)
    {
        if (!PromotionRules.TryParse(rule, out var parsed)) return Answer.Error($"'{rule}' is no promotion rule; there are: {PromotionRules.Words}", status: 400);
        var forMs = (long)config.Recovery.RuleExpiry.TotalMilliseconds;
        return await OfAsync(host, port, k => new PolicyCommand.SetPromotionRule(k, parsed, forMs, default), "Registered candidate {0}: " + rule, "");
    }

    private async Task<IResult> SwitchAsync(HttpContext http, bool on) =>
        await ChangeAsync(new PolicyCommand.SetRecoveries(on, RecoveryApi.Who(http), default), $"Globally {(on ? "enabled" : "disabled")} recoveries", "", on ? "enabled" : "disabled");

    private async Task<IResult> InMaintenanceAsync(string host, string port)
    {
        var held = (await PolicyAsync()).Maintenance.FirstOrDefault(m => m.Instance.ToString() == $"{host}:{port}");
        return Answer.Ok($"{host}:{port} {(held is null ? "is not in maintenance" : $"is in maintenance by {held.Owner}: {held.Reason}")}", held is not null);
    }

    private async Task<IResult> DowntimedAsync(string? hint)
    {
        var cluster = hint is null ? null : await _hints.FindAsync(hint);
        if (hint is not null && cluster is null) return Answer.Error(await _hints.UnknownAsync(hint));
        var policy = await PolicyAsync();
        return Results.Json(policy.Downtimes.Where(d => cluster is null || cluster.Instances.Any(i => i.Key == d.Instance)).Select(d => new
        {
            Key = RecoveryShapes.Key(d.Instance),
            IsDowntimed = true,
            DowntimeReason = d.Reason,
            DowntimeOwner = d.Owner,
            DowntimeEndTimestamp = RecoveryShapes.Time(policy.NowWallMs + d.EndsAtMs - policy.NowMs),
            ElapsedDowntime = (policy.NowWallMs - d.BeganWallMs) * 1_000_000,
        }));
    }

    private static object Shape(Suspension m) => new
    {
        MaintenanceId = m.Key,
        Key = RecoveryShapes.Key(m.Instance),
        BeginTimestamp = RecoveryShapes.Time(m.BeganWallMs),
        IsActive = true,
        m.Owner,
        m.Reason,
    };

    /// <summary>A server is opened by its guardian alone and everybody else is kept closed, so there is nothing to set; what is wished is either so already, or
    /// would make a second primary or a fleet without one.</summary>
    private async Task<IResult> SetAsync(string host, string port, bool isReadOnly)
    {
        if (Hints.Key(host, port) is not { } key) return Answer.Error($"'{host}:{port}' is no host:port", status: 400);
        if (await _hints.FindAsync(key.ToString()) is not { } cluster) return Answer.Error($"{key} is not known; see /api/clusters for what is");
        var server = cluster.Instances.First(i => i.Key == key);
        if (server.LastProbeOk && server.IsReadOnly == isReadOnly) return Answer.Ok($"{key} is {(isReadOnly ? "read-only" : "writeable")}", RecoveryShapes.Key(key));
        if (cluster.Primary == key)
        {
            return Answer.Error(isReadOnly
                ? $"{key} is the primary of {cluster.Alias}, and its guardian {cluster.LeaseHolder} keeps it open: move the primary with graceful-master-takeover"
                : $"{key} is the primary of {cluster.Alias} and is opened by its guardian as soon as that holds its lease; nobody else may open it");
        }

        return Answer.Error(isReadOnly
            ? $"{key} is not the primary of {cluster.Alias} and is being closed without being asked"
            : $"{key} is not the primary of {cluster.Alias}, {cluster.Primary} is: two would take writes. Make it the primary with graceful-master-takeover/{cluster.Alias}/{host}/{port}");
    }
}

/// <summary>orchestrator's durations: a number and one of s, m, h, d, w; Go's (1h30m) are taken as well.</summary>
internal static class Durations
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(3650);

    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        if (text.Length == 0) return false;
        var days = text[^1] switch { 'd' => 1, 'w' => 7, _ => 0 };
        if (days > 0 && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)) duration = TimeSpan.FromDays(Math.Min(number * days, Longest.TotalDays));
        else if (!Configuration.GoDuration.TryParse(text, out duration)) return false;
        return duration > TimeSpan.Zero && duration <= Longest;
    }
}
