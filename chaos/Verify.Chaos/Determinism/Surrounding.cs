using System.Diagnostics;
using Verify.Chaos.Running;

namespace Verify.Chaos.Determinism;

/// <summary>Another way of running the same program, in which the same seed must give the same hash.</summary>
/// <param name="Name">A few words.</param>
/// <param name="Program">The program's dll.</param>
/// <param name="Settings">Environment variables of the process.</param>
internal sealed record Surrounding(string Name, string Program, IReadOnlyList<(string Name, string Value)> Settings)
{
    /// <summary>This program again; with the server's garbage collector; with the concurrent one; compiled quickly first and again later; without
    /// the newer instructions of the processor, as on an older machine of the same architecture; elsewhere in the world; the Debug build, when it is there.</summary>
    /// <param name="other">Another build of the program; null: the Debug build beside this one, when there is one.</param>
    public static IReadOnlyList<Surrounding> All(string? other)
    {
        var self = Path.Combine(AppContext.BaseDirectory, "verify-chaos.dll");
        var all = new List<Surrounding>
        {
            new("another process", self, []),
            new("server garbage collector", self, [("DOTNET_gcServer", "1"), ("DOTNET_GCHeapCount", "2")]),
            new("concurrent garbage collector, youngest generation of 4 MB", self, [("DOTNET_gcConcurrent", "1"), ("DOTNET_GCgen0size", "400000")]),
            new("compiled in tiers with a profile", self, [("DOTNET_TieredPGO", "1"), ("DOTNET_TC_QuickJit", "1"), ("DOTNET_ReadyToRun", "0")]),
            new("without AVX2 and later instructions", self, [("DOTNET_EnableAVX2", "0")]),
            new("time zone, language and hash codes of another machine", self, [("TZ", "Pacific/Chatham"), ("LANG", "tr_TR.UTF-8"), ("LC_ALL", "tr_TR.UTF-8")]),
        };
        if ((other ?? DebugBuild()) is { } build) all.Add(new(other is null ? "Debug build" : "the other build", build, []));
        return all;
    }

    /// <summary>Test only: what is said to the program besides.</summary>
    public IReadOnlyList<string> More { get; init; } = [];

    /// <summary>Plays the seeds in a process of its own.</summary>
    /// <exception cref="HarnessException">The process failed or was not done in time.</exception>
    public async Task<IReadOnlyList<PlayedHash>> PlayAsync(IReadOnlyList<string> arguments, TimeSpan limit, CancellationToken cancel)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add(Program);
        foreach (var argument in arguments.Concat(More)) start.ArgumentList.Add(argument);
        foreach (var (name, value) in Settings) start.Environment[name] = value;
        using var process = Process.Start(start) ?? throw new HarnessException($"{Name}: dotnet could not be started");
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timeout.CancelAfter(limit);
        var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
        var errors = process.StandardError.ReadToEndAsync(timeout.Token);
        try
        {
            await process.WaitForExitAsync(timeout.Token);
            if (process.ExitCode != 0) throw new HarnessException($"{Name}: the process ended with {process.ExitCode}: {(await errors).Trim()}");
            return [.. (await output).Split('\n').Select(line => PlayedHash.Parse(line.Trim())).Where(played => played is not null).Select(played => played!)];
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancel.ThrowIfCancellationRequested();
            throw new HarnessException($"{Name}: not done after {limit.TotalSeconds:0} s");
        }
    }

    private static string? DebugBuild()
    {
        var here = AppContext.BaseDirectory;
        var debug = Path.Combine(here.Replace($"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}", $"{Path.DirectorySeparatorChar}Debug{Path.DirectorySeparatorChar}", StringComparison.Ordinal), "verify-chaos.dll");
        return !debug.StartsWith(here, StringComparison.Ordinal) && File.Exists(debug) ? debug : null;
    }
}
