using System.Globalization;

namespace Verify.NodeHost.Seam;

/// <summary>Test only: a clock that can be set wrong while the node runs. The wall clock is off by an offset, and wall clock,
/// monotonic clock and timers all run at a rate. Controlled by a file with "offsetMs rate", read ten times a second.</summary>
public sealed class SkewableTime : TimeProvider, IDisposable
{
    private readonly TimeProvider _true = System;
    private readonly Lock _gate = new();
    private readonly string _file;
    private readonly ITimer _poll;
    private long _trueBase;
    private long _skewedBase;
    private double _rate = 1.0;
    private TimeSpan _offset;

    public SkewableTime(string controlFile)
    {
        _file = controlFile;
        _trueBase = _skewedBase = _true.GetTimestamp();
        _poll = _true.CreateTimer(_ => Read(), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(100));
    }

    public override long TimestampFrequency => _true.TimestampFrequency;

    public override long GetTimestamp()
    {
        lock (_gate) return _skewedBase + (long)((_true.GetTimestamp() - _trueBase) * _rate);
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
        {
            var ahead = (_skewedBase - _trueBase + ((_true.GetTimestamp() - _trueBase) * (_rate - 1))) / TimestampFrequency;
            return _true.GetUtcNow() + _offset + TimeSpan.FromSeconds(ahead);
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        _true.CreateTimer(callback, state, Scaled(dueTime), Scaled(period));

    public void Dispose() => _poll.Dispose();

    private TimeSpan Scaled(TimeSpan span)
    {
        if (span == Timeout.InfiniteTimeSpan || span == TimeSpan.Zero) return span;
        lock (_gate) return span / _rate;
    }

    private void Read()
    {
        string text;
        try
        {
            text = File.Exists(_file) ? File.ReadAllText(_file) : "";
        }
        catch (IOException)
        {
            return; // Being written right now; the next poll reads it.
        }

        var parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (parts.Length != 2
            || !double.TryParse(parts[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var offsetMs)
            || !double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out var rate)
            || rate is < 0.5 or > 2)
        {
            return;
        }

        lock (_gate)
        {
            var now = _true.GetTimestamp();
            _skewedBase += (long)((now - _trueBase) * _rate);
            _trueBase = now;
            _rate = rate;
            _offset = TimeSpan.FromMilliseconds(offsetMs);
        }
    }
}
