using System.Diagnostics;
using Verify.Chaos.Commands;
using Verify.Chaos.Running;
using Verify.Fleet;
using Verify.Fleet.Processes;

namespace Verify.Chaos.Live;

/// <summary>The built-in Toxiproxy as a child of this run. The network of a fleet must not slow down because clients and checks are
/// busy: it has a process of its own, before the others in the queue for a core where the system permits that.</summary>
internal sealed class ProxyProcess : IAsyncDisposable
{
    private const int Nice = -10;
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);
    private readonly ChildProcess _process;

    private ProxyProcess(ChildProcess process, Uri url) => (_process, Url) = (process, url);

    /// <summary>Where its API answers.</summary>
    public Uri Url { get; }

    /// <exception cref="HarnessException">It did not come up.</exception>
    public static async Task<ProxyProcess> StartAsync(FleetRun run, CancellationToken cancel)
    {
        var folder = run.Folder("proxies");
        var ready = Path.Combine(folder, "address");
        var process = await run.StartAsync(new("proxies", ready,
            [LiveNode.Dotnet(), typeof(ProxyProcess).Assembly.Location, ToxiproxyCommand.Verb, "--ready", ready])
        {
            Nice = Nice,
            LogFile = Path.Combine(folder, "proxies.log"),
            WorkingDirectory = folder,
        });
        var began = Stopwatch.GetTimestamp();
        while (!File.Exists(ready))
        {
            if (!process.IsRunning || Stopwatch.GetElapsedTime(began) > StartMax)
                throw new HarnessException($"the proxies between the data centres did not start: {process.LogTail()}");
            await Task.Delay(Look, cancel);
        }

        return new(process, new(await File.ReadAllTextAsync(ready, cancel)));
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
