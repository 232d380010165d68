namespace Verify.Sim.Fleet;

/// <summary>Holds drivers up while something stands still (a process, a disk). One completion for each driver: of several that await the same task, the
/// runtime resumes all but one on the thread pool.</summary>
internal sealed class Standstill
{
    private readonly List<TaskCompletionSource> _waiting = [];

    public bool IsOn { get; private set; }
    public bool HoldsSomebody => _waiting.Count > 0;

    /// <summary>A task that is done already, most of the time.</summary>
    public Task WhenOver()
    {
        if (!IsOn) return Task.CompletedTask;
        var driver = new TaskCompletionSource();
        _waiting.Add(driver);
        return driver.Task;
    }

    public void Begin() => IsOn = true;

    /// <summary>It is over; who waits does so until <see cref="LetGo"/>.</summary>
    public void End() => IsOn = false;

    /// <summary>Those who wait go on, in the order in which they came.</summary>
    public void LetGo()
    {
        var waiting = _waiting.ToArray();
        _waiting.Clear();
        foreach (var driver in waiting) driver.SetResult();
    }

    /// <summary>Those who wait are gone with their process.</summary>
    public void Forget() => _waiting.Clear();
}
