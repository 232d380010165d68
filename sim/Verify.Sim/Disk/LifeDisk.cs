using Verify.Node.Seam;
using Verify.Sim.Hosts;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Disk;

/// <summary>The disk as one life of its host sees it. Every operation ends in an event; those of the dead never do.</summary>
internal sealed class LifeDisk(SimDisk disk, HostLife life) : IDisk
{
    private readonly Stack<DiskOperation> _idle = new();

    public SimDisk Disk => disk;
    public HostLife Life => life;

    public IReadOnlyList<string> List()
    {
        ThrowIfEnded();
        return disk.List();
    }

    public IDiskFile Open(string name, bool create)
    {
        ThrowIfEnded();
        return new LifeFile(this, disk.Open(name, create));
    }

    public void Delete(string name)
    {
        ThrowIfEnded();
        disk.Delete(name);
    }

    public void Rename(string from, string to)
    {
        ThrowIfEnded();
        disk.Rename(from, to);
    }

    public ValueTask ReplaceAsync(string name, ReadOnlyMemory<byte> content)
    {
        ThrowIfEnded();
        var copy = new ReadOnlyMemory<byte>(content.ToArray());
        TraceBytes(content.Span);
        disk.BeginReplace(name, copy);
        return Rent().Begin(DiskVerb.Replace, name, copy, DrawSync() + DrawWrite());
    }

    public ValueTask SyncDirectoryAsync()
    {
        ThrowIfEnded();
        return Rent().Begin(DiskVerb.SyncDirectory, "", default, DrawSync());
    }

    public DiskOperation Rent() => _idle.TryPop(out var operation) ? operation : new DiskOperation(this);

    public void Return(DiskOperation operation) => _idle.Push(operation);

    public long DrawWrite() => Draw(disk.Timing.WriteMin, disk.Timing.WriteJitter);

    public long DrawSync() => Draw(disk.Timing.SyncMin, disk.Timing.SyncJitter);

    public void TraceBytes(ReadOnlySpan<byte> bytes)
    {
        if (disk.Host.World.Options.HashBytes) disk.Host.World.Trace.Bytes(disk.Host.Labels.DiskWrite, bytes);
    }

    public void ThrowIfEnded()
    {
        disk.Host.Scheduler.CheckThread();
        if (!life.IsAlive) throw new HostDownException(life.Host.Name);
    }

    private long Draw(TimeSpan min, TimeSpan jitter) =>
        SimClock.Micros(min) + disk.Host.World.Choices.Next(ChoiceKind.Delay, (int)SimClock.Micros(jitter) + 1);
}

/// <summary>One open file of one life.</summary>
internal sealed class LifeFile(LifeDisk disk, SimFile file) : IDiskFile
{
    private bool _closed;

    public long Length
    {
        get
        {
            ThrowIfClosed();
            return file.Length;
        }
    }

    public ValueTask<int> ReadAsync(Memory<byte> into, long offset)
    {
        ThrowIfClosed();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return disk.Rent().BeginRead(file, into, offset, disk.DrawWrite());
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset)
    {
        ThrowIfClosed();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        disk.TraceBytes(bytes.Span);
        return disk.Rent().BeginDone(disk.Disk.Write(file, bytes.Span, offset), disk.DrawWrite());
    }

    public ValueTask SyncAsync()
    {
        ThrowIfClosed();
        return disk.Rent().BeginSync(file, disk.DrawSync());
    }

    public ValueTask SetLengthAsync(long length)
    {
        ThrowIfClosed();
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return disk.Rent().BeginDone(disk.Disk.SetLength(file, length), disk.DrawWrite());
    }

    public void Dispose() => _closed = true;

    private void ThrowIfClosed()
    {
        disk.ThrowIfEnded();
        ObjectDisposedException.ThrowIf(_closed, this);
    }
}
