using Verify.Node.Seam;
using Verify.Sim.Hosts;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Network;

/// <summary>A listening port of one life of a host. Connections wait in the backlog, as in a kernel, also while the process is paused.</summary>
internal sealed class SimListener(SimWorld world, HostLife life, int port) : IListener, IEventTarget
{
    private const int BacklogMax = 128;
    private readonly Queue<SimStream> _backlog = new();
    private TaskCompletionSource<Stream?>? _accepting;
    private bool _closed;

    public int Port => port;
    public bool IsAccepting => _accepting is not null;
    public bool IsFull => _backlog.Count >= BacklogMax;

    public ValueTask<Stream?> AcceptAsync()
    {
        world.Scheduler.CheckThread();
        if (_closed) return new ValueTask<Stream?>((Stream?)null);
        if (_accepting is not null) throw new InvalidOperationException("a second accept while one is pending");
        if (_backlog.TryDequeue(out var waiting)) return new ValueTask<Stream?>(waiting);
        _accepting = new TaskCompletionSource<Stream?>();
        return new ValueTask<Stream?>(_accepting.Task);
    }

    public ValueTask DisposeAsync()
    {
        if (_closed) return default;
        _closed = true;
        life.Listeners.Remove(port);
        while (_backlog.TryDequeue(out var waiting)) waiting.Abort();
        if (_accepting is not null) PostAccept();
        return default;
    }

    public void Offer(SimStream stream)
    {
        _backlog.Enqueue(stream);
        PostAccept();
    }

    void IEventTarget.Happen(int argument)
    {
        if (_accepting is not { } accepting) return;
        if (_closed)
        {
            _accepting = null;
            accepting.SetResult(null);
        }
        else if (_backlog.TryDequeue(out var stream))
        {
            _accepting = null;
            accepting.SetResult(stream);
        }
    }

    private void PostAccept() =>
        world.Scheduler.Post(life.Host.Actor, life.Number, life.Host.Labels.Accept, world.Scheduler.Now, this, 0);
}
