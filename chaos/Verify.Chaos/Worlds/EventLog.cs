using Verify.Checks;

namespace Verify.Chaos.Worlds;

/// <summary>The events of one run, in the order in which they were told. Live worlds add from many threads.</summary>
public sealed class EventLog(Func<long> nowUs)
{
    private readonly Lock _gate = new();
    private readonly List<RunEvent> _events = [];

    public long NowUs => nowUs();

    /// <param name="atUs">When it happened, if that is not now (an observation that came late).</param>
    public void Add(string kind, string subject, string dataCenter, long? atUs = null, long? step = null,
        params ReadOnlySpan<(string Name, string Value)> fields)
    {
        var named = fields.Length > 0 ? new EventFields(fields) : EventFields.None;
        lock (_gate) _events.Add(new(atUs ?? nowUs(), step ?? _events.Count, kind, subject, dataCenter, named));
    }

    public void Add(RunEvent happened)
    {
        lock (_gate) _events.Add(happened);
    }

    /// <summary>All so far, sorted by time; events of one time stay in their order.</summary>
    public IReadOnlyList<RunEvent> Sorted()
    {
        lock (_gate)
        {
            // In a simulated world, and mostly elsewhere, they were told in the order in which they happened.
            for (var i = 1; i < _events.Count; i++)
                if (_events[i].AtUs < _events[i - 1].AtUs) return [.. _events.OrderBy(e => e.AtUs)];
            return [.. _events];
        }
    }
}
