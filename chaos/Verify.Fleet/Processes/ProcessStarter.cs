using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;

namespace Verify.Fleet.Processes;

/// <summary>Starts children from one thread that lives as long as the run. The kernel sends the parent-death signal when the
/// *thread* that started the child ends, not when the process does (man 2 prctl): from a pool thread, a server would be
/// killed whenever the pool shrinks.</summary>
internal sealed class ProcessStarter : IDisposable
{
    private const string SetPriv = "/usr/bin/setpriv";
    private readonly BlockingCollection<Action> _orders = new(boundedCapacity: 256);
    private readonly Thread _thread;

    public ProcessStarter()
    {
        _thread = new(() => { foreach (var order in _orders.GetConsumingEnumerable()) order(); }) { IsBackground = true, Name = "process starter" };
        _thread.Start();
    }

    /// <summary>Starts the process. Its own shell writes its pid to <paramref name="pidFile"/> before it becomes the program.</summary>
    public Task<Process> StartAsync(ChildSpec spec, string pidFile)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        _orders.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(StartInfo(spec, pidFile)) ?? throw new FleetException($"cannot start {spec.Name}"));
            }
            catch (Exception failure) when (failure is System.ComponentModel.Win32Exception or FleetException)
            {
                started.SetException(new FleetException($"cannot start {spec.Name}: {failure.Message}", failure));
            }
        });
        return started.Task;
    }

    /// <summary>Ends the thread, and with it, where the kernel was asked to, every child that is left.</summary>
    public void Dispose()
    {
        _orders.CompleteAdding();
        _thread.Join(TimeSpan.FromSeconds(5));
        _orders.Dispose();
    }

    // The shell checks its parent first: had the harness died before the death signal was set, nobody would ever send it. An interrupt at the
    // terminal is the harness's to answer, which ends its children in order.
    //
    // All stay in the harness's session. With a session each, the kernel shared the cores among sessions (man 7 sched, "The autogroup
    // feature") by what each had used on each core lately: a node or proxy that woke on the other core waited up to 540 ms for its turn, at
    // nice -11 and with a core idle a third of the time, and leaders lost their quorum. In one session nobody waited longer than 92 ms.
    private const string Script =
        "[ \"$PPID\" = \"$1\" ] || exit 125; trap '' INT; echo $$ > \"$2\"; exec >>\"$3\" 2>&1 </dev/null; "
        + "[ \"$4\" = 0 ] || renice -n \"$4\" -p $$ >/dev/null 2>&1; shift 4; exec \"$@\"";

    private static ProcessStartInfo StartInfo(ChildSpec spec, string pidFile)
    {
        ImmutableArray<string> line =
        [
            .. File.Exists(SetPriv) ? [SetPriv, "--pdeathsig", "KILL"] : ImmutableArray<string>.Empty,
            "/bin/sh", "-c", Script, "verify", $"{Environment.ProcessId}", pidFile, spec.LogFile, spec.Nice.ToString(CultureInfo.InvariantCulture), .. spec.Command,
        ];
        var info = new ProcessStartInfo(line[0]) { UseShellExecute = false, WorkingDirectory = spec.WorkingDirectory };
        foreach (var argument in line[1..]) info.ArgumentList.Add(argument);
        foreach (var (name, value) in spec.Environment) info.Environment[name] = value;
        return info;
    }
}
