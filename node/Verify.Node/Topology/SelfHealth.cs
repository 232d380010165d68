using Verify.Node.Loop;

namespace Verify.Node.Topology;

/// <summary>How far this node trusts its own eyes (Lifeguard, arXiv:1707.00788: a sick member suspects itself before it accuses others). While it
/// doubts itself it tells nobody that a server is down or up: its votes are stale, which accuses nobody and stays in the denominator.</summary>
internal sealed class SelfHealth
{
    /// <summary>Fewer servers than this say nothing about the node's own network.</summary>
    private const int AloneMin = 2;
    private TimeSpan? _tickedAt;
    private TimeSpan _sleepyUntil;
    private TimeSpan? _aloneSince;
    private bool _isAlone;
    private bool _isDiskSilent;

    /// <summary>Why it does not trust what it sees; null when it does.</summary>
    public string? Doubt { get; private set; }

    /// <summary>The loop's own pulse: a node that was not given the processor for long has missed answers that were there in time.</summary>
    public void Ticked(TimeSpan now, Timing timing)
    {
        var late = _tickedAt is { } before ? now - before : TimeSpan.Zero;
        _tickedAt = now;
        if (late > timing.ProbeTimeout) _sleepyUntil = now + timing.ProbeInterval + timing.ProbeTimeout;
        Judge(now);
    }

    /// <summary>The node's own disk answers, or does not.</summary>
    public void DiskIs(bool silent) => _isDiskSilent = silent;

    /// <param name="compared">Servers of which this node has an opinion.</param>
    /// <param name="alone">Those that it does not reach while most other voters do.</param>
    /// <param name="patience">For so long that may be a matter of who looked last.</param>
    public void Compared(TimeSpan now, int compared, int alone, TimeSpan patience)
    {
        var isLonely = alone >= AloneMin && alone * 2 > compared;
        _aloneSince = isLonely ? _aloneSince ?? now : null;
        _isAlone = _aloneSince is { } since && now - since >= patience;
        Judge(now);
    }

    private void Judge(TimeSpan now) => Doubt =
        now < _sleepyUntil ? "this node doubts itself: its loop stood still"
        : _isAlone ? "this node doubts itself: it does not reach what most others reach"
        : _isDiskSilent ? "this node doubts itself: its disk does not answer"
        : null;
}
