using Verify.Node.Seam;

namespace Verify.Node.Tests.Fakes;

/// <summary>A disk in memory that forgets in a crash what was not synced, tears the last write, fills up and fails when it is told to.</summary>
internal sealed class FakeDisk(FakeWorld? world = null, FakeHost? host = null) : IDisk
{
    private readonly SortedDictionary<string, Content> _files = new(StringComparer.Ordinal);
    private SortedDictionary<string, Content> _durableNames = new(StringComparer.Ordinal);

    /// <summary>How long a sync takes; without a world it takes no time.</summary>
    public TimeSpan SyncTime { get; set; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Bytes that all files together may have.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;
    public bool SyncFails { get; set; }
    public int Syncs { get; private set; }

    /// <summary>What is left after the machine lost power: durable names with durable bytes, plus so many of the last unsynced bytes
    /// of each file as asked for.</summary>
    public FakeDisk AfterCrash(FakeWorld? newWorld = null, FakeHost? newHost = null, int unsyncedBytesKept = 0)
    {
        var after = new FakeDisk(newWorld, newHost);
        foreach (var (name, content) in _durableNames)
        {
            var bytes = content.AfterCrash(unsyncedBytesKept);
            after._files[name] = bytes;
            after._durableNames[name] = bytes;
        }

        return after;
    }

    public byte[] Read(string name) => _files[name].Bytes.ToArray();

    /// <summary>Puts a file there, durable.</summary>
    public void Put(string name, byte[] bytes)
    {
        var content = new Content { Bytes = [.. bytes], Durable = bytes };
        _files[name] = content;
        _durableNames[name] = content;
    }

    public IReadOnlyList<string> List() => [.. _files.Keys];

    public IDiskFile Open(string name, bool create)
    {
        if (!_files.TryGetValue(name, out var content))
        {
            if (!create) throw new FileNotFoundException(name);
            _files[name] = content = new();
        }

        return new FakeFile(this, name, content);
    }

    public ValueTask ReplaceAsync(string name, ReadOnlyMemory<byte> content)
    {
        Put(name, content.ToArray());
        return Wait();
    }

    public void Delete(string name) => _files.Remove(name);

    public ValueTask SyncDirectoryAsync()
    {
        _durableNames = new(_files, StringComparer.Ordinal);
        return Wait();
    }

    private ValueTask Wait()
    {
        if (world is null || host is null) return default;
        var done = new TaskCompletionSource();
        world.After(SyncTime, () => host.Run(() => done.SetResult()));
        return new(done.Task);
    }

    private long Used => _files.Values.Sum(f => (long)f.Bytes.Count);

    private sealed class Content
    {
        public List<byte> Bytes { get; set; } = [];
        public byte[] Durable { get; set; } = [];

        public Content AfterCrash(int unsyncedBytesKept)
        {
            var same = 0;
            while (same < Bytes.Count && same < Durable.Length && Bytes[same] == Durable[same]) same++;
            if (same < Durable.Length || unsyncedBytesKept == 0) return new() { Bytes = [.. Durable], Durable = Durable };
            var kept = Bytes.Take(Math.Min(Bytes.Count, Durable.Length + unsyncedBytesKept)).ToArray();
            return new() { Bytes = [.. kept], Durable = kept };
        }
    }

    private sealed class FakeFile(FakeDisk disk, string name, Content content) : IDiskFile
    {
        public long Length => content.Bytes.Count;

        public ValueTask<int> ReadAsync(Memory<byte> into, long offset)
        {
            var count = (int)Math.Clamp(content.Bytes.Count - offset, 0, into.Length);
            for (var i = 0; i < count; i++) into.Span[i] = content.Bytes[(int)offset + i];
            return new(count);
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset)
        {
            for (var i = 0; i < bytes.Length; i++)
            {
                var at = (int)offset + i;
                if (at < content.Bytes.Count) content.Bytes[at] = bytes.Span[i];
                else if (disk.Used < disk.CapacityBytes) content.Bytes.Add(bytes.Span[i]);
                else throw new DiskFullException(name);
            }

            return default;
        }

        public async ValueTask SyncAsync()
        {
            disk.Syncs++;
            var now = content.Bytes.ToArray();
            await disk.Wait();
            if (disk.SyncFails) throw new IOException($"{name}: input/output error");
            content.Durable = now;
        }

        public ValueTask SetLengthAsync(long length)
        {
            if (length < content.Bytes.Count) content.Bytes.RemoveRange((int)length, content.Bytes.Count - (int)length);
            while (content.Bytes.Count < length) content.Bytes.Add(0);
            return default;
        }

        public void Dispose() { }
    }
}
