using System.Net.Http.Json;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Verify.Node.Api;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;

namespace Verify.NodeHost.Tests;

/// <summary>The endpoints over a node that has one answer to everything.</summary>
internal sealed class ScriptedHttp : IAsyncDisposable
{
    private readonly WebApplication _app;
    private bool _isStarted;

    public ScriptedHttp(ApiReply reply)
    {
        var config = HostConfig.Parse("node.json", Encoding.UTF8.GetBytes("""{ "RaftDataDir": "d", "RaftBind": "n1", "RaftNodes": ["n1"] }"""), _ => null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseTestServer();
        NodeHostApp.Configure(builder.Services);
        _app = builder.Build();
        NodeHostApp.Map(_app, new Always(reply), config, prometheus: null);
    }

    public async Task<HttpResponseMessage> PostAsync(string path, object body)
    {
        if (!_isStarted) await _app.StartAsync();
        _isStarted = true;
        using var http = _app.GetTestClient();
        return await http.PostAsJsonAsync(path, body);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private sealed class Always(ApiReply reply) : INodeApi
    {
        public ValueTask<ApiReply> AskAsync(ApiRequest request) => ValueTask.FromResult(reply);
    }
}
