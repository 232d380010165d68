namespace Verify.Fleet;

/// <summary>Verify's folder for what is made once per machine: unpacked servers, initialised data directories, and the
/// registry of what running runs have made.</summary>
public sealed record FleetCache(string Directory)
{
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(200);

    /// <summary>VERIFY_CACHE, else verify below XDG_CACHE_HOME, else below ~/.cache.</summary>
    public static FleetCache Default()
    {
        if (Environment.GetEnvironmentVariable("VERIFY_CACHE") is { Length: > 0 } told) return new(Path.GetFullPath(told));
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } caches) return new(Path.Combine(caches, "verify"));
        var home = Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } h ? h : Path.GetTempPath();
        return new(Path.Combine(home, ".cache", "verify"));
    }

    internal string ServerRoot(MySql.Flavor flavor) => Path.Combine(Directory, "servers", flavor.ToString().ToLowerInvariant());

    /// <summary>A folder below the cache, made when it is missing.</summary>
    public string Folder(string name)
    {
        var folder = Path.Combine(Directory, name);
        System.IO.Directory.CreateDirectory(folder);
        return folder;
    }

    /// <summary>Takes a lock that the kernel gives back when this process ends, however it ends; null when another has it.</summary>
    public FileStream? TryLock(string name)
    {
        try
        {
            return new FileStream(Path.Combine(Folder("locks"), name + ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Waits for a lock.</summary>
    /// <param name="whenTaken">Called once when another process has it.</param>
    /// <exception cref="FleetException">The deadline passed.</exception>
    public async Task<FileStream> LockAsync(string name, TimeSpan deadline, Action whenTaken, CancellationToken cancel)
    {
        var begin = TimeProvider.System.GetTimestamp();
        var told = false;
        while (true)
        {
            if (TryLock(name) is { } taken) return taken;
            if (!told) whenTaken();
            told = true;
            if (TimeProvider.System.GetElapsedTime(begin) > deadline)
            {
                throw new FleetException($"another process holds {Path.Combine(Directory, "locks", name)}.lock since {deadline.TotalMinutes:0} minutes: end it, then try again");
            }

            await Task.Delay(LockRetry, cancel);
        }
    }
}
