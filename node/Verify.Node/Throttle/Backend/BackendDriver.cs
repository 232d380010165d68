using System.Globalization;
using Verify.MySql;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Recovery;
using Verify.Node.State.Throttle;
using Verify.Node.Topology;

namespace Verify.Node.Throttle.Backend;

/// <summary>Asks the backend: takes or prolongs the lease and reads the row each interval, and writes changes one after the other. What the
/// answers mean is the <see cref="BackendDesk"/>'s.</summary>
internal sealed class BackendDriver
{
    private const int WaitingMax = 1_000;
    private readonly INodeServices _services;
    private readonly BackendSettings _settings;
    private readonly Action _changed;
    private readonly LoopTurn _turn;
    private readonly ServerLink _link;
    private readonly string _holder;
    private readonly Queue<(ThrottleCommand Command, Action<ApiReply> Answer)> _waiting = new();
    private TaskCompletionSource? _nap;
    private bool _isMade;

    /// <param name="changed">Called after each answer of the backend, before anybody is told of it.</param>
    public BackendDriver(INodeServices services, BackendSettings settings, Action changed)
    {
        (_services, _settings, _changed, _turn) = (services, settings, changed, new(services));
        _link = new(services, new MySqlDoor(services, settings.Login), _turn, settings.Server);

        // Of this process, not of this node: one that was started again must not take its predecessor's lease for its own.
        var dice = services.Seam.Dice.Fork("backend");
        _holder = string.Create(CultureInfo.InvariantCulture, $"{dice.Next(int.MaxValue):x8}{dice.Next(int.MaxValue):x8}{dice.Next(int.MaxValue):x8}");
        Desk = new(_holder, settings.Term);
    }

    public BackendDesk Desk { get; }

    /// <summary>Why the backend could not be asked last; null: it could.</summary>
    public string? Problem { get; private set; } = "the backend has not answered yet";

    public void Start() => Drivers.Start(_services, "the throttler's backend", RunAsync);

    /// <summary>Does the command and answers once, on the loop.</summary>
    public void Ask(ThrottleCommand command, Action<ApiReply> answer)
    {
        if (_waiting.Count >= WaitingMax)
        {
            answer(new ApiReply.Overloaded($"{WaitingMax} changes wait for the backend", _settings.Interval));
            return;
        }

        _waiting.Enqueue((command, answer));
        if (_nap is { } nap) _services.Post(() => nap.TrySetResult());
    }

    private async Task RunAsync()
    {
        var nextHold = _services.Now;
        while (!_services.Stopping.IsCancellationRequested)
        {
            try
            {
                if (_services.Now >= nextHold)
                {
                    nextHold = _services.Now + _settings.Interval;
                    await HoldAsync();
                }

                while (_waiting.TryDequeue(out var next)) await DoAsync(next.Command, next.Answer);
            }
            catch (Exception e) when (e is MySqlException or IOException or FormatException)
            {
                (Problem, _isMade) = ($"{_settings.Server}: {e.Message}", false);
                while (_waiting.TryDequeue(out var next)) next.Answer(new ApiReply.NoLeader(_settings.Interval));
            }

            if (_waiting.Count == 0) await NapAsync(nextHold - _services.Now);
        }

        await _link.HangUpAsync();
    }

    private async ValueTask HoldAsync()
    {
        if (!_isMade)
        {
            await AskAsync(new Statement.MakeBackendTable(_settings.Row));
            await AskAsync(new Statement.MakeBackendRow(_settings.Row));
            _isMade = true;
        }

        await AskAsync(new Statement.HoldBackend(_settings.Row, _holder, _settings.Address, (long)_settings.Term.TotalMicroseconds));
        await ReadAsync();
    }

    private async ValueTask ReadAsync()
    {
        var askedAt = _services.Now;
        var row = await AskAsync(new Statement.ReadBackend(_settings.Row, Desk.Changes));
        Desk.Heard(askedAt, _services.Now, row);
        Problem = null;
        _changed();
    }

    private async ValueTask DoAsync(ThrottleCommand command, Action<ApiReply> answer)
    {
        switch (Desk.ChangeOf(command, _services.Now))
        {
            case BackendChange.Refused(var why):
                answer(new ApiReply.Refused(why));
                break;
            case BackendChange.Write write:
                answer(await WriteAsync(write));
                break;
            default:
                answer(new ApiReply.NoLeader(_settings.Interval));
                break;
        }
    }

    private async ValueTask<ApiReply> WriteAsync(BackendChange.Write write)
    {
        try
        {
            var statement = new Statement.WriteBackend(_settings.Row, _holder, write.Token, write.From, write.Content);
            var result = await _link.AskAsync(statement, _settings.Interval, () => Desk.LeadsUntil(_services.Now) is not null, isAskedTwice: false);
            if (result.AffectedRows == 1)
            {
                Desk.Saved(write);
                _changed();
                return new ApiReply.Done(write.From + 1);
            }

            await ReadAsync();
            return new ApiReply.NoLeader(_settings.Interval);
        }
        catch (StoodDownException)
        {
            return new ApiReply.NoLeader(_settings.Interval);
        }
        catch (MySqlServerException e)
        {
            return new ApiReply.Refused($"the backend {_settings.Server} refuses: {e.Message}");
        }
        catch (Exception e) when (e is MySqlException or IOException or FormatException)
        {
            Problem = $"{_settings.Server}: {e.Message}";
            return new ApiReply.Unknown(Problem);
        }
    }

    private ValueTask<ResultTable> AskAsync(Statement statement) => _link.AskAsync(statement, _settings.Interval);

    private Task NapAsync(TimeSpan atMost)
    {
        var nap = _nap = new();
        _services.After(atMost > TimeSpan.Zero ? atMost : TimeSpan.Zero, () => nap.TrySetResult());
        return nap.Task;
    }
}
