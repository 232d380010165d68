using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using Verify.Node;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Node.Throttle;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.History;
using Verify.NodeHost.Http;
using Verify.NodeHost.Keys;
using Verify.NodeHost.Metrics;
using Verify.NodeHost.Security;
using Verify.NodeHost.Seam;

namespace Verify.NodeHost;

/// <summary>Builds the process around a node: sockets, disk, clock, HTTP, metrics; starts and stops it.</summary>
internal static class NodeHostApp
{
    /// <param name="eventsFile">Where the node's own events go, one JSON object a line; null for nowhere.</param>
    /// <returns>The process's exit code.</returns>
    /// <exception cref="CertificateException">The certificate files cannot be used.</exception>
    public static async Task<int> RunAsync(HostConfig config, string? eventsFile)
    {
        // Before any other thread is there: a thread has the priority of the one that started it.
        var priority = config.HighPriority ? Seam.ProcessPriority.Raise() : null;
        CertificateFiles? https = null;
        RefusedSources? refused = null;
        var checks = new CheckWire();
        var builder = WebApplication.CreateSlimBuilder();
        ConfigureLogging(builder.Logging, config.Log);
        builder.Services.AddMetrics();
        Configure(builder.Services);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(10));
        if (config.Https is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseSockets(HttpListener.Configure);
        builder.WebHost.ConfigureKestrel(k => HttpListener.Configure(k, config, () => https!, () => refused!, checks));
        await using var app = builder.Build();

        var logs = app.Services.GetRequiredService<ILoggerFactory>();
        var log = logs.CreateLogger("Verify.NodeHost");
        foreach (var warning in config.Warnings) HostLog.ConfigWarning(log, warning);
        if (priority is not null) HostLog.PriorityIsOrdinary(log, priority);
        if (!config.Node.FencingEnabled) HostLog.FencingOff(log);
        var meters = app.Services.GetRequiredService<IMeterFactory>();
        refused = new(log, TimeProvider.System, meters);
        https = config.Https is { } wanted ? new(wanted.Files, log, TimeProvider.System) : null;
        INetwork peers = new SystemNetwork(config.Access.PeerNetworks, refused);
        if (config.PeerTls is { } files) peers = new TlsNetwork(peers, new(files, log, TimeProvider.System), refused);

        using var events = new HostEvents(eventsFile);
        await using var history = config.History.File is null ? null : new HistoryStore(config.History, events, log, TimeProvider.System, meters);
        using var disk = new SystemDisk(config.DataDirectory);
        var skewFile = Environment.GetEnvironmentVariable(TestOnlySwitches.Clock);
        using var skewed = skewFile is null ? null : new SkewableTime(skewFile);
        if (skewed is not null) HostLog.ClockSkewable(log, skewFile!);
        var detections = new DetectionLog(history is null ? events : history, TimeProvider.System);
        INodeEvents told = Environment.GetEnvironmentVariable(TestOnlySwitches.DieAt) is { Length: > 0 } deaths ? new DeathAtMoment(detections, deaths) : detections;
        var seam = new NodeSeam(skewed ?? TimeProvider.System, new Dice(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8))),
            new SystemNetwork(AllowedNetworks.Everywhere, refused: null), TestOnlyDisks.Around(disk, Environment.GetEnvironmentVariable, log),
            new SystemHalt(config.Node.Self.Name, log, events), PipeScheduler.ThreadPool, logs, meters, told) { PeerNetwork = peers, Processes = new SystemProcesses() };

        var prometheus = new PrometheusText();
        using var provider = Sdk.CreateMeterProviderBuilder().AddMeter("Verify.*").AddReader(prometheus.Reader).Build();

        await WarmUp.RunAsync();
        var node = await VerifyNode.StartAsync(config.Node, seam);
        var api = new NodeApi(node);
        var keys = new KeyRotation(config.DataKeyFile, config.Node.Keys, node.UseKeys, log);
        using var hangUp = keys.OnHangUp();
        Map(app, api, config, prometheus, refused, keys, checks);
        if (!config.Freno.HasBackend) detections.Map(app);
        await using var dns = DnsOf(config, api, logs);
        await app.StartAsync();
        history?.Start(api);
        HostLog.Ready(log, config.Node.Self.Name, $"{config.Scheme}://{config.Listen}", config.DataDirectory);
        var lost = await EndAsync(app, history, log);
        await node.StopAsync();
        return lost ? ExitCode.HistoryLost : ExitCode.Stopped;
    }

    /// <summary>Null: it is off.</summary>
    private static NameServer.DnsServer? DnsOf(HostConfig config, INodeApi api, ILoggerFactory logs)
    {
        if (config.Catalogue.Dns is not { Listen: { } listen } settings) return null;
        var log = logs.CreateLogger("Verify.NodeHost.Dns");
        NameServer.DnsLog.Listens(log, listen, string.Join(", ", settings.Domains));
        return NameServer.DnsServer.Start(new(api, settings, new(api, config.Node), config.Acl.Rules is { IsEnabled: true } rules ? name => MayResolve(api, rules, name) : static _ => ValueTask.FromResult(true)), listen, log);
    }

    /// <summary>Who asks by DNS shows no token.</summary>
    private static async ValueTask<bool> MayResolve(INodeApi api, Http.Access.AclSettings rules, string service) =>
        await api.AskAsync(new ApiRequest.JudgeAccess(default, rules.AllowsByDefault)) is ApiReply.Judged(var judgement)
        && judgement.May(Verify.Node.State.Access.AccessArea.Service, service, Verify.Node.State.Access.AccessLevel.Read);

    /// <summary>Until somebody stops the process, or the history store stays away for too long (true).</summary>
    private static async Task<bool> EndAsync(WebApplication app, HistoryStore? history, ILogger log)
    {
        var stopped = app.WaitForShutdownAsync();
        if (history is null || await Task.WhenAny(stopped, history.GivenUp) == stopped)
        {
            await stopped;
            return false;
        }

        var why = await history.GivenUp;
        HostLog.HistoryLost(log, why);
        await Console.Error.WriteLineAsync($"verify-node leaves: {why}");
        app.Lifetime.StopApplication();
        await stopped;
        return true;
    }

    internal static void ConfigureLogging(ILoggingBuilder logging, LogSettings settings)
    {
        logging.ClearProviders();
        if (settings.Json) logging.AddJsonConsole(o => o.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'");
        else
        {
            logging.AddSimpleConsole(o =>
            {
                o.SingleLine = true;
                o.TimestampFormat = "HH:mm:ss.fff ";
            });
        }

        logging.SetMinimumLevel(settings.Least).AddFilter("Microsoft", LogLevel.Warning);
        if (settings.Json) logging.Services.Configure<Microsoft.Extensions.Logging.Console.JsonConsoleFormatterOptions>(o => o.UseUtcTimestamp = true);
    }

    /// <summary>Names in JSON stand as they are written here: orchestrator's are capitalised, Konsul's are not.</summary>
    internal static void Configure(IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(o => o.SerializerOptions.PropertyNamingPolicy = null);
        services.AddHttpContextAccessor();
    }

    internal static void Map(WebApplication app, INodeApi node, HostConfig config, PrometheusText? prometheus, RefusedSources? refused = null, KeyRotation? keys = null, CheckWire? checks = null)
    {
        var rate = new Http.Access.RateLimit(config.Acl.Rate, TimeProvider.System, refused);
        var countsChecks = config.Acl.Rate is { IsEnabled: true, CoversChecks: true };
        if (countsChecks) rate.Use(app);
        FrenoHosting.Map(app, node, config, countsChecks ? null : checks);
        if (!countsChecks) rate.Use(app);
        new AccessGate(config.Access, refused).Use(app);
        new Http.Access.AclGate(node, config.Acl.Rules, refused).Use(app);
        if (prometheus is not null) app.MapGet("/metrics", () => Results.Text(prometheus.Collect(), "text/plain; version=0.0.4; charset=utf-8"));

        // Alone in its Raft group, such a node has nothing of the rest in common with others.
        if (config.Freno.HasBackend) return;
        new OrchestratorApi(node, config.Node, $"{config.Scheme}://{config.Node.ApiAdvertise ?? config.Listen}").Map(app);
        new PrimaryCheckApi(node).Map(app);
        new FleetApi(node).Map(app);
        new AnalysisApi(node, config.Node.Self.Name).Map(app);
        new RecoveryApi(node).Map(app);
        new RecoveryAuditApi(node, config.Node).Map(app);
        new PolicyApi(node, config.Node).Map(app);
        new KonsulKvApi(node).Map(app);
        new ConsulKvApi(node, config.Node.DataCenter).Map(app);
        Http.Catalogue.CatalogueRoutes.Map(app, node, config);
        new ConsulTxnApi(node, config.Node.DataCenter).Map(app);
        new KonsulBatchApi(node).Map(app);
        app.UseWebSockets();
        new WatchApi(node).Map(app);
        new SessionApi(node, config.Node.Self.Name, config.Node.DataCenter).Map(app);
        var admitsAnybody = config.Access is { Method.Length: > 0 } or { AdmitsUnknown: true } || config.Https is { NeedsClientCertificate: true };
        new ClusterApi(node, config.Node, new(config.Scheme, config.PeerTls is not null, config.NodeName, () => keys?.Active ?? "", admitsAnybody)).Map(app);
        keys?.Map(app);
    }

    private sealed class NodeApi(VerifyNode node) : INodeApi
    {
        public bool Leads => node.LeadsForSure;
        public ValueTask<ApiReply> AskAsync(ApiRequest request) => node.AskAsync(request);
        public CheckAnswer Check(string app, string storeType, string store, CheckFlags flags) => node.Check(app, storeType, store, flags);
    }
}

internal static partial class HostLog
{
    [LoggerMessage(1, LogLevel.Information, "{Node} is ready: {Listen}, data in {Directory}")]
    public static partial void Ready(ILogger log, string node, string listen, string directory);

    [LoggerMessage(2, LogLevel.Warning, "Configuration: {Warning}")]
    public static partial void ConfigWarning(ILogger log, string warning);

    [LoggerMessage(3, LogLevel.Critical, "TEST ONLY: fencing is switched OFF by VERIFY_TEST_ONLY_NO_FENCING=1. Two primaries are possible. Never run a real fleet like this.")]
    public static partial void FencingOff(ILogger log);

    [LoggerMessage(6, LogLevel.Information, "The node runs at ordinary priority: {Why}. A machine at 100 % CPU may then cost it its leadership; give it CAP_SYS_NICE or a Nice= of its service manager, or set ProcessPriority to normal.")]
    public static partial void PriorityIsOrdinary(ILogger log, string why);

    [LoggerMessage(5, LogLevel.Critical, "The node leaves: {Why}")]
    public static partial void HistoryLost(ILogger log, string why);

    [LoggerMessage(4, LogLevel.Critical, "TEST ONLY: this node's clock is controlled by {File} (VERIFY_TEST_ONLY_CLOCK).")]
    public static partial void ClockSkewable(ILogger log, string file);
}
