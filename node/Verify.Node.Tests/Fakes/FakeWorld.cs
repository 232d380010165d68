using System.IO.Pipelines;
using Verify.Node.Seam;

namespace Verify.Node.Tests.Fakes;

/// <summary>Virtual time and one queue of events on one thread: the smallest world that a node can live in.</summary>
internal sealed class FakeWorld : PipeScheduler
{
    private readonly PriorityQueue<Action, (long Due, long Number)> _events = new();
    private long _number;

    /// <summary>In ticks of 100 ns.</summary>
    public long Now { get; private set; }

    public override void Schedule(Action<object?> action, object? state) => After(TimeSpan.Zero, () => action(state));

    public void After(TimeSpan delay, Action action) => _events.Enqueue(action, (Now + delay.Ticks, _number++));

    /// <summary>What runs at this moment takes so long.</summary>
    public void Spend(TimeSpan time) => Now += time.Ticks;

    public void RunFor(TimeSpan time)
    {
        var end = Now + time.Ticks;
        while (_events.TryPeek(out _, out var next) && next.Due <= end) Step();
        Now = end;
    }

    /// <summary>Runs until the condition holds; fails with the sentence when it does not within the limit.</summary>
    public void RunUntil(Func<bool> condition, TimeSpan limit, string what)
    {
        var end = Now + limit.Ticks;
        while (!condition())
        {
            if (!_events.TryPeek(out _, out var next) || next.Due > end) Assert.Fail($"not within {limit.TotalSeconds} s: {what}");
            Step();
        }
    }

    public T Await<T>(ValueTask<T> task, TimeSpan? limit = null)
    {
        var running = task.AsTask();
        RunUntil(() => running.IsCompleted, limit ?? TimeSpan.FromSeconds(10), $"an answer of {typeof(T).Name}");
        return running.GetAwaiter().GetResult();
    }

    public void Await(ValueTask task, TimeSpan? limit = null)
    {
        var running = task.AsTask();
        RunUntil(() => running.IsCompleted, limit ?? TimeSpan.FromSeconds(10), "an end");
        running.GetAwaiter().GetResult();
    }

    private void Step()
    {
        _events.TryDequeue(out var action, out var next);
        Now = Math.Max(Now, next.Due);
        action!();
    }
}

/// <summary>The clock of one host. A host that is dead gets no more timer calls; one that is paused gets them all when it goes on.</summary>
internal sealed class FakeTime(FakeWorld world, FakeHost host) : TimeProvider
{
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    public override long GetTimestamp() => world.Now;
    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(world.Now) + host.WallShift;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new FakeTimer(world, host, () => callback(state), dueTime, period);

    private sealed class FakeTimer : ITimer
    {
        private readonly FakeWorld _world;
        private readonly FakeHost _host;
        private readonly Action _callback;
        private TimeSpan _period;
        private int _version;

        public FakeTimer(FakeWorld world, FakeHost host, Action callback, TimeSpan dueTime, TimeSpan period)
        {
            (_world, _host, _callback) = (world, host, callback);
            Change(dueTime, period);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _version++;
            _period = period;
            if (dueTime != Timeout.InfiniteTimeSpan) Arm(dueTime, _version);
            return true;
        }

        public void Dispose() => _version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void Arm(TimeSpan delay, int version) => _world.After(delay, () => _host.Run(() =>
        {
            if (version != _version) return;
            if (_period > TimeSpan.Zero) Arm(_period, version);
            _callback();
        }));
    }
}

/// <summary>One machine: alive, paused or dead. Everything that happens on it goes through <see cref="Run"/>.</summary>
internal sealed class FakeHost(FakeWorld world) : PipeScheduler, IHalt
{
    private readonly List<Action> _whilePaused = [];

    public bool IsDead { get; private set; }

    /// <summary>How far somebody has set this machine's wall clock forward.</summary>
    public TimeSpan WallShift { get; set; }
    public bool IsPaused { get; private set; }
    public string? Halted { get; private set; }

    public override void Schedule(Action<object?> action, object? state) => world.After(TimeSpan.Zero, () => Run(() => action(state)));

    public void Run(Action action)
    {
        if (IsDead) return;
        if (IsPaused) _whilePaused.Add(action);
        else action();
    }

    public void Kill() => IsDead = true;
    public void Pause() => IsPaused = true;

    public void Resume()
    {
        IsPaused = false;
        var waiting = _whilePaused.ToArray();
        _whilePaused.Clear();
        foreach (var action in waiting) world.After(TimeSpan.Zero, () => Run(action));
    }

    public void Halt(string reason, Exception? cause)
    {
        Halted = reason;
        IsDead = true;
    }
}
