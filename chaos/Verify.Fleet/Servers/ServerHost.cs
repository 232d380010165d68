using System.Collections.Immutable;
using System.Net;
using Verify.Fleet.Network;
using Verify.MySql;

namespace Verify.Fleet.Servers;

/// <summary>The servers of one run, all of one flavour, with the same accounts.</summary>
public sealed class ServerHost(FleetRun run, InstalledServer program) : IAsyncDisposable
{
    private readonly List<RealServer> _servers = [];

    public FleetRun Run { get; } = run;
    public InstalledServer Program { get; } = program;
    public Flavor Flavor => Program.Flavor;
    public FleetUsers Users { get; } = FleetUsers.Draw();
    public IReadOnlyList<RealServer> Servers => _servers;

    /// <summary>Adds a server on an address of its own in a data centre (0-based). It does not run yet.</summary>
    public RealServer Add(string name, int dataCenter = 0, Func<ServerOptions, ServerOptions>? with = null)
    {
        var address = Run.Addresses.Next(dataCenter);
        var options = new ServerOptions(name, address.ToString(), FreePorts.Next(address), ServerId: _servers.Count + 1);
        return Add(with is null ? options : with(options));
    }

    /// <summary>Adds a server just so. It does not run yet.</summary>
    public RealServer Add(ServerOptions options)
    {
        if (_servers.Exists(s => s.Name.Equals(options.Name, StringComparison.Ordinal)))
        {
            throw new FleetException($"there are two servers named {options.Name}");
        }

        var server = new RealServer(Run, Program, options, Users);
        _servers.Add(server);
        return server;
    }

    /// <summary>Starts all servers that do not run, side by side.</summary>
    public Task StartAllAsync(TimeSpan deadline, CancellationToken cancel = default) =>
        Task.WhenAll(_servers.Where(s => !s.IsRunning).Select(s => s.StartAsync(deadline, cancel)));

    public async ValueTask DisposeAsync() => await Task.WhenAll(_servers.Select(s => s.DisposeAsync().AsTask()));
}
