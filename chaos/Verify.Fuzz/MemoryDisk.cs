using Verify.Node.Seam;

namespace Verify.Fuzz;

/// <summary>A data directory in memory, for readers that read files.</summary>
internal sealed class MemoryDisk : IDisk
{
    private readonly SortedDictionary<string, byte[]> _files = new(StringComparer.Ordinal);

    public byte[] this[string name]
    {
        get => _files[name];
        set => _files[name] = value;
    }

    public IReadOnlyList<string> List() => [.. _files.Keys];

    public IDiskFile Open(string name, bool create)
    {
        if (!_files.ContainsKey(name)) _files[name] = create ? [] : throw new FileNotFoundException(name);
        return new MemoryFile(this, name);
    }

    public ValueTask ReplaceAsync(string name, ReadOnlyMemory<byte> content)
    {
        _files[name] = content.ToArray();
        return ValueTask.CompletedTask;
    }

    public void Rename(string from, string to)
    {
        _files.Remove(from, out var bytes);
        _files[to] = bytes!;
    }

    public void Delete(string name) => _files.Remove(name);
    public ValueTask SyncDirectoryAsync() => ValueTask.CompletedTask;

    private sealed class MemoryFile(MemoryDisk disk, string name) : IDiskFile
    {
        public long Length => disk[name].Length;

        public ValueTask<int> ReadAsync(Memory<byte> into, long offset)
        {
            var bytes = disk[name];
            var count = (int)Math.Clamp(bytes.Length - offset, 0, into.Length);
            if (count > 0) bytes.AsMemory((int)offset, count).CopyTo(into);
            return ValueTask.FromResult(count);
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset)
        {
            var have = disk[name];
            if (have.Length < offset + bytes.Length) Array.Resize(ref have, (int)(offset + bytes.Length));
            bytes.CopyTo(have.AsMemory((int)offset));
            disk[name] = have;
            return ValueTask.CompletedTask;
        }

        public ValueTask SyncAsync() => ValueTask.CompletedTask;

        public ValueTask SetLengthAsync(long length)
        {
            var have = disk[name];
            Array.Resize(ref have, (int)length);
            disk[name] = have;
            return ValueTask.CompletedTask;
        }

        public void Dispose() { }
    }
}
