namespace Verify.Sim.Scheduling;

/// <summary>A timer of a <see cref="SimClock"/>. Putting it off is free: the entry that is in the queue stays there and moves
/// itself when its old time comes.</summary>
internal sealed class SimTimer(SimClock clock, TimerCallback callback, object? state, int life) : ITimer, IEventTarget
{
    private const long Never = long.MaxValue;
    private const long CatchUpMicros = 1_000;
    private long _dueLocal = Never;
    private long _due = Never;
    private long _queuedDue = Never;
    private long _periodMicros = -1;
    private int _version;
    private bool _disposed;

    /// <summary>The life of the host in which it was made; it does not outlive it.</summary>
    public int Life { get; } = life;

    /// <summary>The step that armed it last.</summary>
    public long Cause { get; private set; }

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        if (_disposed) return false;
        clock.Scheduler.CheckThread();
        _periodMicros = period <= TimeSpan.Zero ? -1 : SimClock.Micros(period);
        if (dueTime < TimeSpan.Zero)
        {
            Disarm();
            return true;
        }

        Arm(clock.LocalMicros + SimClock.Micros(dueTime));
        return true;
    }

    public void Dispose()
    {
        _disposed = true;
        Disarm();
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }

    /// <summary>Whether an entry of the queue still means something.</summary>
    public bool IsArmedBy(int version) => version == _version && _due != Never;

    /// <summary>An entry has come up: does it fire? One that was put off goes back into the queue, a stopped one is forgotten.</summary>
    public bool Fires(int version, long entryDue)
    {
        if (version != _version) return false;
        if (_due <= entryDue) return true;
        if (_due == Never) _queuedDue = Never;
        else Queue();
        return false;
    }

    public void RateChanged()
    {
        if (_due == Never) return;
        _due = Math.Max(clock.TrueAt(_dueLocal), clock.Scheduler.Now);
        if (_due < _queuedDue) Queue();
    }

    void IEventTarget.Happen(int argument)
    {
        _queuedDue = Never;
        if (_periodMicros < 0) _due = _dueLocal = Never;
        else
        {
            var next = _dueLocal + _periodMicros;
            Arm(clock.TrueAt(next) > clock.Scheduler.Now ? next : clock.LocalMicros + CatchUpMicros);
        }

        callback(state);
    }

    private void Arm(long dueLocal)
    {
        _dueLocal = dueLocal;
        Cause = clock.Scheduler.CauseNow;
        _due = clock.TrueAt(dueLocal) + clock.DrawLateness();
        if (_due < _queuedDue) Queue();
    }

    private void Queue()
    {
        _queuedDue = _due;
        clock.Post(this, ++_version, _due);
    }

    private void Disarm() => _due = _dueLocal = Never;
}
