using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Verify.Node.Api;
using Verify.NodeHost;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;

namespace Verify.Fuzz.Decoders;

/// <summary>The node host's whole HTTP pipeline (routes, queries, headers, JSON bodies) without sockets: the input is a request as text, a
/// server of our own hands it in, and the node behind it knows no leader. Kestrel's own parser, which is not ours, is left out.</summary>
internal sealed class HttpDecoder : IDecoder
{
    private const int StatusesFrom = 200, StatusesTo = 599;

    /// <summary>What our node answers to everything that reaches it.</summary>
    private const int Understood = 503;
    private readonly IServerSide _server = Start();

    public string Name => "http";

    public IReadOnlyList<byte[]> Corpus { get; } =
    [
        .. new[]
        {
            "GET /kv/app/name?consistent=true&metadata=true\n\n",
            "GET /kv/?prefix=a\n\n",
            "PUT /kv/app/name\nX-Verify-Session: s\nX-Verify-Sequence: 1\nContent-Type: application/json\n\n{\"value\":\"text\",\"cas\":12,\"flags\":7}",
            "DELETE /kv/app/name?cas=9\n\n",
            "GET /v1/kv/a?recurse&keys&separator=/\n\n",
            "PUT /v1/kv/a?cas=0&flags=3\n\nraw bytes",
            "POST /cluster/join\nContent-Type: application/json\n\n{\"node_id\":\"n4\",\"address\":\"127.0.0.1:7000\",\"token\":\"t\",\"learner\":true}",
            "DELETE /cluster/leave/n4?force=true\n\n",
            "POST /cluster/transfer\n\n{\"to\":\"n2\"}",
            "POST /cluster/token\n\n{\"valid_for\":\"24h\"}",
            "GET /cluster/status\n\n",
            "GET /api/leader-check/503\n\n",
            "GET /api/cluster/main\n\n",
            "GET /api/replication-analysis/main\nAuthorization: Basic dTpw\n\n",
            "POST /batch/kv/set\nX-Verify-Session: s\nX-Verify-Sequence: 2\n\n{\"items\":{\"a\":\"1\",\"b\":\"2\"}}",
            "POST /batch/kv/set-cas\n\n{\"items\":{\"a\":\"1\"},\"expected_indices\":{\"a\":12}}",
            "POST /batch/kv/delete\n\n{\"keys\":[\"a\",\"b/c\"]}",
            "POST /batch/kv/get\n\n{\"keys\":[\"a\",\"b/c\"]}",
            "PUT /session\n\n{\"name\":\"n\",\"ttl\":\"30s\",\"lock_delay\":\"5s\",\"behavior\":\"delete\"}",
            "PUT /v1/session/create\n\n{ \"Name\": \"n\", \"TTL\": \"30s\", \"LockDelay\": \"5s\", \"Behavior\": \"release\" }",
            "PUT /session/renew/1b4e28ba\n\n",
            "PUT /lock/jobs/a?session=1b4e28ba\n\n{\"value\":\"mine\"}",
            "PUT /touch/app/name?ttl=30s\n\n",
            "PUT /v1/txn\n\n[{\"KV\":{\"Verb\":\"set\",\"Key\":\"a\",\"Value\":\"MQ==\",\"Flags\":7}},{\"KV\":{\"Verb\":\"get\",\"Key\":\"a\"}},{\"KV\":{\"Verb\":\"check-not-exists\",\"Key\":\"b\"}},{\"KV\":{\"Verb\":\"cas\",\"Key\":\"a\",\"Value\":\"\",\"Index\":1}}]",
            "GET /watch/app/?prefix&index=7&wait=0s\n\n",
            "GET /watch/app/**?index=1\n\n",
            "PUT /register\n\n{ \"name\": \"web\", \"id\": \"web-1\", \"address\": \"h\", \"port\": 80, \"tags\": [\"a\"], \"checks\": [{ \"id\": \"b\", \"name\": \"b\", \"ttl\": \"10m\" }] }",
            "PUT /v1/agent/service/register\n\n{ \"Name\": \"web\", \"ID\": \"web-1\", \"Address\": \"h\", \"Port\": 80, \"Tags\": [\"a\"], \"Check\": { \"HTTP\": \"http://h:80/\", \"Interval\": \"10s\" } }",
            "PUT /heartbeat/web?id=web-1\n\n",
            "GET /v1/health/service/web?passing&index=3&wait=0s\n\n",
            "PUT /acl/policies/app\nX-Consul-Token: t\n\n{ \"description\": \"the app\", \"kv\": [{ \"path\": \"app/*\", \"capabilities\": [\"read\", \"write\"] }], \"service\": [{ \"name\": \"web*\", \"capabilities\": [\"read\", \"register\"] }] }",
            "PUT /acl/tokens\n\n{ \"description\": \"app\", \"policies\": [\"app\"] }",
            "POST /acl/test\n\n{ \"policies\": [\"app\"], \"resource\": \"kv\", \"path\": \"app/a\", \"capability\": \"read\" }",
            "POST /cluster/import\n\n" + Export(),
            "POST /import?mode=replace\n\n" + Export(),
        }.Select(Encoding.UTF8.GetBytes),
    ];

    private static string Export()
    {
        const string lines = "{\"format\":\"verify-export\",\"version\":1,\"cluster_id\":\"c\",\"node_id\":\"n\",\"applied_index\":3,\"pairs\":1}\n{\"key\":\"a\",\"value\":\"MQ==\",\"flags\":0,\"modify_index\":3}\n";
        return $"{lines}{{\"end\":true,\"pairs\":1,\"sha256\":\"{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(lines)))}\"}}\n";
    }

    /// <summary>A share for what a request starts the first time, and so much for each byte. (The table of routes is built before: it is no input's.)</summary>
    public long AllocatedBytesMax(int inputBytes) => (4 << 20) + (1024L * inputBytes);

    /// <summary>Kestrel turns it into 400, 413 or 415.</summary>
    public bool IsDocumented(Exception refusal) => refusal is BadHttpRequestException;

    public bool Read(ReadOnlySpan<byte> input)
    {
        var request = Request(input);
        if (request is null) return false;
        return Answer(_server, request) == Understood;
    }

    private static int Answer(IServerSide server, HttpRequestFeature request)
    {
        var response = new HttpResponseFeature();
        using var content = new MemoryStream();
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(request);
        features.Set<IHttpResponseFeature>(response);
        features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(content));
        server.Process(features);
        if (response.StatusCode is < StatusesFrom or > StatusesTo) throw new InvalidOperationException($"status {response.StatusCode} is none of HTTP");
        return response.StatusCode;
    }

    /// <summary>Null: no web server would hand this in.</summary>
    private static HttpRequestFeature? Request(ReadOnlySpan<byte> input)
    {
        var end = input.IndexOf("\n\n"u8);
        var head = Encoding.UTF8.GetString(end < 0 ? input : input[..end]).Split('\n');
        var line = head[0].Split(' ');
        if (line.Length < 2 || line[0].Length == 0 || !line[1].StartsWith('/')) return null;
        var query = line[1].IndexOf('?', StringComparison.Ordinal);
        var path = query < 0 ? line[1] : line[1][..query];
        var request = new HttpRequestFeature
        {
            Method = line[0], Protocol = "HTTP/1.1", Scheme = "http", RawTarget = line[1],
            Path = Uri.UnescapeDataString(path), QueryString = query < 0 ? "" : line[1][query..],
            Body = new MemoryStream(end < 0 ? [] : input[(end + 2)..].ToArray()),
        };
        request.Headers.ContentLength = request.Body.Length;
        request.Headers.Host = "127.0.0.1";
        foreach (var header in head.Skip(1))
        {
            if (header.IndexOf(':', StringComparison.Ordinal) is > 0 and var at && header.AsSpan(0, at).IndexOfAnyExcept(TokenCharacters) < 0 && !header.StartsWith("Content-Length", StringComparison.OrdinalIgnoreCase))
                request.Headers[header[..at]] = header[(at + 1)..].Trim();
        }

        return request;
    }

    /// <summary>RFC 9110 section 5.6.2, without the rarest.</summary>
    private static System.Buffers.SearchValues<char> TokenCharacters { get; } =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    private static IServerSide Start()
    {
        var server = new Server();
        var config = HostConfig.Parse("node.json", """{ "RaftDataDir": "d", "RaftBind": "n1", "RaftNodes": ["n1", "n2", "n3"], "DataCenter": "east", "DataCenters": { "n2:10008": "west", "n3:10008": "north" } }"""u8, static _ => null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IServer>(server);
        NodeHostApp.Configure(builder.Services);
        var app = builder.Build();
        NodeHostApp.Map(app, new LeaderlessNode(), config, prometheus: null);
        app.StartAsync().GetAwaiter().GetResult();
        Answer(server.Side!, Request("GET /cluster/status\n\n"u8)!);
        return server.Side!;
    }

    private interface IServerSide
    {
        void Process(IFeatureCollection features);
    }

    private sealed class LeaderlessNode : INodeApi
    {
        public ValueTask<ApiReply> AskAsync(ApiRequest request) => ValueTask.FromResult<ApiReply>(new ApiReply.NoLeader(TimeSpan.FromSeconds(1)));
    }

    /// <summary>Takes the pipeline from the host instead of listening.</summary>
    private sealed class Server : IServer
    {
        public IServerSide? Side { get; private set; }
        public IFeatureCollection Features { get; } = new FeatureCollection();

        public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
            where TContext : notnull
        {
            Side = new Pipeline<TContext>(application);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public void Dispose() { }
    }

    private sealed class Pipeline<TContext>(IHttpApplication<TContext> application) : IServerSide
        where TContext : notnull
    {
        public void Process(IFeatureCollection features)
        {
            var context = application.CreateContext(features);
            Exception? failure = null;
            try
            {
                application.ProcessRequestAsync(context).GetAwaiter().GetResult();
            }
            catch (Exception cause)
            {
                failure = cause;
                throw;
            }
            finally
            {
                application.DisposeContext(context, failure);
            }
        }
    }
}
