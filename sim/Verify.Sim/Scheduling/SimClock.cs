namespace Verify.Sim.Scheduling;

/// <summary>The clock of one machine: a wall time that may be off, and a rate that may drift. Both the wall and the monotonic
/// clock run at the rate; a jump of the wall moves no timer. Timers are events of the machine's host.</summary>
public sealed class SimClock : TimeProvider
{
    /// <summary>The rate of a good clock: a million per million.</summary>
    public const long TrueRatePpm = 1_000_000;

    private readonly SimScheduler _scheduler;
    private readonly SimActor _actor;
    private readonly IChoiceSource _choices;
    private readonly long _epochTicks;
    private readonly int _latenessMicrosMax;
    private readonly int _timerLabel;
    private long _trueBase;
    private long _localBase;

    internal SimClock(SimScheduler scheduler, SimActor actor, IChoiceSource choices, SimOptions options)
    {
        (_scheduler, _actor, _choices) = (scheduler, actor, choices);
        _epochTicks = options.Epoch.UtcTicks;
        _latenessMicrosMax = (int)Micros(options.TimerLatenessMax);
        _timerLabel = scheduler.Trace.Labels.Intern($"{actor.Name} timer");
    }

    /// <summary>How far the wall clock is off, in microseconds.</summary>
    public long WallOffsetMicros { get; private set; }

    /// <summary>How fast the clock runs; 1,020,000 is two per cent fast.</summary>
    public long RatePpm { get; private set; } = TrueRatePpm;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;
    public override long TimestampFrequency => 1_000_000;
    public override long GetTimestamp() => LocalMicros;
    public override DateTimeOffset GetUtcNow() => new(_epochTicks + ((LocalMicros + WallOffsetMicros) * 10), TimeSpan.Zero);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new SimTimer(this, callback, state, _actor.Life);
        timer.Change(dueTime, period);
        return timer;
    }

    internal SimScheduler Scheduler => _scheduler;

    /// <summary>Monotonic microseconds on this clock.</summary>
    internal long LocalMicros => RatePpm == TrueRatePpm
        ? _localBase + _scheduler.Now - _trueBase
        : _localBase + (long)((Int128)(_scheduler.Now - _trueBase) * RatePpm / TrueRatePpm);

    /// <summary>The true time at which this clock will show that monotonic time.</summary>
    internal long TrueAt(long localMicros)
    {
        var ahead = localMicros - _localBase;
        return RatePpm == TrueRatePpm ? _trueBase + ahead : _trueBase + (long)((((Int128)ahead * TrueRatePpm) + RatePpm - 1) / RatePpm);
    }

    /// <summary>How late the next timer fires: a choice.</summary>
    internal int DrawLateness()
    {
        if (_latenessMicrosMax == 0) return 0;
        _scheduler.ChoiceAbout = _timerLabel;
        return _choices.Next(ChoiceKind.Timer, _latenessMicrosMax + 1);
    }

    internal void Post(SimTimer timer, int version, long due) => _scheduler.Post(_actor, timer.Life, _timerLabel, due, timer, version);

    internal void SetOffset(long micros) => WallOffsetMicros = micros;

    internal void SetRate(long ppm)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ppm);
        (_localBase, _trueBase, RatePpm) = (LocalMicros, _scheduler.Now, ppm);
        _scheduler.RateChanged(_actor);
    }

    /// <summary>Whole microseconds, rounded up: a timer is never early.</summary>
    internal static long Micros(TimeSpan span) => (span.Ticks + 9) / 10;
}
