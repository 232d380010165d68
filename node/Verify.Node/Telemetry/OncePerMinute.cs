namespace Verify.Node.Telemetry;

/// <summary>What may be logged: each matter once a minute, and no more matters a minute than fit in here. Somebody who comes from ever
/// new addresses fills the table and is silent from then on, and does not make the log say everything again. Counting is the caller's.</summary>
/// <param name="mattersMax">Above so many in a minute nothing new is said.</param>
public sealed class OncePerMinute(int mattersMax)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);
    private readonly SortedDictionary<string, TimeSpan> _said = new(StringComparer.Ordinal);
    private TimeSpan _oldest = TimeSpan.MaxValue;

    /// <summary>Whether this is to be said now; if so, it counts as said.</summary>
    /// <param name="now">Monotonic.</param>
    public bool MaySay(string matter, TimeSpan now)
    {
        if (_said.TryGetValue(matter, out var last))
        {
            if (now - last < Quiet) return false;
        }
        else if (_said.Count >= mattersMax && !Forget(now))
        {
            return false;
        }

        _said[matter] = now;
        if (now < _oldest) _oldest = now;
        return true;
    }

    /// <summary>Forgets what was said more than a minute ago. False: nothing was.</summary>
    private bool Forget(TimeSpan now)
    {
        if (now - _oldest < Quiet) return false;
        foreach (var (matter, at) in _said.ToArray())
            if (now - at >= Quiet) _said.Remove(matter);
        _oldest = _said.Count == 0 ? TimeSpan.MaxValue : _said.Values.Min();
        return _said.Count < mattersMax;
    }
}
