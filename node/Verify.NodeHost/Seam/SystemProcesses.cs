using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Verify.Node.Seam;

namespace Verify.NodeHost.Seam;

/// <summary>Runs the operator's commands as child processes.</summary>
internal sealed class SystemProcesses : IProcesses
{
    private const int OutputCharsMax = 4_000;

    public async ValueTask<ProcessEnd> RunAsync(string shell, string command, ImmutableSortedDictionary<string, string> environment, TimeSpan limit)
    {
        var start = new ProcessStartInfo(shell, ["-c", command]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var output = new Tail();
        using var process = new Process { StartInfo = start };
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
        using var over = new CancellationTokenSource(limit);
        try
        {
            await process.WaitForExitAsync(over.Token);
            return new(process.ExitCode, output.Text);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            return new(null, $"not within {limit.TotalSeconds:0} s; killed. {output.Text}");
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
