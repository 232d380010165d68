using System.Threading.Tasks.Sources;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Disk;

/// <summary>What the disk was asked to do.</summary>
internal enum DiskVerb : byte { Done, Read, Sync, Replace, SyncDirectory }

/// <summary>One disk operation on its way; used again when its awaiter has taken the result.</summary>
internal sealed class DiskOperation(LifeDisk disk) : IValueTaskSource, IValueTaskSource<int>, IEventTarget
{
    private ManualResetValueTaskSourceCore<int> _core;
    private DiskVerb _verb;
    private SimFile? _file;
    private string _name = "";
    private ReadOnlyMemory<byte> _content;
    private Memory<byte> _into;
    private long _offset;
    private IOException? _error;

    public ValueTask BeginDone(IOException? error, long micros)
    {
        (_verb, _error) = (DiskVerb.Done, error);
        Queue(disk.Life.Host.Labels.DiskWrite, micros);
        return new ValueTask(this, _core.Version);
    }

    public ValueTask BeginSync(SimFile file, long micros)
    {
        (_verb, _file, _offset) = (DiskVerb.Sync, file, file.Sequence);
        Queue(disk.Life.Host.Labels.DiskSync, micros);
        return new ValueTask(this, _core.Version);
    }

    public ValueTask Begin(DiskVerb verb, string name, ReadOnlyMemory<byte> content, long micros)
    {
        (_verb, _name, _content) = (verb, name, content);
        Queue(disk.Life.Host.Labels.DiskSync, micros);
        return new ValueTask(this, _core.Version);
    }

    public ValueTask<int> BeginRead(SimFile file, Memory<byte> into, long offset, long micros)
    {
        (_verb, _file, _into, _offset) = (DiskVerb.Read, file, into, offset);
        Queue(disk.Life.Host.Labels.DiskRead, micros);
        return new ValueTask<int>(this, _core.Version);
    }

    void IEventTarget.Happen(int argument)
    {
        var read = 0;
        switch (_verb)
        {
            case DiskVerb.Read: read = _file!.Read(_into.Span, _offset); break;
            case DiskVerb.Sync: _error = disk.Disk.Sync(_file!, _offset); break;
            case DiskVerb.Replace: _error = disk.Disk.EndReplace(_name, _content); break;
            case DiskVerb.SyncDirectory: disk.Disk.SyncDirectory(); break;
            default: break;
        }

        if (_error is not null) _core.SetException(_error);
        else _core.SetResult(read);
    }

    void IValueTaskSource.GetResult(short token) => TakeResult(token);

    int IValueTaskSource<int>.GetResult(short token) => TakeResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Queue(int label, long micros)
    {
        var host = disk.Life.Host;
        host.Scheduler.Post(host.Actor, disk.Life.Number, label, host.Scheduler.Now + micros, this, 0);
    }

    private int TakeResult(short token)
    {
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            (_file, _name, _content, _into, _error) = (null, "", default, default, null);
            disk.Return(this);
        }
    }
}
