using System.Globalization;
using System.Text.Json;
using Verify.Fleet;
using Verify.Fleet.Disks;
using Verify.Fleet.Processes;

namespace Verify.Chaos.Live;

/// <summary>One verify-node process: its configuration, its data directory, its clock, its events.</summary>
internal sealed class LiveNode(FleetRun run, string name, string dataCenter, string hostProgram, Uri http) : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private ChildProcess? _process;

    public string Name => name;
    public string DataCenter => dataCenter;
    public Uri Http => http;
    public bool IsRunning => _process is { IsRunning: true };
    public bool IsPaused { get; private set; }

    /// <summary>Of the process that was started last; 0 before.</summary>
    public int Pid => _process?.Pid ?? 0;
    public Task<int> Exited => _process?.Exited ?? Task.FromResult(0);

    /// <summary>Where it keeps its log; a disk of its own when the scenario fills disks.</summary>
    public LimitedDisk? Disk { get; private set; }

    /// <summary>The verify-node.dll of the next start: another one upgrades it.</summary>
    public string Program { get; set; } = hostProgram;
    public string Folder { get; } = run.Folder(Path.Combine("nodes", name));
    /// <summary>False in benches: an event per applied entry is not part of what a node does for its users.</summary>
    public bool WritesEvents { get; init; } = true;
    public string EventsFile => Path.Combine(Folder, "events.ndjson");
    /// <summary>What the script around its recoveries was told: one block of variables for each time.</summary>
    public string HooksFile => Path.Combine(Folder, "hooks.txt");
    public string LogFile => Path.Combine(Folder, "node.log");
    public string DataDirectory => Path.Combine(Folder, "data");
    private string ConfigFile => Path.Combine(Folder, "node.json");
    private string ClockFile => Path.Combine(Folder, "clock");

    /// <param name="settings">The keys of verify-node's configuration but for RaftDataDir.</param>
    /// <param name="diskBytesMax">Null: a plain directory.</param>
    public async Task PrepareAsync(SortedDictionary<string, object> settings, long? diskBytesMax)
    {
        settings["RaftDataDir"] = DataDirectory;
        await File.WriteAllTextAsync(ConfigFile, JsonSerializer.Serialize(settings, Indented));
        if (diskBytesMax is { } bytes) Disk = await LimitedDisk.CreateAsync(run, DataDirectory, bytes);
    }

    /// <param name="deaths">A folder in which moments are named at which the node dies; null: none.</param>
    public Task StartAsync(bool fencingOff, bool skewable, string? deaths = null)
    {
        var environment = new List<(string, string)>();
        if (fencingOff) environment.Add(("VERIFY_TEST_ONLY_NO_FENCING", "1"));
        if (skewable) environment.Add(("VERIFY_TEST_ONLY_CLOCK", ClockFile));
        if (deaths is not null) environment.Add(("VERIFY_TEST_ONLY_DIE_AT", deaths));
        return StartAsync(environment);
    }

    /// <param name="environment">Test-only switches; what else the runtime does is as verify-node ships.</param>
    public async Task StartAsync(IEnumerable<(string Name, string Value)> environment)
    {
        IsPaused = false;
        _process = await run.StartAsync(new(name, ConfigFile, [Dotnet(), Program, "--config", ConfigFile, .. WritesEvents ? new[] { "--events", EventsFile } : []])
        {
            LogFile = LogFile,
            Environment = [.. environment],
            WorkingDirectory = Folder,
        });
    }

    /// <summary>SIGTERM, as a service manager stops it; waits for the end.</summary>
    /// <exception cref="FleetException">It still runs after the deadline.</exception>
    public async Task StopAsync(TimeSpan deadline)
    {
        if (_process is { } process && !await process.TerminateAsync(deadline))
            throw new FleetException($"{name} still runs {deadline.TotalSeconds:0} s after SIGTERM: {LogTail()}");
    }

    /// <inheritdoc cref="ChildProcess.KillAsync"/>
    public Task<TimeSpan> KillAsync() => _process?.KillAsync() ?? Task.FromResult(TimeSpan.Zero);

    public void Pause()
    {
        _process?.Pause();
        IsPaused = true;
    }

    public void Resume()
    {
        _process?.Resume();
        IsPaused = false;
    }

    public Task SkewAsync(TimeSpan offset, double drift) =>
        File.WriteAllTextAsync(ClockFile, string.Create(CultureInfo.InvariantCulture, $"{offset.TotalMilliseconds} {drift}"));

    public string LogTail() => _process?.LogTail(12) ?? "";

    public async ValueTask DisposeAsync()
    {
        if (_process is { } process) await process.DisposeAsync();
        if (Disk is { } disk) await disk.DisposeAsync();
    }

    /// <summary>The program that runs this one, for children that are .NET programs as well.</summary>
    internal static string Dotnet() => Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "dotnet" ? self
        : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host
        : Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet");
}
