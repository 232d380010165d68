using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Verify.Fleet.Disks;
using Verify.Fleet.Processes;
using Verify.MySql;

namespace Verify.Fleet.Servers;

/// <summary>One real MySQL or MariaDB server as a plain process, with everything that a scenario may do to it. It starts
/// closed for writes, every time.</summary>
public sealed class RealServer : IAsyncDisposable
{
    private static readonly TimeSpan ProbePause = TimeSpan.FromMilliseconds(15);
    private static readonly TimeSpan ProbeDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CopyDeadline = TimeSpan.FromMinutes(2);
    private readonly FleetRun _run;
    private readonly InstalledServer _program;
    private readonly FleetUsers _users;
    private readonly string _folder;
    private ChildProcess? _process;
    private bool _provisioned;

    internal RealServer(FleetRun run, InstalledServer program, ServerOptions options, FleetUsers users)
    {
        (_run, _program, Options, _users) = (run, program, options, users);
        _folder = run.Folder(Path.Combine("servers", options.Name));
        DataDirectory = Path.Combine(_folder, "data");
        ErrorLog = Path.Combine(_folder, "error.log");
        Endpoint = new(IPAddress.Parse(options.Address), options.Port);
    }

    public ServerOptions Options { get; }
    public string Name => Options.Name;
    public Flavor Flavor => _program.Flavor;
    public ServerVersion Version => _program.Version;
    public IPEndPoint Endpoint { get; }
    public string DataDirectory { get; }

    /// <summary>What the server itself writes; it outlives restarts.</summary>
    public string ErrorLog { get; }

    /// <summary>The disk of the data directory, where <see cref="ServerOptions.DiskBytesMax"/> asked for one.</summary>
    public LimitedDisk? Disk { get; private set; }

    /// <summary>Done once, at the next start, before anybody is let in (--init-file): a transaction that no other server has. Null when it was done.</summary>
    public SqlText? AtNextStart { get; set; }

    public bool IsRunning => _process is { IsRunning: true };
    public bool IsPaused { get; private set; }

    /// <summary>The pid, or 0 while it does not run.</summary>
    public int Pid => _process is { IsRunning: true } process ? process.Pid : 0;

    /// <summary>Completes when the present process ends, for whatever reason.</summary>
    public Task<int> Exited => _process?.Exited ?? Task.FromResult(0);

    /// <summary>From the start of the process until the topology user was in, the last time.</summary>
    public TimeSpan LastStart { get; private set; }

    /// <summary>Starts the process and waits until it lets the topology user in.</summary>
    /// <exception cref="FleetException">It ended, or did not answer before the deadline; with the end of its log.</exception>
    public async Task StartAsync(TimeSpan deadline, CancellationToken cancel = default)
    {
        if (IsRunning) throw new FleetException($"{Name} runs already");
        if (!Directory.Exists(Path.Combine(DataDirectory, "mysql"))) await PrepareAsync(cancel);
        await File.WriteAllTextAsync(Path.Combine(_folder, "my.cnf"), Options.MyCnf(Flavor, _folder, DataDirectory), cancel);

        // What a killed server leaves: with the lock file there, the next one refuses to start (MY-010259).
        File.Delete(Path.Combine(_folder, "s.sock"));
        File.Delete(Path.Combine(_folder, "s.sock.lock"));
        File.Delete(Path.Combine(_folder, "server.pid"));

        var begin = TimeProvider.System.GetTimestamp();
        _process = await _run.StartAsync(new(Name, _folder,
        [
            .. _program.Command, $"--defaults-file={Path.Combine(_folder, "my.cnf")}", .. _program.PathOptions, .. ServerOptions.AsRoot,
            .. await InitFileAsync(cancel) is { } file ? new[] { $"--init-file={file}" } : [],
        ])
        {
            LogFile = Path.Combine(_folder, "output.log"),
            WorkingDirectory = _folder,
            Environment = [("OPENSSL_CONF", "/dev/null")],
        });
        IsPaused = false;
        await WaitUntilReadyAsync(begin, deadline, cancel);
        LastStart = TimeProvider.System.GetElapsedTime(begin);
        (_provisioned, AtNextStart) = (true, null);
    }

    /// <summary>What the server runs as root before it listens; read-only stays on, and only MySQL's stricter half has to be lifted for a moment.</summary>
    private async Task<string?> InitFileAsync(CancellationToken cancel)
    {
        if (!_provisioned) return Path.Combine(_folder, "init.sql");
        if (AtNextStart is not { } statement) return null;
        var file = Path.Combine(_folder, "once.sql");
        await File.WriteAllTextAsync(file, Flavor == Flavor.MySql
            ? $"SET GLOBAL super_read_only = OFF;\n{statement};\nSET GLOBAL super_read_only = ON;\n" : $"{statement};\n", cancel);
        return file;
    }

    /// <summary>SIGKILL: what was not on the disk of the kernel is lost, the kernel's cache is not.</summary>
    public async Task KillAsync()
    {
        if (_process is { } process) await process.KillAsync();
        IsPaused = false;
    }

    /// <summary>SIGTERM and an orderly shutdown; SIGKILL when it is not done in time.</summary>
    /// <returns>False when it had to be killed.</returns>
    public async Task<bool> StopAsync(TimeSpan deadline)
    {
        if (_process is not { IsRunning: true } process) return true;
        if (IsPaused) Resume();
        if (await process.TerminateAsync(deadline)) return true;
        await process.KillAsync();
        return false;
    }

    /// <summary>SIGSTOP: connections still succeed (the kernel accepts them), but nothing is answered.</summary>
    public void Pause()
    {
        _process?.Pause();
        IsPaused = true;
    }

    /// <summary>SIGCONT.</summary>
    public void Resume()
    {
        _process?.Resume();
        IsPaused = false;
    }

    /// <summary>SIGKILL, then starts it again on the same data.</summary>
    public async Task RestartAsync(TimeSpan deadline, CancellationToken cancel = default)
    {
        await KillAsync();
        await StartAsync(deadline, cancel);
    }

    /// <summary>Logs in over a direct connection, past every proxy.</summary>
    public async Task<MySqlSession> OpenSessionAsync(MySqlLogin login, TimeSpan deadline, CancellationToken cancel = default)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(deadline);
            await socket.ConnectAsync(Endpoint, limit.Token);
        }
        catch (Exception)
        {
            socket.Dispose();
            throw;
        }

        return await MySqlSession.OpenAsync(new NetworkStream(socket, ownsSocket: true), login, TimeProvider.System, deadline, cancel);
    }

    /// <summary>The last lines of the error log.</summary>
    public string LogTail(int lines = 5) => File.Exists(ErrorLog)
        ? string.Join('\n', File.ReadLines(ErrorLog).TakeLast(lines))
        : _process?.LogTail(lines) ?? "";

    public async ValueTask DisposeAsync()
    {
        Disk?.Run();
        if (_process is { } process) await process.DisposeAsync();
        if (Disk is { } disk) await disk.DisposeAsync();
    }

    private async Task PrepareAsync(CancellationToken cancel)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "tmp"));
        if (Options.DiskBytesMax is { } bytes) Disk ??= await LimitedDisk.CreateAsync(_run, DataDirectory, bytes, mayUseTmpfs: !Options.DiskMayStall, cancel);
        Directory.CreateDirectory(DataDirectory);

        // Holes save space, but a server whose file system is full may crash on filling one (MariaDB does): a limited disk
        // gets files without holes, so that it answers as it would in production.
        var holes = Options.DiskBytesMax is null ? "always" : "never";
        var copied = await new Command("cp", ["-a", $"--sparse={holes}", _program.TemplateDirectory + "/.", DataDirectory]).RunAsync(CopyDeadline, cancel);
        if (copied.ExitCode != 0) throw new FleetException($"{Name}: cannot copy the data directory: {copied.Complaint}");
        await File.WriteAllTextAsync(Path.Combine(_folder, "init.sql"), _users.InitFile(Flavor), cancel);
    }

    private async Task WaitUntilReadyAsync(long begin, TimeSpan deadline, CancellationToken cancel)
    {
        var seen = "nothing";
        while (TimeProvider.System.GetElapsedTime(begin) < deadline)
        {
            if (!IsRunning) throw new FleetException($"{Name} ended with exit code {await Exited} while starting:\n{LogTail()}");
            try
            {
                await using var session = await OpenSessionAsync(_users.Topology, ProbeDeadline, cancel);
                return;
            }
            catch (Exception notYet) when (notYet is SocketException or MySqlException)
            {
                seen = notYet.Message;
            }

            await Task.Delay(ProbePause, cancel);
        }

        throw new FleetException(string.Create(CultureInfo.InvariantCulture,
            $"{Name} ({Version}) on {Endpoint} did not let anybody in within {deadline.TotalSeconds:0} s; last answer: {seen}; its log ends with:\n{LogTail()}"));
    }
}
