namespace Verify.Checks.Recorded;

/// <summary>How a call of a foreign history ended.</summary>
public enum CallEnd
{
    /// <summary>It took effect, and the answer is true.</summary>
    Answered,

    /// <summary>The object refused it because of its state: an observation.</summary>
    Refused,

    /// <summary>It certainly did not take effect.</summary>
    NotDone,

    /// <summary>Nobody told: it may take effect at any time after its call, or never.</summary>
    Open,
}

/// <summary>A call as a file tells it, before a model gives it a meaning. The order of the lines is the time.</summary>
/// <param name="Line">Of the call; the name under which it is shown.</param>
/// <param name="Process">The client; one call at a time.</param>
/// <param name="Function">"read", "cas", "append", …</param>
/// <param name="Fields">Everything the call said, and over it what its answer said.</param>
/// <param name="Asked">The value in the call.</param>
/// <param name="Answered">The value in the answer; nil when there was none.</param>
/// <param name="CalledAt">Place in the file's order.</param>
/// <param name="ReturnedAt">long.MaxValue when it is open.</param>
public sealed record RecordedCall(
    int Line, string Process, string Function, EdnValue? Key, EdnValue.Map? Fields, EdnValue Asked, EdnValue Answered, CallEnd End, long CalledAt, long ReturnedAt)
{
    public bool IsOpen => End == CallEnd.Open;
}

/// <summary>Pairs calls with their answers. What has no answer at the end stays in the history as open: dropping it would make an honest
/// read of an unanswered write look wrong (and did, in the planted bug T5).</summary>
internal sealed class CallPairs
{
    private readonly SortedDictionary<string, RecordedCall> _open = new(StringComparer.Ordinal);
    private readonly List<RecordedCall> _done = [];

    public void Begin(RecordedCall call)
    {
        if (_open.Remove(call.Process, out var unanswered))
        {
            _done.Add(unanswered);
        }

        _open.Add(call.Process, call);
    }

    /// <summary>The open call of a process; null when there is none.</summary>
    public RecordedCall? OpenOf(string process) => _open.GetValueOrDefault(process);

    public void End(string process, RecordedCall answered)
    {
        _open.Remove(process);
        _done.Add(answered);
    }

    /// <summary>In the order of the calls.</summary>
    public IReadOnlyList<RecordedCall> All()
    {
        var all = _done.Concat(_open.Values);
#if VERIFY_MUTANTS
        if (Verify.Raft.Mutant.Is("T5", deviates: _open.Count > 0 || _done.Exists(c => c.IsOpen)))
        {
            all = _done.Where(c => !c.IsOpen);
        }
#endif
        return all.OrderBy(c => c.CalledAt).ToArray();
    }
}
