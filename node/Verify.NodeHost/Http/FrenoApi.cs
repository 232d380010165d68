using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.Throttle;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Throttle;
using Verify.Raft;

namespace Verify.NodeHost.Http;

/// <summary>freno's HTTP interface besides the checks (<see cref="FrenoChecks"/>): GET and HEAD for everything, as there. What changes
/// something goes to the leader from any node.</summary>
internal sealed class FrenoApi(INodeApi node, FrenoSettings settings, CheckFigures figures, RecentApps recent)
{
    private static readonly string[] Looks = ["GET", "HEAD"];
    private readonly List<string> _routes = ["/check/:app/:storeType/:storeName", "/check-if-exists/:app/:storeType/:storeName", "/check-read/:app/:storeType/:storeName/:threshold", "/check-read-if-exists/:app/:storeType/:storeName/:threshold"];

    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var path in (string[])["/lb-check", "/_ping", "/status"]) Look(routes, path, () => FrenoAnswer.General(200, "OK"));
        Look(routes, "/leader-check", () => node.Leads ? FrenoAnswer.Json("HTTP 200") : FrenoAnswer.Json("HTTP 404", 404));
        foreach (var prefix in (string[])["/raft", "/consensus"])
        {
            Look(routes, $"{prefix}/leader", async () => (await GroupAsync()).Leader is { Length: > 0 } leader ? FrenoAnswer.Json(leader) : FrenoAnswer.Empty(500));
            Look(routes, $"{prefix}/state", async () => FrenoAnswer.Json((await GroupAsync()).State));
        }

        Look(routes, "/consensus/status", StatusAsync);
        Look(routes, "/hostname", () => FrenoAnswer.Json(Environment.MachineName));
        MapThrottling(routes);
        Look(routes, "/aggregated-metrics", AggregatedAsync);
        Look(routes, "/metrics-health", HealthAsync);
        Look(routes, "/recent-apps", () => Recent(null));
        Look(routes, "/recent-apps/{lastMinutes}", (string lastMinutes) => Recent(lastMinutes));
        Look(routes, "/debug/vars", VarsAsync);
        Look(routes, "/debug/metrics", VarsAsync);
        Look(routes, "/help", () => FrenoAnswer.Json(_routes));
        routes.MapGet("/config/memcache", () => FrenoAnswer.Json(new { MemcacheServers = settings.MemcacheServers, settings.MemcachePath }));
    }

    private void MapThrottling(IEndpointRouteBuilder routes)
    {
        foreach (var tail in (string[])["", "/ratio/{ratio}", "/ttl/{ttlMinutes}", "/ttl/{ttlMinutes}/ratio/{ratio}"])
            Look(routes, $"/throttle-app/{{app}}{tail}", ThrottleAsync).WithMetadata(NeedsWrite.Mark);
        Look(routes, "/unthrottle-app/{app}", (string app, HttpRequest request) => ChangeAsync(new ApiRequest.UnthrottleApp(app, StoreOf(request)))).WithMetadata(NeedsWrite.Mark);
        Look(routes, "/throttled-apps", ThrottledAppsAsync);
        Look(routes, "/skip-host/{host}", (string host) => SkipAsync(host, null)).WithMetadata(NeedsWrite.Mark);
        Look(routes, "/skip-host/{host}/ttl/{ttlMinutes}", (string host, string ttlMinutes) => SkipAsync(host, ttlMinutes)).WithMetadata(NeedsWrite.Mark);
        Look(routes, "/skipped-hosts", async () => FrenoAnswer.Json(Sorted((await ViewAsync()).Hosts.Select(h => KeyValuePair.Create(h.Host, Text(h.ExpiresAt))))));
        Look(routes, "/recover-host/{host}", (string host) => ChangeAsync(new ApiRequest.RecoverHost(host))).WithMetadata(NeedsWrite.Mark);
    }

    private RouteHandlerBuilder Look(IEndpointRouteBuilder routes, string pattern, Delegate answer)
    {
        _routes.Add(pattern.Replace("{", ":", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal));
        return routes.MapMethods(pattern, Looks, answer);
    }

    /// <summary>Who leads, what this node is, and whether it is in touch with those who say so: the other nodes, or the backend.</summary>
    private async ValueTask<(string Leader, string State, bool IsHealthy)> GroupAsync()
    {
        if (settings.HasBackend)
        {
            return await node.AskAsync(new ApiRequest.ThrottleLeader()) is ApiReply.ThrottleLeadership(var leader, var isSelf, var problem)
                ? (leader ?? "", isSelf ? "Leader" : "Follower", problem.Length == 0) : ("", "Shutdown", false);
        }

        var raft = await RaftAsync();
        return (raft?.Leader?.Name ?? "", StateOf(raft), raft?.IsInQuorum == true);
    }

    private async ValueTask<RaftStatus?> RaftAsync() => await node.AskAsync(new ApiRequest.RaftStatus()) is ApiReply.Raft(var view) ? view.Status : null;

    private static string StateOf(RaftStatus? raft) => raft?.Role switch { null => "Shutdown", RaftRole.PreCandidate => "Candidate", var role => role.ToString()! };

    private async Task<IResult> StatusAsync()
    {
        var (leader, state, isHealthy) = await GroupAsync();
        return FrenoAnswer.Json(new
        {
            ServiceID = settings.Self,
            Healthy = isHealthy,
            IsLeader = node.Leads,
            Leader = leader,
            State = state,
            settings.Domain,
            settings.ShareDomain,
            ShareDomainServices = new SortedDictionary<string, string>(StringComparer.Ordinal),
            ShareDomainServicesList = Array.Empty<string>(),
            HealthyDomainServicesList = Array.Empty<string>(),
        });
    }

    private async Task<IResult> ThrottleAsync(string app, HttpRequest request, string? ttlMinutes = null, string? ratio = null)
    {
        if (TtlOf(ttlMinutes, out var ttl) is { } wrong) return FrenoAnswer.General(500, wrong);
        double? part = null;
        if (ratio is not null)
        {
            if (!double.TryParse(ratio, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)) return FrenoAnswer.General(500, $"ratio must be a number from 0 to 1, not '{ratio}'");
            if (!(number >= 0 && number <= 1)) return FrenoAnswer.General(500, string.Create(CultureInfo.InvariantCulture, $"ratio must be in [0..1] range; got {number}"));
            part = number;
        }

        if (ttl is null) request.HttpContext.Response.Headers["X-Verify-Note"] = "without a ttl an application stays throttled until /unthrottle-app (one that is throttled already keeps its end)";
        return await ChangeAsync(new ApiRequest.ThrottleApp(app, StoreOf(request), ttl, part));
    }

    private async Task<IResult> SkipAsync(string host, string? ttlMinutes)
    {
        if (TtlOf(ttlMinutes, out var ttl) is { } wrong) return FrenoAnswer.General(500, wrong);
        return await ChangeAsync(new ApiRequest.SkipHost(host, ttl ?? TimeSpan.FromMinutes(60)));
    }

    /// <summary>What is wrong with it; null: nothing. No minutes, or none given: null.</summary>
    private static string? TtlOf(string? minutes, out TimeSpan? ttl)
    {
        ttl = null;
        if (minutes is null) return null;
        if (!int.TryParse(minutes, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) || number < 0) return $"ttl must be a whole number of minutes, not '{minutes}'";
        if (number > 0) ttl = TimeSpan.FromMinutes(number);
        return null;
    }

    private static string StoreOf(HttpRequest request) => request.Query["store_name"].ToString();

    private async Task<IResult> ChangeAsync(ApiRequest change) => await node.AskAsync(change) switch
    {
        ApiReply.Done => FrenoAnswer.General(200, "OK"),
        ApiReply.NoLeader(var retry) => new Answer.WithRetry(FrenoAnswer.General(500, "no leader is known; nothing has been done, try again"), retry),
        ApiReply.Overloaded(var why, var retry) => new Answer.WithRetry(FrenoAnswer.General(500, why), retry),
        ApiReply.Unknown(var why) => FrenoAnswer.General(500, $"outcome unknown: {why}; asking again is safe"),
        ApiReply.Refused(var why) => FrenoAnswer.General(500, why),
        var other => FrenoAnswer.General(500, $"unexpected answer {other.GetType().Name}"),
    };

    /// <summary>The leader's; without one, what this node has applied.</summary>
    private async ValueTask<ThrottlingView> ViewAsync()
    {
        if (await node.AskAsync(new ApiRequest.ThrottleView()) is ApiReply.Throttling(var view)) return view;
        return await node.AskAsync(new ApiRequest.ThrottleViewHere()) is ApiReply.Throttling(var here) ? here : new([], [], []);
    }

    private async Task<IResult> ThrottledAppsAsync()
    {
        var apps = (await ViewAsync()).Apps.Select(a => KeyValuePair.Create(a.Store.Length > 0 ? $"{a.App}/{a.Store}" : a.App, (object)new { ExpireAt = Text(a.ExpiresAt), a.Ratio }));
        return FrenoAnswer.Json(Sorted(apps.Where(a => a.Key != ThrottleNames.AbusingApp).Append(KeyValuePair.Create(ThrottleNames.AbusingApp, (object)new { ExpireAt = Text(null), Ratio = 1.0 }))));
    }

    private async Task<IResult> AggregatedAsync(HttpRequest request)
    {
        var format = request.Query["brief"] == "true" ? "0.000" : "0.000000";
        return FrenoAnswer.Json(Sorted((await ViewAsync()).Stores.Select(s => KeyValuePair.Create(
            $"mysql/{s.Store}", s.Problem.Length > 0 ? $"error: {s.Problem}" : s.Value.ToString(format, CultureInfo.InvariantCulture)))));
    }

    private async Task<IResult> HealthAsync()
    {
        var now = TimeProvider.System.GetUtcNow();
        return FrenoAnswer.Json(Sorted((await ViewAsync()).Stores.Where(s => s.HealthyAgo is not null).Select(s => KeyValuePair.Create(
            $"mysql/{s.Store}", (object)new { LastHealthyAt = Text(now - s.HealthyAgo!.Value), SecondsSinceLastHealthy = (long)s.HealthyAgo!.Value.TotalSeconds }))));
    }

    private IResult Recent(string? lastMinutes)
    {
        var longest = TimeSpan.MaxValue;
        if (lastMinutes is not null)
        {
            if (!int.TryParse(lastMinutes, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var minutes)) return FrenoAnswer.General(500, $"the time must be a whole number of minutes, not '{lastMinutes}'");
            if (minutes > 0) longest = TimeSpan.FromMinutes(minutes);
        }

        var now = TimeProvider.System.GetUtcNow();
        return FrenoAnswer.Json(Sorted(recent.Since(longest).Select(r => KeyValuePair.Create(
            r.Name, (object)new { CheckedAtEpoch = (now - r.Ago).ToUnixTimeSeconds(), MinutesSinceChecked = (long)r.Ago.TotalMinutes }))));
    }

    /// <summary>The counters of checks under freno's names, and the figures of the stores.</summary>
    private async Task<IResult> VarsAsync()
    {
        var vars = new SortedDictionary<string, object>(StringComparer.Ordinal);
        void Add(string name, long count) => vars[name] = (vars.TryGetValue(name, out var known) ? (long)known : 0) + count;
        foreach (var (app, type, store, byReason) in figures.All())
        {
            var total = byReason.Sum();
            var errors = total - byReason[(int)CheckReason.Ok] - byReason[(int)CheckReason.NotThere];
            foreach (var name in (string[])[$"check.any", $"check.{app}", $"check.any.{type}.{store}", $"check.{app}.{type}.{store}"])
            {
                Add($"{name}.total", total);
                if (errors > 0) Add($"{name}.error", errors);
            }

            for (var i = 0; i < byReason.Count; i++)
                if (byReason[i] > 0) Add($"check.{app}.{type}.{store}.{CheckFigures.NameOf((CheckReason)i)}", byReason[i]);
        }

        var view = await ViewAsync();
        foreach (var app in view.Apps) Add($"throttled_states.{(app.Store.Length > 0 ? $"{app.App}/{app.Store}" : app.App)}", 1);
        foreach (var store in view.Stores.Where(s => s.Problem.Length == 0)) vars[$"aggregated.mysql.{store.Store}"] = store.Value;
        return FrenoAnswer.Json(vars);
    }

    private static SortedDictionary<string, T> Sorted<T>(IEnumerable<KeyValuePair<string, T>> pairs)
    {
        var sorted = new SortedDictionary<string, T>(StringComparer.Ordinal);
        foreach (var (name, value) in pairs) sorted[name] = value;
        return sorted;
    }

    /// <summary>RFC 3339; Go's zero time for never.</summary>
    private static string Text(DateTimeOffset? at) => at?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) ?? "0001-01-01T00:00:00Z";
}
