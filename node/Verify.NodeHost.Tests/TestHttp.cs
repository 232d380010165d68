using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;

namespace Verify.NodeHost.Tests;

/// <summary>The endpoints in memory, without a socket.</summary>
internal static class TestHttp
{
    /// <summary>All endpoints of a node.</summary>
    public static Task<WebApplication> StartAsync(INodeApi node, HostConfig config) => StartAsync(app => NodeHostApp.Map(app, node, config, prometheus: null));

    public static async Task<WebApplication> StartAsync(Action<WebApplication> map)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseTestServer();
        NodeHostApp.Configure(builder.Services);
        var app = builder.Build();
        map(app);
        await app.StartAsync();
        return app;
    }
}
