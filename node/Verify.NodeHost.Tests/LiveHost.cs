using System.IO.Pipelines;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Verify.Node;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;
using Verify.NodeHost.Seam;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Tests;

/// <summary>A real node, alone in its group, with its HTTP endpoints: no script, no socket.</summary>
internal sealed class LiveHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly VerifyNode _node;
    private readonly SystemDisk _disk;
    private readonly HostEvents _events;
    private readonly string _directory;

    private LiveHost(WebApplication app, VerifyNode node, HostConfig config, SystemDisk disk, HostEvents events, string directory)
    {
        Config = config;
        (_app, _node, _disk, _events, _directory) = (app, node, disk, events, directory);
        (Http, Node) = (app.GetTestClient(), new Asked(node));
    }

    public HttpClient Http { get; }
    public HostConfig Config { get; }
    public INodeApi Node { get; }

    /// <param name="settings">More of the configuration: JSON without the outer braces.</param>
    public static async Task<LiveHost> StartAsync(string settings = "")
    {
        var directory = Directory.CreateTempSubdirectory("verify-live-").FullName;
        var text = $$"""{ "RaftEnabled": false, "RaftDataDir": "{{directory}}/data", "RaftBind": "127.0.0.1:{{FreePort.Next()}}", "DataCenter": "east"{{(settings.Length > 0 ? ", " + settings : "")}} }""";
        var config = HostConfig.Parse("live.json", Encoding.UTF8.GetBytes(text), _ => null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseTestServer();
        builder.Services.AddMetrics();
        NodeHostApp.Configure(builder.Services);
        var app = builder.Build();
        var events = new HostEvents(null);
        var disk = new SystemDisk(config.DataDirectory);
        var seam = new NodeSeam(
            TimeProvider.System, new Dice(7), new SystemNetwork(AllowedNetworks.Everywhere, refused: null), disk, new Surviving(), PipeScheduler.ThreadPool,
            NullLoggerFactory.Instance, app.Services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), events);
        var node = await VerifyNode.StartAsync(config.Node, seam);
        NodeHostApp.Map(app, new Asked(node), config, prometheus: null);
        await app.StartAsync();
        var host = new LiveHost(app, node, config, disk, events, directory);
        await Until.AsyncOf("a leader", async () => await node.AskAsync(new ApiRequest.KvGet("none", ReadConsistency.Consistent)) is ApiReply.NotFound ? "yes" : null);
        return host;
    }

    public async Task<(HttpStatusCode Status, JsonElement Body, HttpResponseMessage Answer)> SendAsync(HttpMethod method, string path, string? body = null, Action<HttpRequestMessage>? with = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        with?.Invoke(request);
        var answer = await Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        try
        {
            return (answer.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement.Clone(), answer);
        }
        catch (JsonException)
        {
            return (answer.StatusCode, JsonSerializer.SerializeToElement(text), answer);
        }
    }

    public async Task<JsonElement> OkAsync(HttpMethod method, string path, string? body = null, Action<HttpRequestMessage>? with = null)
    {
        var (status, found, _) = await SendAsync(method, path, body, with);
        Assert.That(status, Is.EqualTo(HttpStatusCode.OK), $"{method} {path}: {found}");
        return found;
    }

    public Task<JsonElement> GetAsync(string path) => OkAsync(HttpMethod.Get, path);

    public Task<JsonElement> PutAsync(string path, string? body = null) => OkAsync(HttpMethod.Put, path, body);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.DisposeAsync();
        await _node.StopAsync();
        _disk.Dispose();
        _events.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private sealed class Asked(VerifyNode node) : INodeApi
    {
        public ValueTask<ApiReply> AskAsync(ApiRequest request) => node.AskAsync(request);
    }

    private sealed class Surviving : IHalt
    {
        public void Halt(string reason, Exception? cause) => throw new InvalidOperationException(reason, cause);
    }
}
