using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Verify.Node.Seam;

namespace Verify.NodeHost.Seam;

/// <summary>Runs the operator's commands as child processes. A command has ended when its shell has: what it leaves running behind is not waited
/// for, as in orchestrator. One that does not end in time is killed with everything below it.</summary>
internal sealed class SystemProcesses : IProcesses
{
    private const int OutputCharsMax = 4_000;

    /// <summary>What was printed before the end may still be on its way; a process left behind may hold the pipe open for ever.</summary>
    private static readonly TimeSpan LastOutput = TimeSpan.FromMilliseconds(250);

    public async ValueTask<ProcessEnd> RunAsync(string shell, string command, ImmutableSortedDictionary<string, string> environment, TimeSpan limit)
    {
        var start = new ProcessStartInfo(shell, ["-c", command]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var output = new Tail();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.Exited += (_, _) => ended.TrySetResult();
        process.OutputDataReceived += (_, line) => output.Add(line.Data);
        process.ErrorDataReceived += (_, line) => output.Add(line.Data);
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            return new(null, $"{shell} cannot be started: {e.Message}");
        }

        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await ended.Task.WaitAsync(limit);
        }
        catch (TimeoutException)
        {
            return new(null, $"not within {limit.TotalSeconds:0} s; {Kill(process)}. {output.Text}");
        }

        using var silent = new CancellationTokenSource(LastOutput);
        try
        {
            await process.WaitForExitAsync(silent.Token);
        }
        catch (OperationCanceledException)
        {
            output.Add("(it left something running)");
        }

        return new(process.ExitCode, output.Text);
    }

    private static string Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
            return "killed";
        }
        catch (Exception e) when (e is Win32Exception or AggregateException or InvalidOperationException)
        {
            return $"could not be killed: {e.Message}";
        }
    }

    /// <summary>The last of what a command prints. Filled by two readers.</summary>
    private sealed class Tail
    {
        private readonly Lock _gate = new();
        private readonly StringBuilder _text = new();

        public string Text
        {
            get
            {
                lock (_gate) return _text.ToString();
            }
        }

        public void Add(string? line)
        {
            if (line is null) return;
            lock (_gate)
            {
                _text.Append(line).Append('\n');
                if (_text.Length > OutputCharsMax) _text.Remove(0, _text.Length - OutputCharsMax);
            }
        }
    }
}
