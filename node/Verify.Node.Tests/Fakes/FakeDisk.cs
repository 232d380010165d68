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
    public long UsedBytes => _files.Values.Sum(file => (long)file.Length);

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

    public byte[] Read(string name) => _files[name].Seen.ToArray();

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
        private byte[] _seen = [.. bytes];
        private byte[] _durable = [.. bytes];
        private List<(int At, int Count)> _dirty = [];
        private bool _isCut;

        public int Length { get; private set; } = bytes.Length;
        public int DurableLength { get; private set; } = bytes.Length;
        public ReadOnlySpan<byte> Seen => _seen.AsSpan(0, Length);

        public void Write(int at, ReadOnlySpan<byte> part)
        {
            Grow(ref _seen, at + part.Length);
            if (at > Length) _seen.AsSpan(Length, at - Length).Clear();
            part.CopyTo(_seen.AsSpan(at));
            Length = Math.Max(Length, at + part.Length);
            _dirty.Add((at, part.Length));
        }

        public void SetLength(int length)
        {
            if (length > Length) Write(Length, new byte[length - Length]);
            Length = length;
            _isCut = true;
        }

        public void Sync(bool fails)
        {
            var (dirty, isCut) = (_dirty, _isCut);
            (_dirty, _isCut) = ([], false);
            if (fails) return;
            if (isCut) DurableLength = Math.Min(DurableLength, Length);
            foreach (var (at, count) in dirty)
            {
                var end = Math.Min(at + count, Length);
                if (at >= end) continue;
                Grow(ref _durable, end);
                if (at > DurableLength) _durable.AsSpan(DurableLength, at - DurableLength).Clear();
                _seen.AsSpan(at, end - at).CopyTo(_durable.AsSpan(at));
                DurableLength = Math.Max(DurableLength, end);
            }
        }

        public byte[] AfterPowerLoss(int unsyncedBytesKept) =>
            [.. _durable.AsSpan(0, DurableLength), .. Length <= DurableLength ? [] : _seen.AsSpan(DurableLength, Math.Min(unsyncedBytesKept, Length - DurableLength))];

        private static void Grow(ref byte[] bytes, int needed)
        {
            if (needed > bytes.Length) Array.Resize(ref bytes, Math.Max(needed, bytes.Length * 2));
        }
    }

    private sealed class FakeFile(FakeDisk disk, string name, Content content) : IDiskFile
    {
        public long Length => content.Length;

        public ValueTask<int> ReadAsync(Memory<byte> into, long offset)
        {
            var count = (int)Math.Clamp(content.Length - offset, 0, into.Length);
            if (count > 0) content.Seen.Slice((int)offset, count).CopyTo(into.Span);
            return new(count);
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset)
        {
            disk.Operate();
            var grows = Math.Max(0, offset + bytes.Length - content.Length);
            var room = Math.Max(0, disk.CapacityBytes - disk.UsedBytes);
            var fits = grows <= room ? bytes.Length : (int)Math.Max(0, bytes.Length - (grows - room));
            content.Write((int)offset, bytes.Span[..fits]);
            return fits == bytes.Length ? default : throw new DiskFullException(name);
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
