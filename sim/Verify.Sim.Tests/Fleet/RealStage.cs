using Verify.Fleet;
using Verify.Fleet.Servers;
using Verify.MySql;

namespace Verify.Sim.Tests.Fleet;

/// <summary>Three real servers of the live fleet.</summary>
internal sealed class RealStage : ITranscriptStage, IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);
    private readonly FleetRun _run;
    private readonly ServerHost _host;

    private RealStage(FleetRun run, ServerHost host) => (_run, _host) = (run, host);

    public Flavor Flavor => _host.Flavor;
    public TimeProvider Time => TimeProvider.System;
    public MySqlLogin Topology => _host.Users.Topology;
    public MySqlLogin Application => _host.Users.Application;
    public MySqlLogin Replication => _host.Users.Replication;

    /// <summary>Ignores the test where no server can be had, or fails it when VERIFY_REQUIRE_LIVE=1 says that there must be one.</summary>
    public static async Task<RealStage> BeginAsync(Flavor flavor)
    {
        try
        {
            var program = await new ServerInstall { Say = TestContext.Progress.WriteLine }.FindOrFetchAsync(flavor);
            var run = FleetRun.Begin(FleetCache.Default(), TestContext.Progress.WriteLine);
            var host = new ServerHost(run, program);

            for (var i = 1; i <= 3; i++) host.Add($"s{i}");
            return new(run, host);
        }
        catch (FleetException missing)
        {
            if (Environment.GetEnvironmentVariable("VERIFY_REQUIRE_LIVE") is "1") Assert.Fail(missing.Message);
            Assert.Ignore(missing.Message);
            throw;
        }
    }

    public Task StartAsync(string server) => Find(server).StartAsync(StartDeadline);

    public Task KillAsync(string server) => Find(server).KillAsync();

    public Task PauseAsync(string server)
    {
        Find(server).Pause();
        return Task.CompletedTask;
    }

    public Task ResumeAsync(string server)
    {
        Find(server).Resume();
        return Task.CompletedTask;
    }

    public Task<MySqlSession> OpenAsync(string server, MySqlLogin login) => Find(server).OpenSessionAsync(login, Soon);

    public (string Host, int Port) AddressOf(string server)
    {
        var endpoint = Find(server).Endpoint;
        return (endpoint.Address.ToString(), endpoint.Port);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        await _run.DisposeAsync();
    }

    private RealServer Find(string server) =>
        _host.Servers.FirstOrDefault(s => s.Name.Equals(server, StringComparison.Ordinal)) ?? throw new KeyNotFoundException($"no server {server}");
}
