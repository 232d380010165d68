using System.Globalization;
using Verify.Fleet.Processes;

namespace Verify.Fleet;

/// <summary>What a run has made on the machine (processes, mounts, directories), written down before it is made, so that it
/// can be removed at the end, or by the next start when this process had none. One file of lines per run in the cache:
/// <c>owner pid start boot</c>, <c>directory path</c>, <c>mount path</c>, <c>starting pidFile marker</c>,
/// <c>process pid start boot marker</c>; fields are separated by tabs.</summary>
public sealed class LeftoverRegistry : IDisposable
{
    private const string Extension = ".leftovers";
    private static readonly TimeSpan EndDeadline = TimeSpan.FromSeconds(10);
    private readonly FileStream _file;
    private readonly Lock _writing = new();
    private bool _closed;

    private LeftoverRegistry(string path)
    {
        Path = path;

        // It appears with its owner in it: without one it would look like a dead run's.
        File.WriteAllText(path + ".new", $"owner\t{Words(ProcessIdentity.OfThisProcess())}\n");
        File.Move(path + ".new", path);
        _file = new(path, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
    }

    public string Path { get; }

    /// <summary>Opens the registry of a new run of this process.</summary>
    public static LeftoverRegistry Open(FleetCache cache, string runId) => new(System.IO.Path.Combine(cache.Folder("runs"), runId + Extension));

    /// <summary>Notes a directory that is about to be made; it and all below it goes at the end.</summary>
    public void Directory(string path) => Write("directory", path);

    /// <summary>Notes a mount that is about to be made.</summary>
    public void Mount(string path) => Write("mount", path);

    /// <summary>Notes a process that is about to be started: it writes its pid to the file by itself.</summary>
    public void Starting(string pidFile, string marker) => Write("starting", $"{pidFile}\t{marker}");

    /// <summary>Notes a process that runs.</summary>
    public void Process(int pid, string marker)
    {
        if (ProcessIdentity.Of(pid) is { } identity) Write("process", $"{Words(identity)}\t{marker}");
    }

    /// <summary>Removes what this run has made. Safe twice.</summary>
    public IReadOnlyList<string> CleanUp()
    {
        lock (_writing)
        {
            if (_closed) return [];
            _closed = true;
            _file.Dispose();
        }

        return Remove(Path);
    }

    /// <summary>Removes what runs have left whose owner is gone.</summary>
    /// <returns>One sentence per thing removed.</returns>
    public static IReadOnlyList<string> RemoveLeftovers(FleetCache cache)
    {
        var removed = new List<string>();
        using var alone = cache.TryLock("leftovers");
        if (alone is null) return removed;
        foreach (var file in System.IO.Directory.EnumerateFiles(cache.Folder("runs"), "*" + Extension).Order(StringComparer.Ordinal))
        {
            var owner = ReadLines(file).Where(l => l is ["owner", ..]).Select(l => Identity(l, 1)).FirstOrDefault();
            if (owner is not { IsAlive: true }) removed.AddRange(Remove(file));
        }

        return removed;
    }

    public void Dispose() => CleanUp();

    private static List<string> Remove(string file)
    {
        var removed = new List<string>();
        if (!File.Exists(file)) return removed;
        var lines = ReadLines(file);
        var owner = lines.Where(l => l is ["owner", ..]).Select(l => Identity(l, 1)).FirstOrDefault();

        // Who waits for a disk that stands still cannot be ended.
        foreach (var mount in lines.Where(l => l is ["mount", _]).Select(l => l[1]).Where(IsMounted)) _ = Libc.AskFileSystem(mount, Libc.Thaw);
        foreach (var (identity, marker) in Processes(lines, owner))
        {
            if (End(identity, marker)) removed.Add($"ended process {identity.Pid} ({marker})");
        }

        foreach (var mount in lines.Where(l => l is ["mount", _]).Select(l => l[1]).Reverse())
        {
            if (IsMounted(mount) && Libc.Unmount(mount, Libc.DetachLazily) == 0) removed.Add($"unmounted {mount}");
        }

        var all = true;
        foreach (var directory in lines.Where(l => l is ["directory", _]).Select(l => l[1]).Reverse())
        {
            if (!System.IO.Directory.Exists(directory) || HoldsMount(directory)) continue;
            if (IsDeleted(directory)) removed.Add($"removed {directory}");
            else all = false;
        }

        // What could not be removed stays written down, for the next run.
        if (all) File.Delete(file);
        return removed;
    }

    /// <summary>At a signal the run goes on for a moment, and may just be copying into the directory.</summary>
    private static bool IsDeleted(string directory)
    {
        for (var begin = TimeProvider.System.GetTimestamp(); ; Thread.Sleep(20))
        {
            try
            {
                System.IO.Directory.Delete(directory, recursive: true);
                return true;
            }
            catch (DirectoryNotFoundException)
            {
                return true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (TimeProvider.System.GetElapsedTime(begin) > EndDeadline) return false;
            }
        }
    }

    private static IEnumerable<(ProcessIdentity Identity, string Marker)> Processes(List<string[]> lines, ProcessIdentity? owner)
    {
        foreach (var line in lines)
        {
            if (line is ["process", _, _, _, var marker] && Identity(line, 1) is { } noted) yield return (noted, marker);

            // Known only by the pid that it wrote itself: the owner died in between. Such a process is younger than its owner.
            if (line is ["starting", var pidFile, var mark] && owner is not null && File.Exists(pidFile)
                && int.TryParse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture, out var pid)
                && ProcessIdentity.Of(pid) is { } found && found.Boot.Equals(owner.Boot, StringComparison.Ordinal)
                && found.StartTicks >= owner.StartTicks)
            {
                yield return (found, mark);
            }
        }
    }

    /// <summary>Ends the process if it is still the one that was noted and its command line shows the marker.</summary>
    private static bool End(ProcessIdentity identity, string marker)
    {
        if (!CommandLine(identity).Contains(marker, StringComparison.Ordinal)) return false;
        _ = Libc.Kill(identity.Pid, Libc.SigKill);
        var begin = TimeProvider.System.GetTimestamp();
        while (identity.IsAlive && TimeProvider.System.GetElapsedTime(begin) < EndDeadline) Thread.Sleep(5);
        return !identity.IsAlive;
    }

    /// <summary>Empty when the process is gone. While it becomes a program (man 2 execve) it has no command line to show, up to 19 ms here on a
    /// loaded core, and a child becomes three one after the other (setpriv, shell, program): what one look saw, the next need not see.</summary>
    private static string CommandLine(ProcessIdentity identity)
    {
        for (var begin = TimeProvider.System.GetTimestamp(); ; Thread.Sleep(5))
        {
            var line = ProcessIdentity.CommandLine(identity.Pid);
            if (!identity.IsAlive) return "";
            if (line.Length > 0 || TimeProvider.System.GetElapsedTime(begin) > EndDeadline) return line;
        }
    }

    private static bool IsMounted(string path) => MountPoints().Contains(path, StringComparer.Ordinal);

    // Deleting into something that is still mounted could remove what is not ours.
    private static bool HoldsMount(string directory) =>
        MountPoints().Any(m => m.Equals(directory, StringComparison.Ordinal) || m.StartsWith(directory + "/", StringComparison.Ordinal));

    private static IEnumerable<string> MountPoints() => File.ReadLines("/proc/self/mounts").Select(l => l.Split(' ')[1]
        .Replace(@"\040", " ", StringComparison.Ordinal));

    private static List<string[]> ReadLines(string file) => [.. File.ReadAllLines(file).Select(l => l.Split('\t'))];

    private static string Words(ProcessIdentity identity) => string.Create(CultureInfo.InvariantCulture, $"{identity.Pid}\t{identity.StartTicks}\t{identity.Boot}");

    private static ProcessIdentity? Identity(string[] line, int at) =>
        line.Length >= at + 3 && int.TryParse(line[at], CultureInfo.InvariantCulture, out var pid)
        && long.TryParse(line[at + 1], CultureInfo.InvariantCulture, out var start) ? new(pid, start, line[at + 2]) : null;

    private void Write(string kind, string words)
    {
        lock (_writing)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _file.Write(System.Text.Encoding.UTF8.GetBytes($"{kind}\t{words}\n"));
        }
    }
}
