using Verify.Sim.Scheduling;

namespace Verify.Sim.Hosts;

/// <summary>A call into a host that has not come back yet.</summary>
internal interface IPendingCall
{
    void HostDied();
}

/// <summary>Carries a question of the harness to a host and the answer back: two events, so that neither runs inside the other.</summary>
internal sealed class PendingCall<T>(SimHost host, Func<ValueTask<T>> ask) : IEventTarget, IPendingCall
{
    public const int Ask = 0;
    private const int Answer = 1;
    private readonly TaskCompletionSource<T> _answer = new();
    private T? _value;
    private Exception? _error;
    private bool _ended;

    public Task<T> Task => _answer.Task;

    public void Happen(int argument)
    {
        if (argument == Ask) AskHost();
        else if (_error is not null) _answer.TrySetException(_error);
        else _answer.TrySetResult(_value!);
    }

    public void HostDied()
    {
        if (_ended) return;
        _ended = true;
        _error = new HostDownException(host.Name);
        PostAnswer();
    }

    private async void AskHost()
    {
        try
        {
            _value = await ask();
        }
        catch (SimHaltedException)
        {
            return;
        }
        catch (Exception e)
        {
            _error = e;
        }

        if (_ended) return;
        _ended = true;
        host.CallEnded(this);
        PostAnswer();
    }

    private void PostAnswer()
    {
        var harness = host.World.Harness;
        host.Scheduler.Post(harness, harness.Life, host.World.AnswerLabel, host.Scheduler.Now, this, Answer);
    }
}
