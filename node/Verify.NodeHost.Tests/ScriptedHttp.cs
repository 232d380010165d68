using System.Net.Http.Json;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Verify.Node.Api;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;

namespace Verify.NodeHost.Tests;

/// <summary>The endpoints over a node that has one answer to everything.</summary>
internal sealed class ScriptedHttp : IAsyncDisposable
{
    private readonly Task<WebApplication> _app;

    public ScriptedHttp(ApiReply reply) =>
        _app = TestHttp.StartAsync(new Always(reply), HostConfig.Parse("node.json", Encoding.UTF8.GetBytes("""{ "RaftDataDir": "d", "RaftBind": "n1", "RaftNodes": ["n1"] }"""), _ => null));

    public async Task<HttpResponseMessage> PostAsync(string path, object body)
    {
        using var http = (await _app).GetTestClient();
        return await http.PostAsJsonAsync(path, body);
    }

    public async ValueTask DisposeAsync() => await (await _app).DisposeAsync();

    private sealed class Always(ApiReply reply) : INodeApi
    {
        public ValueTask<ApiReply> AskAsync(ApiRequest request) => ValueTask.FromResult(reply);
    }
}
