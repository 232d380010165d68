namespace Verify.Node.Loop;

/// <summary>Actions that wait for their time. Looked at once per tick: an action runs up to one tick late, never early.
/// Equal times run in the order in which they were asked for.</summary>
internal sealed class Deadlines
{
    private readonly PriorityQueue<Action, (TimeSpan Due, long Number)> _waiting = new();
    private long _number;

    public void At(TimeSpan due, Action action) => _waiting.Enqueue(action, (due, _number++));

    public void Run(TimeSpan now)
    {
        while (_waiting.TryPeek(out var action, out var when) && when.Due <= now)
        {
            _waiting.Dequeue();
            action();
        }
    }
}
