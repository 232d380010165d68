using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Verify.Fleet.Network;
using Verify.Fleet.Processes;

namespace Verify.Fleet;

/// <summary>One run's place on this machine: a directory, loopback addresses, the processes it starts. Everything is removed
/// when it is disposed, on Ctrl-C and SIGTERM, and, when this process gets no chance, by the next run that begins.</summary>
public sealed class FleetRun : IAsyncDisposable
{
    /// <summary>Clients and samplers of a live fleet measure time: they must not wait for a pool thread that another of them compiles on.</summary>
    private const int PoolThreadsMin = 32;
    private readonly ProcessStarter _starter = new();
    private readonly List<PosixSignalRegistration> _signals = [];
    private readonly List<ChildProcess> _children = [];
    private readonly Lock _adding = new();
    private int _processCount;

    private FleetRun(FleetCache cache, string id)
    {
        Cache = cache;
        Id = id;
        Leftovers = LeftoverRegistry.Open(cache, id);
        Addresses = LoopbackPlan.Claim(cache);
        Directory = Path.Combine(Path.GetTempPath(), $"verify-{id}");
        Leftovers.Directory(Directory);
        System.IO.Directory.CreateDirectory(Directory);

        // Servers have sockets in it through which root needs no password.
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(Directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public FleetCache Cache { get; }
    public string Id { get; }

    /// <summary>For servers, disks and logs of this run; goes with it.</summary>
    public string Directory { get; }
    public LeftoverRegistry Leftovers { get; }
    public LoopbackPlan Addresses { get; }

    /// <summary>Removes what dead runs have left, then begins a new one.</summary>
    public static FleetRun Begin(FleetCache cache, Action<string>? say = null)
    {
        foreach (var removed in LeftoverRegistry.RemoveLeftovers(cache)) say?.Invoke($"left over from a run that ended: {removed}");
        ThreadPool.GetMinThreads(out var workers, out var ports);
        ThreadPool.SetMinThreads(Math.Max(workers, PoolThreadsMin), ports);
        var run = new FleetRun(cache, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)));
        AppDomain.CurrentDomain.ProcessExit += run.OnProcessExit;
        foreach (var signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP })
        {
            // Not cancelled: whoever else listens goes on, and the process ends as it would have.
            run._signals.Add(PosixSignalRegistration.Create(signal, _ => run.Leftovers.CleanUp()));
        }

        return run;
    }

    /// <summary>A directory of this run.</summary>
    public string Folder(string name)
    {
        var folder = Path.Combine(Directory, name);
        System.IO.Directory.CreateDirectory(folder);
        return folder;
    }

    /// <summary>Starts a process that ends with this run.</summary>
    public async Task<ChildProcess> StartAsync(ChildSpec spec)
    {
        var number = Interlocked.Increment(ref _processCount);
        var pidFile = Path.Combine(Folder("pids"), $"{number}-{spec.Name}");
        Leftovers.Starting(pidFile, spec.Marker);
        var process = await _starter.StartAsync(spec, pidFile);
        Leftovers.Process(process.Id, spec.Marker);
        var child = new ChildProcess(spec, process, gone: () => Forget(pidFile));
        lock (_adding) _children.Add(child);
        return child;
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        foreach (var signal in _signals) signal.Dispose();
        ChildProcess[] children;
        lock (_adding) children = [.. _children];
        await Task.WhenAll(children.Select(child => child.DisposeAsync().AsTask()));
        Leftovers.CleanUp();
        _starter.Dispose();
        Addresses.Dispose();
    }

    private static void Forget(string pidFile)
    {
        try
        {
            File.Delete(pidFile);
        }
        catch (DirectoryNotFoundException)
        {
            // The run's directory went first.
        }
    }

    private void OnProcessExit(object? sender, EventArgs e) => Leftovers.CleanUp();
}
