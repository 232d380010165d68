using Microsoft.Extensions.Logging;
using Verify.Node.Seam;

namespace Verify.NodeHost.Seam;

/// <summary>Disks that lie, for benches and proofs only; nothing but an environment variable of the name VERIFY_TEST_ONLY_… brings
/// them in, and the log says so at the top of its voice.</summary>
internal static partial class TestOnlyDisks
{
    /// <summary>A sync returns at once, without having made anything durable: what acknowledging before the disk would gain.</summary>
    public const string NoSync = "VERIFY_TEST_ONLY_NO_SYNC";

    /// <summary>What was written and not synced is gone when the process is killed.</summary>
    public const string PowerLoss = "VERIFY_TEST_ONLY_POWER_LOSS";

    public static IDisk Around(IDisk disk, Func<string, string?> environment, ILogger log)
    {
        if (environment(PowerLoss) == "1")
        {
            PowerLossImitated(log);
            disk = new ForgetfulDisk(disk);
        }

        if (environment(NoSync) == "1")
        {
            SyncSwitchedOff(log);
            disk = new UnsyncedDisk(disk);
        }

        return disk;
    }

    [LoggerMessage(20, LogLevel.Critical, "TEST ONLY: syncing is switched OFF by VERIFY_TEST_ONLY_NO_SYNC=1. Acknowledged writes are lost when the power fails. Never run a node with data like this.")]
    private static partial void SyncSwitchedOff(ILogger log);

    [LoggerMessage(21, LogLevel.Critical, "TEST ONLY: what is not synced stays in memory (VERIFY_TEST_ONLY_POWER_LOSS=1), so that a kill loses what a power failure may lose.")]
    private static partial void PowerLossImitated(ILogger log);
}

/// <summary>Passes everything on but the syncs.</summary>
internal sealed class UnsyncedDisk(IDisk inner) : IDisk
{
    public IReadOnlyList<string> List() => inner.List();
    public IDiskFile Open(string name, bool create) => new UnsyncedFile(inner.Open(name, create));
    public ValueTask ReplaceAsync(string name, ReadOnlyMemory<byte> content) => inner.ReplaceAsync(name, content);
    public void Rename(string from, string to) => inner.Rename(from, to);
    public void Delete(string name) => inner.Delete(name);
    public ValueTask SyncDirectoryAsync() => ValueTask.CompletedTask;

    private sealed class UnsyncedFile(IDiskFile file) : IDiskFile
    {
        public long Length => file.Length;
        public ValueTask<int> ReadAsync(Memory<byte> into, long offset) => file.ReadAsync(into, offset);
        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset) => file.WriteAsync(bytes, offset);
        public ValueTask SyncAsync() => ValueTask.CompletedTask;
        public ValueTask SetLengthAsync(long length) => file.SetLengthAsync(length);
        public void Dispose() => file.Dispose();
    }
}

/// <summary>Keeps writes in the process until they are synced, so that SIGKILL loses all of them: the worst that a power failure may do to
/// file contents (a real one may also keep some, or parts of them). Creating, renaming and deleting files is not held back.</summary>
internal sealed class ForgetfulDisk(IDisk inner) : IDisk
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, Unsynced> _unsynced = new(StringComparer.Ordinal);

    public IReadOnlyList<string> List() => inner.List();

    public IDiskFile Open(string name, bool create)
    {
        var file = inner.Open(name, create);
        lock (_gate)
        {
            if (!_unsynced.TryGetValue(name, out var unsynced)) _unsynced[name] = unsynced = new();
            return new ForgetfulFile(file, unsynced);
        }
    }

    public async ValueTask ReplaceAsync(string name, ReadOnlyMemory<byte> content)
    {
        await inner.ReplaceAsync(name, content);
        lock (_gate) _unsynced.Remove(name);
    }

    public void Rename(string from, string to)
    {
        inner.Rename(from, to);
        lock (_gate)
        {
            if (_unsynced.Remove(from, out var unsynced)) _unsynced[to] = unsynced;
            else _unsynced.Remove(to);
        }
    }

    public void Delete(string name)
    {
        inner.Delete(name);
        lock (_gate) _unsynced.Remove(name);
    }

    public ValueTask SyncDirectoryAsync() => inner.SyncDirectoryAsync();

    /// <summary>A write; or, without bytes, a new length.</summary>
    private readonly record struct Change(long Offset, byte[]? Bytes);

    /// <summary>What one file's sync has to carry out, in order. Shared by all who have the file open.</summary>
    private sealed class Unsynced
    {
        public readonly Lock Gate = new();
        public readonly List<Change> Changes = [];

        public long Length(long synced)
        {
            foreach (var change in Changes) synced = change.Bytes is null ? change.Offset : Math.Max(synced, change.Offset + change.Bytes.Length);
            return synced;
        }
    }

    private sealed class ForgetfulFile(IDiskFile file, Unsynced unsynced) : IDiskFile
    {
        public long Length
        {
            get
            {
                lock (unsynced.Gate) return unsynced.Length(file.Length);
            }
        }

        public async ValueTask<int> ReadAsync(Memory<byte> into, long offset)
        {
            Change[] changes;
            int size;
            lock (unsynced.Gate)
            {
                changes = [.. unsynced.Changes];
                size = (int)Math.Clamp(unsynced.Length(file.Length) - offset, 0, into.Length);
            }

            into = into[..size];
            into.Span.Clear();
            for (var have = 0; have < size && await file.ReadAsync(into[have..], offset + have) is > 0 and var read;) have += read;
            foreach (var (at, bytes) in changes) Lay(into.Span, offset, at, bytes);
            return size;
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset)
        {
            lock (unsynced.Gate) unsynced.Changes.Add(new(offset, bytes.ToArray()));
            return ValueTask.CompletedTask;
        }

        public async ValueTask SyncAsync()
        {
            // They stay in sight of readers until the file has them.
            Change[] changes;
            lock (unsynced.Gate) changes = [.. unsynced.Changes];
            foreach (var (at, bytes) in changes)
            {
                if (bytes is null) await file.SetLengthAsync(at);
                else await file.WriteAsync(bytes, at);
            }

            await file.SyncAsync();
            lock (unsynced.Gate) unsynced.Changes.RemoveRange(0, changes.Length);
        }

        public ValueTask SetLengthAsync(long length)
        {
            lock (unsynced.Gate) unsynced.Changes.Add(new(length, null));
            return ValueTask.CompletedTask;
        }

        public void Dispose() => file.Dispose();

        private static void Lay(Span<byte> into, long offset, long at, byte[]? bytes)
        {
            if (bytes is null)
            {
                if (at < offset + into.Length) into[(int)Math.Max(0, at - offset)..].Clear();
                return;
            }

            var from = Math.Max(at, offset);
            var to = Math.Min(at + bytes.Length, offset + into.Length);
            if (from < to) bytes.AsSpan((int)(from - at), (int)(to - from)).CopyTo(into[(int)(from - offset)..]);
        }
    }
}
