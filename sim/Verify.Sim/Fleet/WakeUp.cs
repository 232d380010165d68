namespace Verify.Sim.Fleet;

/// <summary>Lets one driver sleep until there is something to do. Set while nobody sleeps, it lets the next sleeper pass.</summary>
internal sealed class WakeUp
{
    private TaskCompletionSource? _sleeper;
    private bool _isSet;

    public Task SleepAsync()
    {
        if (_isSet)
        {
            _isSet = false;
            return Task.CompletedTask;
        }

        _sleeper = new TaskCompletionSource();
        return _sleeper.Task;
    }

    public void Set()
    {
        if (_sleeper is { } sleeper)
        {
            _sleeper = null;
            sleeper.SetResult();
        }
        else _isSet = true;
    }
}
