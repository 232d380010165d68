using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Verify.NodeHost.Tests;

/// <summary>A verify-node process of this test's own, on loopback.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();

    private NodeProcess(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;
    public bool HasExited => _process.HasExited;
    public string Output
    {
        get
        {
            lock (_output) return _output.ToString();
        }
    }

    /// <summary>Starts verify-node with these words and this environment.</summary>
    public static NodeProcess Start(IReadOnlyList<string> words, params (string Name, string Value)[] environment) => StartBy([], words, environment);

    /// <summary>In a session of its own, as a service manager starts it.</summary>
    public static NodeProcess StartService(IReadOnlyList<string> words, params (string Name, string Value)[] environment) => StartBy(["/usr/bin/setsid"], words, environment);

    /// <summary>With a file of this test's own in the place of /etc/hosts, which may be changed while the node runs. Needs root.</summary>
    public static NodeProcess StartWithHosts(string hostsFile, IReadOnlyList<string> words) =>
        StartBy(["/usr/bin/unshare", "--mount", "/bin/sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", hostsFile], words, []);

    /// <param name="before">What is begun instead, with the program and its arguments as its last ones.</param>
    private static NodeProcess StartBy(IReadOnlyList<string> before, IReadOnlyList<string> words, (string Name, string Value)[] environment)
    {
        var dotnet = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        string[] all = [.. before, dotnet];
        var start = new ProcessStartInfo(all[0]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var word in all.Skip(1)) start.ArgumentList.Add(word);
        start.ArgumentList.Add(Path.Combine(TestContext.CurrentContext.TestDirectory, "verify-node.dll"));
        foreach (var word in words) start.ArgumentList.Add(word);
        foreach (var name in start.Environment.Keys.Where(n => n.StartsWith("VERIFY_", StringComparison.Ordinal) || n.StartsWith("KONSUL_", StringComparison.Ordinal)).ToArray()) start.Environment.Remove(name);
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return new(start);
    }

    public async Task<int> ExitAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    /// <summary>As a service manager stops it.</summary>
    public async Task<int> StopAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", $"{Id}"])) await kill.WaitForExitAsync();
        return await ExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        lock (_output) _output.AppendLine(line);
    }
}

/// <summary>Waiting for processes, which have a time of their own.</summary>
internal static class Until
{
    public static async Task<T> AsyncOf<T>(string what, Func<Task<T?>> look) where T : class
    {
        var last = "";
        var limit = Stopwatch.StartNew();
        while (limit.Elapsed < TimeSpan.FromSeconds(30))
        {
            try
            {
                if (await look() is { } found) return found;
                last = "not yet";
            }
            catch (Exception e) when (e is HttpRequestException or SocketException or JsonException or IOException or TaskCanceledException)
            {
                last = e.Message;
            }

            await Task.Delay(50);
        }

        throw new AssertionException($"{what}: not within 30 s; last: {last}");
    }
}
