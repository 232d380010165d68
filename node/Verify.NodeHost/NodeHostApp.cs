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
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;
using Verify.NodeHost.Metrics;
using Verify.NodeHost.Seam;

namespace Verify.NodeHost;

/// <summary>Builds the process around a node: sockets, disk, clock, HTTP, metrics; starts and stops it.</summary>
internal static class NodeHostApp
{
    /// <param name="eventsFile">Where the node's own events go, one JSON object a line; null for nowhere.</param>
    public static async Task RunAsync(HostConfig config, string? eventsFile)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddSimpleConsole(o =>
        {
            o.SingleLine = true;
            o.TimestampFormat = "HH:mm:ss.fff ";
        });
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Services.AddMetrics();
        Configure(builder.Services);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(10));
        builder.WebHost.ConfigureKestrel(k => k.AddServerHeader = false).UseUrls($"http://{config.Listen}");
        await using var app = builder.Build();

        var logs = app.Services.GetRequiredService<ILoggerFactory>();
        var log = logs.CreateLogger("Verify.NodeHost");
        foreach (var warning in config.Warnings) HostLog.ConfigWarning(log, warning);
        if (!config.Node.FencingEnabled) HostLog.FencingOff(log);

        using var events = new HostEvents(eventsFile);
        using var disk = new SystemDisk(config.DataDirectory);
        var skewFile = Environment.GetEnvironmentVariable("VERIFY_TEST_ONLY_CLOCK");
        using var skewed = skewFile is null ? null : new SkewableTime(skewFile);
        if (skewed is not null) HostLog.ClockSkewable(log, skewFile!);
        var seam = new NodeSeam(skewed ?? TimeProvider.System, new Dice(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8))), new SystemNetwork(),
            TestOnlyDisks.Around(disk, Environment.GetEnvironmentVariable, log),
            new SystemHalt(config.Node.Self.Name, log, events), PipeScheduler.ThreadPool, logs, app.Services.GetRequiredService<IMeterFactory>(), events);

        var prometheus = new PrometheusText();
        using var meters = Sdk.CreateMeterProviderBuilder().AddMeter("Verify.*").AddReader(prometheus.Reader).Build();

        var node = await VerifyNode.StartAsync(config.Node, seam);
        Map(app, new NodeApi(node), config, prometheus);
        await app.StartAsync();
        HostLog.Ready(log, config.Node.Self.Name, config.Listen.ToString(), config.DataDirectory);
        await app.WaitForShutdownAsync();
        await node.StopAsync();
    }

    /// <summary>Names in JSON stand as they are written here: orchestrator's are capitalised, Konsul's are not.</summary>
    internal static void Configure(IServiceCollection services) =>
        services.ConfigureHttpJsonOptions(o => o.SerializerOptions.PropertyNamingPolicy = null);

    internal static void Map(WebApplication app, INodeApi node, HostConfig config, PrometheusText? prometheus)
    {
        new OrchestratorApi(node, config.Node, config.Listen.ToString()).Map(app);
        new ConsulKvApi(node).Map(app);
        if (prometheus is not null) app.MapGet("/metrics", () => Results.Text(prometheus.Collect(), "text/plain; version=0.0.4; charset=utf-8"));
    }

    private sealed class NodeApi(VerifyNode node) : INodeApi
    {
        public ValueTask<ApiReply> AskAsync(ApiRequest request) => node.AskAsync(request);
    }
}

internal static partial class HostLog
{
    [LoggerMessage(1, LogLevel.Information, "{Node} is ready: http://{Listen}, data in {Directory}")]
    public static partial void Ready(ILogger log, string node, string listen, string directory);

    [LoggerMessage(2, LogLevel.Warning, "Configuration: {Warning}")]
    public static partial void ConfigWarning(ILogger log, string warning);

    [LoggerMessage(3, LogLevel.Critical, "TEST ONLY: fencing is switched OFF by VERIFY_TEST_ONLY_NO_FENCING=1. Two primaries are possible. Never run a real fleet like this.")]
    public static partial void FencingOff(ILogger log);

    [LoggerMessage(4, LogLevel.Critical, "TEST ONLY: this node's clock is controlled by {File} (VERIFY_TEST_ONLY_CLOCK).")]
    public static partial void ClockSkewable(ILogger log, string file);
}
