using System.Diagnostics;
using Verify.Chaos.Commands;
using Verify.Chaos.Live;
using Verify.Chaos.Running;
using Verify.MySql;

namespace Verify.Chaos.Tests.Live;

/// <summary>Three nodes, each with a real server, whose checks are asked at every node.</summary>
internal sealed class ThrottledFleet : IAsyncDisposable
{
    public const string Check = "/check/live/mysql/main";
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private const string Scenario = """
        name: live-throttle
        story: Replicas stop and lag; clients ask whether they may write.
        fleet:
          nodes: { east: [n1], west: [n2], north: [n3] }
          mysql: { east: [db1], west: [db2], north: [db3] }
          primary: db1
        workload: { clients: 1, for: 1s, mix: { kvGet: 1 } }
        steps: []
        expect: [singleLeader]
        """;

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(3) };

    private readonly CancellationTokenSource _end;

    private ThrottledFleet(LiveWorld world, CancellationTokenSource end) => (World, _end) = (world, end);

    public LiveWorld World { get; }

    public static async Task<ThrottledFleet> StartAsync(LiveOptions options)
    {
        await RealServers.NeedAsync(options.Flavor);
        var end = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        var world = await LiveWorld.BuildAsync(ScenarioFiles.Parse(Scenario, "live throttle"), options, TestContext.Progress.WriteLine, end.Token);
        try
        {
            await world.StartAsync(end.Token);
            return new(world, end);
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await World.DisposeAsync();
        _end.Dispose();
    }

    public async Task<string> LeaderAsync()
    {
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < Limit; await Task.Delay(50))
        {
            foreach (var (name, node) in World.Http)
                if ((await AskAsync(node, "/leader-check")).Status == 200) return name;
        }

        throw new AssertionException($"no node leads within {Limit.TotalSeconds:0} s");
    }

    /// <returns>What the last node said.</returns>
    public async Task<string> UntilAsync(int status, TimeSpan limit, string what, string because = "", string path = Check)
    {
        var (start, last) = (Stopwatch.GetTimestamp(), "");
        while (Stopwatch.GetElapsedTime(start) < limit)
        {
            var answers = await Task.WhenAll(World.Http.Select(n => AskAsync(n.Value, path)));
            if (answers.All(a => a.Status == status && a.Body.Contains(because, StringComparison.Ordinal))) return answers[^1].Body;
            last = string.Join("; ", answers.Select(a => $"{a.Status} {a.Body}"));
            await Task.Delay(50);
        }

        throw new AssertionException($"{what}: not every node said {status} within {limit.TotalSeconds:0} s; last: {last}");
    }

    /// <returns>Status 0 and the reason when nobody answers.</returns>
    public async Task<(int Status, string Body)> AskAsync(Uri node, string path)
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri(node, path));
            return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return (0, e.Message);
        }
    }
}
