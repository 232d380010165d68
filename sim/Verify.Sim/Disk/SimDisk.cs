using Verify.Node.Seam;
using Verify.Sim.Hosts;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Disk;

/// <summary>The disk of one machine, which outlives its processes. It forgets what was not synced, tears the last writes,
/// fills up, fails and is slow, as the nemesis wishes.</summary>
public sealed class SimDisk
{
    public const int SectorBytes = 512;
    private readonly SimHost _host;
    private readonly SortedDictionary<string, SimFile> _names = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, SimFile> _durableNames = new(StringComparer.Ordinal);
    private readonly List<(string Name, SimFile? File)> _directoryChanges = [];
    private readonly List<(string Name, ReadOnlyMemory<byte> Content)> _replacing = [];
    private int _syncsToFail;
    private int _writesToFail;
    private int _writesToMisdirect;
    private Func<string, bool>? _spared;
    private bool _wasWiped;

    internal SimDisk(SimHost host)
    {
        _host = host;
        Timing = host.World.Options.Disk;
    }

    /// <summary>Bytes that fit; a write beyond that is done in part and fails with <see cref="DiskFullException"/>.</summary>
    public long CapacityBytes { get; private set; } = long.MaxValue;
    public DiskTiming Timing { get; private set; }

    /// <summary>How often a write or replacement met a full disk: the proof that the fault bit.</summary>
    public long FullHits { get; private set; }

    /// <summary>How often a sync or write failed because it was told to.</summary>
    public long FailureHits { get; private set; }

    /// <summary>How often a write went somewhere else than it should.</summary>
    public long MisdirectedHits { get; private set; }

    /// <summary>Bytes at rest that damage has changed.</summary>
    public long DamagedBytes { get; private set; }

    /// <summary>It has lost or changed what was durable on it.</summary>
    public bool IsDamaged => DamagedBytes > 0 || MisdirectedHits > 0 || _wasWiped;

    /// <summary>Syncs that succeeded.</summary>
    public long Syncs { get; internal set; }

    public long UsedBytes
    {
        get
        {
            var used = 0L;
            foreach (var (_, file) in _names) used += file.Length;
            return used;
        }
    }

    public void SetCapacity(long bytes) => CapacityBytes = bytes;

    /// <summary>Not one byte more fits, until <see cref="SetCapacity"/> says otherwise.</summary>
    public void Fill() => CapacityBytes = UsedBytes;

    public void Empty() => CapacityBytes = long.MaxValue;

    /// <summary>Slow (or fast again): from the next operation on.</summary>
    public void SetTiming(DiskTiming timing) => Timing = timing;

    /// <summary>Syncs succeed and make nothing durable: the disk that a correct node cannot survive, to show that a test can fail.</summary>
    public bool LiesAboutSyncs { get; set; }

    /// <summary>The next syncs throw, and what they should have made durable will be gone after a crash.</summary>
    public void FailNextSyncs(int count) => _syncsToFail = count;
    public void FailNextWrites(int count) => _writesToFail = count;

    /// <summary>The next writes land in another sector of their file, and the sector that was meant keeps what it had: nobody is told.</summary>
    /// <param name="spared">Files whose writes go where they should; null: none.</param>
    public void MisdirectNextWrites(int count, Func<string, bool>? spared = null) => (_writesToMisdirect, _spared) = (count, spared);

    /// <summary>Turns bits of a byte at rest.</summary>
    public void Damage(string name, long offset, byte bits = 0x01)
    {
        _names[name].Damage(offset, bits);
        DamagedBytes++;
    }

    /// <summary>A sector at rest is torn: from <paramref name="offset"/> to the end of its sector there are only zeros, as after a write that a
    /// loss of power cut short in a drive without protection. Returns how many bytes that changed.</summary>
    public long TearSector(string name, long offset)
    {
        var changed = _names[name].Tear(offset, SectorBytes);
        DamagedBytes += changed;
        return changed;
    }

    /// <summary>The files there are, as the process sees them, sorted.</summary>
    public IReadOnlyList<string> Names => List();

    public long LengthOf(string name) => _names[name].Length;

    /// <summary>A new, empty disk. Only while the host is down.</summary>
    public void Wipe()
    {
        if (_host.IsAlive) throw new InvalidOperationException($"{_host.Name} is running: its disk cannot be changed");
        _names.Clear();
        _durableNames.Clear();
        _directoryChanges.Clear();
        _wasWiped = true;
    }

    /// <summary>The first of these files of which something, or the name, would be gone after a loss of power; null when there is none.</summary>
    internal string? FirstUnsynced(Func<string, bool> isMeant)
    {
        foreach (var (name, file) in _directoryChanges)
            if (file is not null && isMeant(name)) return name;
        foreach (var (name, file) in _names)
            if (file.IsUnsynced && isMeant(name)) return name;
        return null;
    }

    /// <summary>What a file holds now, as the process sees it; null when there is none.</summary>
    public byte[]? ContentOf(string name)
    {
        if (!_names.TryGetValue(name, out var file)) return null;
        var content = new byte[file.Length];
        file.Read(content, 0);
        return content;
    }

    internal SimHost Host => _host;

    /// <summary>The world has ended.</summary>
    internal void Release()
    {
        foreach (var (_, file) in _names) file.Release();
        foreach (var (_, file) in _durableNames) file.Release();
    }

    internal IDisk Attach(HostLife life) => new LifeDisk(this, life);

    internal IReadOnlyList<string> List() => [.. _names.Keys];

    internal SimFile Open(string name, bool create)
    {
        if (_names.TryGetValue(name, out var file)) return file;
        if (!create) throw new FileNotFoundException($"{_host.Name}: no file '{name}'", name);
        file = new SimFile(name);
        _names.Add(name, file);
        _directoryChanges.Add((name, file));
        return file;
    }

    /// <summary>A crash can leave the file under both names: harsher than a journalling file system is.</summary>
    internal void Rename(string from, string to)
    {
        if (!_names.Remove(from, out var file)) throw new IOException($"{from}: no such file");
        _names[to] = file;
        _directoryChanges.Add((to, file));
        _directoryChanges.Add((from, null));
    }

    internal void Delete(string name)
    {
        if (_names.Remove(name)) _directoryChanges.Add((name, null));
    }

    /// <summary>Writes what fits; the failure that the caller will learn, or null.</summary>
    internal IOException? Write(SimFile file, ReadOnlySpan<byte> bytes, long offset)
    {
        if (_writesToFail > 0)
        {
            _writesToFail--;
            FailureHits++;
            return new IOException($"{file.Name}: the device reports a write error");
        }

        var grows = offset + bytes.Length - file.Length;
        var fits = bytes.Length;
        if (grows > 0 && CapacityBytes != long.MaxValue)
        {
            var room = Math.Max(0, CapacityBytes - UsedBytes);
            if (room < grows) fits = (int)Math.Max(0, bytes.Length - (grows - room));
        }

        if (_writesToMisdirect > 0 && fits > 0 && file.Length >= SectorBytes && _spared?.Invoke(file.Name) != true) Misdirect(file, bytes[..fits], offset);
        else file.Write(bytes[..fits], offset);
        return fits == bytes.Length ? null : Full(file.Name);
    }

    /// <summary>The bytes land in a sector before the right one. The length grows as if all were well; where the bytes should be there are zeros.</summary>
    private void Misdirect(SimFile file, ReadOnlySpan<byte> bytes, long offset)
    {
        _writesToMisdirect--;
        MisdirectedHits++;
        var end = offset + bytes.Length;
        if (end > file.Length) file.SetLength(end);
        var sectors = (int)(file.Length / SectorBytes);
        var wrong = (long)_host.World.Choices.Next(ChoiceKind.Fault, Math.Max(1, sectors)) * SectorBytes;
        if (wrong / SectorBytes == offset / SectorBytes) wrong = 0;
        file.Write(bytes[..(int)Math.Min(bytes.Length, file.Length - wrong)], wrong);
    }

    internal IOException? SetLength(SimFile file, long length)
    {
        if (length > file.Length && CapacityBytes != long.MaxValue && length - file.Length > CapacityBytes - UsedBytes) return Full(file.Name);
        file.SetLength(length);
        return null;
    }

    internal IOException? Sync(SimFile file, long upTo)
    {
        if (_syncsToFail > 0)
        {
            _syncsToFail--;
            FailureHits++;
            file.Forget(upTo);
            return new IOException($"{file.Name}: the device reports that a sync failed");
        }

        Syncs++;
        if (!LiesAboutSyncs) file.Sync(upTo);
        return null;
    }

    internal void BeginReplace(string name, ReadOnlyMemory<byte> content) => _replacing.Add((name, content));

    internal IOException? EndReplace(string name, ReadOnlyMemory<byte> content)
    {
        _replacing.Remove((name, content));
        if (_syncsToFail > 0)
        {
            _syncsToFail--;
            FailureHits++;
            return new IOException($"{name}: the device reports that a sync failed");
        }

        // The new content lies beside the old one until the rename.
        if (CapacityBytes != long.MaxValue && content.Length > CapacityBytes - UsedBytes) return Full(name);
        Syncs++;
        var file = Open(name, create: true);
        if (LiesAboutSyncs)
        {
            file.SetLength(0);
            file.Write(content.Span, 0);
            return null;
        }

        file.Replace(content.Span);
        SyncDirectory();
        return null;
    }

    internal void SyncDirectory()
    {
        if (LiesAboutSyncs) return;
        foreach (var (name, file) in _directoryChanges) Harden(name, file);
        _directoryChanges.Clear();
    }

    internal void Crash(bool keepsPageCache)
    {
        var replacing = _replacing.ToArray();
        _replacing.Clear();
        if (keepsPageCache) return;

        var choices = _host.World.Choices;
        var keepsSome = _host.World.Options.CrashKeepsSomeWrites;

        // A journal keeps the order of names: a beginning of the changes is left.
        var kept = keepsSome ? choices.Next(ChoiceKind.Fault, _directoryChanges.Count + 1) : 0;
        for (var i = 0; i < kept; i++) Harden(_directoryChanges[i].Name, _directoryChanges[i].File);
        _directoryChanges.Clear();
        _names.Clear();
        foreach (var (name, file) in _durableNames)
        {
            file.Crash(choices, keepsSome);
            _names.Add(name, file);
        }

        foreach (var (name, content) in replacing)
            if (keepsSome && choices.Next(ChoiceKind.Fault, 2) == 1) EndReplace(name, content);
    }

    private void Harden(string name, SimFile? file)
    {
        if (file is null) _durableNames.Remove(name);
        else _durableNames[name] = file;
    }

    private DiskFullException Full(string name)
    {
        FullHits++;
        return new DiskFullException($"{_host.Name}:{name}");
    }
}
