using System.Diagnostics;
using System.Text;

namespace Verify.Chaos.Tests;

/// <summary>Runs verify-chaos as a process of its own, as people and CI do.</summary>
internal static class ChaosProgram
{
    public sealed record Outcome(int ExitCode, string Output);

    public static string NewFolder(string name) => Directory.CreateTempSubdirectory($"verify-{name}-").FullName;

    public static async Task<Outcome> RunAsync(TimeSpan limit, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "verify-chaos.dll"));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var output = new StringBuilder();
        void Take(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is null) return;
            lock (output) output.AppendLine(line.Data);
            TestContext.Progress.WriteLine(line.Data);
        }

        process.OutputDataReceived += Take;
        process.ErrorDataReceived += Take;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var timeout = new CancellationTokenSource(limit);
        try
        {
            await process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"verify-chaos {string.Join(' ', arguments)} was not done after {limit.TotalSeconds:0} s:{Environment.NewLine}{output}");
        }

        lock (output) return new(process.ExitCode, output.ToString());
    }

    /// <summary>The folder of the newest run below this one.</summary>
    public static string RunFolderIn(string folder) =>
        Directory.EnumerateDirectories(folder).Where(d => new DirectoryInfo(d).LinkTarget is null).OrderDescending(StringComparer.Ordinal).First();
}
