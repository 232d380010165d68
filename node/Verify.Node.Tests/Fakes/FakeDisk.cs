using Verify.Node.Seam;

namespace Verify.Node.Tests.Fakes;

/// <summary>A disk in memory that forgets in a crash what was not synced, tears the last write, fills up, fails, and loses power in the
/// middle of whatever it is asked to do. A failed sync leaves its pages "clean": a later sync does not write them.</summary>
internal sealed class FakeDisk(FakeWorld? world = null, FakeHost? host = null) : IDisk
{
    private readonly SortedDictionary<string, Content> _files = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, Content> _durableNames = new(StringComparer.Ordinal);

    /// <summary>How long a sync takes; without a world it takes no time.</summary>
    public TimeSpan SyncTime { get; set; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Bytes that all files together may have.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>The next sync reports an error.</summary>
    public bool NextSyncFails { get; set; }

    /// <summary>Power goes before the operation with this number (from 0); negative: never.</summary>
    public int OperationsUntilPowerLoss { get; set; } = -1;
    public int Syncs { get; private set; }
    public long UsedBytes => _files.Values.Sum(file => (long)file.Seen.Count);

    /// <summary>What is left after the machine lost power: durable names with durable bytes. With
    /// <paramref name="unsyncedBytesKept"/> also the beginning of what was written after the durable end.</summary>
    public FakeDisk AfterPowerLoss(FakeWorld? newWorld = null, FakeHost? newHost = null, int unsyncedBytesKept = 0)
    {
        var after = new FakeDisk(newWorld, newHost) { CapacityBytes = CapacityBytes };
        foreach (var (name, content) in _durableNames) after.Put(name, content.AfterPowerLoss(unsyncedBytesKept));
        return after;
    }

    /// <summary>What is left after the process was killed: everything that it wrote, durable or not.</summary>
    public FakeDisk AfterKill(FakeWorld? newWorld = null, FakeHost? newHost = null)
    {
        var after = new FakeDisk(newWorld, newHost) { CapacityBytes = CapacityBytes };
        foreach (var (name, content) in _files) after._files[name] = content;
        foreach (var (name, content) in _durableNames) after._durableNames[name] = content;
        return after;
    }

    public byte[] Read(string name) => [.. _files[name].Seen];

    /// <summary>Puts a file there, durable.</summary>
    public void Put(string name, byte[] bytes)
    {
        var content = new Content(bytes);
        _files[name] = content;
        _durableNames[name] = content;
    }

    public IReadOnlyList<string> List() => [.. _files.Keys];

    public IDiskFile Open(string name, bool create)
    {
        if (!_files.TryGetValue(name, out var content))
        {
            if (!create) throw new FileNotFoundException($"no file {name}", name);
            Operate();
            _files[name] = content = new([]);
        }

        return new FakeFile(this, name, content);
    }

    public ValueTask ReplaceAsync(string name, ReadOnlyMemory<byte> content)
    {
        Operate();
        Put(name, content.ToArray());
        return Wait();
    }

    public void Rename(string from, string to)
    {
        Operate();
        _files[to] = _files[from];
        _files.Remove(from);
    }

    public void Delete(string name)
    {
        Operate();
        _files.Remove(name);
    }

    public async ValueTask SyncDirectoryAsync()
    {
        Operate();
        await Wait();
        _durableNames.Clear();
        foreach (var (name, content) in _files) _durableNames[name] = content;
    }

    private void Operate()
    {
        if (OperationsUntilPowerLoss == 0) throw new PowerLostException();
        if (OperationsUntilPowerLoss > 0) OperationsUntilPowerLoss--;
    }

    private ValueTask Wait()
    {
        if (world is null || host is null) return default;
        var done = new TaskCompletionSource();
        world.After(SyncTime, () => host.Run(() => done.SetResult()));
        return new(done.Task);
    }

    private sealed class Content(byte[] bytes)
    {
        private readonly List<byte> _durable = [.. bytes];
        private SortedSet<int> _dirty = [];
        private bool _isCut;

        public List<byte> Seen { get; } = [.. bytes];

        public void Write(int at, byte value)
        {
            if (at < Seen.Count) Seen[at] = value;
            else Seen.Add(value);
            _dirty.Add(at);
        }

        public void SetLength(int length)
        {
            if (length < Seen.Count) Seen.RemoveRange(length, Seen.Count - length);
            while (Seen.Count < length) Write(Seen.Count, 0);
            _isCut = true;
        }

        public void Sync(bool fails)
        {
            var (dirty, isCut) = (_dirty, _isCut);
            (_dirty, _isCut) = ([], false);
            if (fails) return;
            if (isCut && _durable.Count > Seen.Count) _durable.RemoveRange(Seen.Count, _durable.Count - Seen.Count);
            foreach (var at in dirty.Where(at => at < Seen.Count))
            {
                while (_durable.Count <= at) _durable.Add(0);
                _durable[at] = Seen[at];
            }
        }

        public byte[] AfterPowerLoss(int unsyncedBytesKept) => [.. _durable, .. Seen.Skip(_durable.Count).Take(unsyncedBytesKept)];
    }

    private sealed class FakeFile(FakeDisk disk, string name, Content content) : IDiskFile
    {
        public long Length => content.Seen.Count;

        public ValueTask<int> ReadAsync(Memory<byte> into, long offset)
        {
            var count = (int)Math.Clamp(content.Seen.Count - offset, 0, into.Length);
            for (var i = 0; i < count; i++) into.Span[i] = content.Seen[(int)offset + i];
            return new(count);
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset)
        {
            disk.Operate();
            for (var i = 0; i < bytes.Length; i++)
            {
                if (offset + i >= content.Seen.Count && disk.UsedBytes >= disk.CapacityBytes) throw new DiskFullException(name);
                content.Write((int)offset + i, bytes.Span[i]);
            }

            return default;
        }

        public async ValueTask SyncAsync()
        {
            disk.Operate();
            disk.Syncs++;
            await disk.Wait();
            var fails = disk.NextSyncFails;
            disk.NextSyncFails = false;
            content.Sync(fails);
            if (fails) throw new IOException($"{name}: input/output error");
        }

        public ValueTask SetLengthAsync(long length)
        {
            disk.Operate();
            content.SetLength((int)length);
            return default;
        }

        public void Dispose() { }
    }
}

/// <summary>The fake disk has no power any more.</summary>
internal sealed class PowerLostException : Exception;
