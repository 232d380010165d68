using System.Collections.Immutable;
using System.Diagnostics;

namespace Verify.Fleet.Processes;

/// <summary>What to start, and where its output goes.</summary>
/// <param name="Marker">A part of the command line that no foreign process has (a path of this run): the cleaner ends only
/// processes that show it.</param>
public sealed record ChildSpec(string Name, string Marker, ImmutableArray<string> Command)
{
    public ImmutableArray<(string Name, string Value)> Environment { get; init; } = [];

    /// <summary>Standard output and error are appended here.</summary>
    public required string LogFile { get; init; }
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>Nice value, -20 to 19. Where the system does not permit it, the child runs at 0.</summary>
    public int Nice { get; init; }
}

/// <summary>A long-running process of the fleet that faults can be done to. It ignores Ctrl-C at the terminal, which the harness answers by
/// ending its children in order, and it dies with the harness (man 2 prctl, PR_SET_PDEATHSIG).</summary>
public sealed class ChildProcess : IAsyncDisposable
{
    private static readonly TimeSpan KillDeadline = TimeSpan.FromSeconds(10);
    private readonly Process _process;
    private readonly Action _gone;
    private readonly Lock _signalling = new();
    private bool _reaped;

    internal ChildProcess(ChildSpec spec, Process process, Action gone)
    {
        Spec = spec;
        _process = process;
        Pid = process.Id;
        _gone = gone;
        Exited = WatchAsync();
    }

    public ChildSpec Spec { get; }
    public int Pid { get; }
    public bool IsRunning => !Exited.IsCompleted;

    /// <summary>Completes with the exit code (128 + signal when a signal ended it).</summary>
    public Task<int> Exited { get; }

    /// <summary>SIGKILL, and waits until the process is gone.</summary>
    /// <returns>How long ago the signal was sent: on a machine with too much to do it takes long to hear of a death.</returns>
    public async Task<TimeSpan> KillAsync()
    {
        Signal(Libc.SigKill);
        var sent = TimeProvider.System.GetTimestamp();
        await Exited.WaitAsync(KillDeadline);
        return TimeProvider.System.GetElapsedTime(sent);
    }

    /// <summary>SIGTERM, and waits; false when it still runs after the deadline.</summary>
    public async Task<bool> TerminateAsync(TimeSpan deadline)
    {
        Signal(Libc.SigTerm);
        return await Task.WhenAny(Exited, Task.Delay(deadline)) == Exited;
    }

    /// <summary>SIGSTOP: it stops at once and keeps its sockets; connections to it still succeed (man 7 signal).</summary>
    public void Pause() => Signal(Libc.SigStop);

    /// <summary>SIGCONT.</summary>
    public void Resume() => Signal(Libc.SigCont);

    /// <summary>The last lines of the log file, for an error message.</summary>
    public string LogTail(int lines = 5) =>
        File.Exists(Spec.LogFile) ? string.Join('\n', File.ReadLines(Spec.LogFile).TakeLast(lines)) : "";

    public async ValueTask DisposeAsync()
    {
        if (!Exited.IsCompleted) await KillAsync();
        _process.Dispose();
    }

    // The lock keeps a signal from being sent after the pid was given back to the kernel.
    private void Signal(int signal)
    {
        lock (_signalling)
        {
            if (!_reaped && !_process.HasExited) _ = Libc.Kill(Pid, signal);
        }
    }

    private async Task<int> WatchAsync()
    {
        await _process.WaitForExitAsync();
        lock (_signalling) _reaped = true;
        _gone();
        return _process.ExitCode;
    }
}
