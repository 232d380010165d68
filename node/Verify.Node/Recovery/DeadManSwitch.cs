using System.Globalization;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>How the switch inside one server stands, as its guardian saw it last.</summary>
internal enum DeadManState
{
    /// <summary>Not looked at yet, or not this node's to look at.</summary>
    Unknown,

    /// <summary>Installed and fed; the event does not run yet (it begins within a second).</summary>
    Arming,

    /// <summary>Fed, and the event runs: without further feeds the server closes itself before the lease ends.</summary>
    Armed,

    /// <summary>The server does not allow it; what is missing is in <see cref="DeadManSwitch.Problem"/>. Only the guardian fences.</summary>
    Absent,

    /// <summary>Switched off by configuration, and taken out of the server.</summary>
    Off,
}

/// <summary>Feeds the dead-man switch of one server (<see cref="Statement.ReadDeadMan"/>), installs it where it is missing, and looks whether it
/// works. What is fed is a moment on the server's own clock, never a time span: a feed that lies in a buffer of a server or a
/// guardian that stood still counts for nothing when it arrives late. Decides nothing: whether the lease holds is asked again before each statement.</summary>
internal sealed class DeadManSwitch(INodeServices services, IServerDoor door, LoopTurn turn, InstanceKey instance)
{
    /// <summary>Between two looks at a server that did not allow it.</summary>
    private static readonly TimeSpan AbsentPause = TimeSpan.FromSeconds(30);

    private readonly ServerLink _link = new(services, door, turn, instance);
    private long _prepared;
    private bool _isBusy;
    private bool _isRemoved;
    private bool _wasFed;
    private TimeSpan _notBefore;

    public DeadManState State { get; private set; }

    /// <summary>Why it is absent; empty otherwise.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>When the oldest feed was begun of those that have not come back since the last one that did; null: none. A feed is a commit, of one row, outside the binary
    /// log: it waits for no replica.</summary>
    public TimeSpan? StuckSince { get; private set; }

    private bool IsWanted
    {
        get
        {
#if VERIFY_MUTANTS
            // A server that closes itself would hide that its guardian does not.
            if (Raft.Mutant.Armed is "M49") return false;
#endif
            return services.Config.DeadMan != DeadManPolicy.Off;
        }
    }

    /// <summary>One feed: the lease that is held, and whether it still is.</summary>
    private sealed record Meal(string Cluster, FencingToken Token, TimeSpan HolderEnd, Func<bool> May);

    /// <summary>The lease was renewed: the server may stay open until shortly before its new end. Left out while an earlier feed is under way.</summary>
    public void Feed(string cluster, FencingToken token, TimeSpan holderEnd, Func<bool> may)
    {
        if (_isBusy || services.Now < _notBefore || (!IsWanted && _isRemoved)) return;
        _isBusy = true;
        Drivers.Start(services, $"feeding the dead-man switch of {instance}", async () =>
        {
            try
            {
                await ServeAsync(new(cluster, token, holderEnd, may));
            }
            catch (StoodDownException)
            {
                // Nothing was sent; the next renewal feeds again.
                return;
            }
            catch (Exception e) when (e is MySqlException or IOException or FormatException)
            {
                RecoveryLog.NotFed(services.Log, instance, e.Message);
            }
            finally
            {
                _isBusy = false;
            }
        });
    }

    /// <summary>Before the server is opened: lets this node write (ordinary users still cannot) and feeds. The row's token fences (Kleppmann 2016, "How to do
    /// distributed locking"): a guardian that does not know yet that it was replaced does not open what the next one has fed.</summary>
    /// <returns>Null, or why the server must not be opened.</returns>
    /// <exception cref="MySqlException"/>
    /// <exception cref="IOException"/>
    /// <exception cref="StoodDownException"/>
    public async ValueTask<string?> ArmAsync(string cluster, FencingToken token, TimeSpan holderEnd, Func<bool> may)
    {
        while (_isBusy) await turn.Pause(services.Config.Timing.Tick);
        if (!IsWanted && _isRemoved) return null;
        _isBusy = true;
        _wasFed = false;
        try
        {
            await AskAsync(new Statement.LiftSuperReadOnly(), may);
            await ServeAsync(new(cluster, token, holderEnd, may));
        }
        finally
        {
            _isBusy = false;
        }

        if (State == DeadManState.Absent) return services.Config.DeadMan == DeadManPolicy.Required ? $"the dead-man switch is required, and {Problem}" : null;
        return _wasFed || !IsWanted ? null
            : $"its dead-man switch does not take token {token}: the lease is over by the server's clock, or a guardian with a newer token has fed it (one of another group of nodes, now gone: DROP DATABASE verify_guard)";
    }

    public ValueTask HangUpAsync() => _link.HangUpAsync();

    private async ValueTask ServeAsync(Meal meal)
    {
        try
        {
            await PrepareAsync(meal);
            StuckSince ??= services.Now;
            if (IsWanted) await FeedAsync(meal);
            else await RemoveAsync(meal);
            StuckSince = null;
        }
        catch (MySqlServerException e)
        {
            StuckSince = null;
            if (IsClosed(e)) throw;

            // The server answers and does not allow it (a missing right, events disabled, …): that will not change by itself soon.
            _notBefore = services.Now + AbsentPause;
            Become(meal, DeadManState.Absent, e.Message);
        }
    }

    /// <summary>Error 1290 is said of events that are disabled, too; only this one passes by itself.</summary>
    private static bool IsClosed(MySqlServerException e) => e.IsReadOnly && e.ServerMessage.Contains("read-only", StringComparison.Ordinal);

    /// <summary>A session whose writes stay out of the binary log. Whoever sends through another session would make a transaction that only this
    /// server has: so each statement asks whether the session is still the prepared one.</summary>
    private async ValueTask PrepareAsync(Meal meal)
    {
        if (_prepared != 0 && _link.SessionId != 0 && _link.SessionsOpened == _prepared) return;
        _prepared = 0;
        var session = 0L;
        await AskAsync(new Statement.SkipBinlog(), () =>
        {
            session = _link.SessionsOpened;
            return meal.May();
        });
        _prepared = session;
    }

    private async ValueTask FeedAsync(Meal meal)
    {
        var seen = await LookAsync(meal);
        if (!seen.EventsRun) await SendAsync(new Statement.EnableEvents(), meal);
        if (!seen.IsInstalled)
        {
            foreach (var part in new[] { Statement.DeadManPart.Schema, Statement.DeadManPart.Table, Statement.DeadManPart.Row })
                await SendAsync(new Statement.InstallDeadMan(part), meal);
        }

        var isFed = await TryFeedAsync(seen, meal);
        if (!isFed)
        {
            await SendAsync(new Statement.InstallDeadMan(Statement.DeadManPart.Row), meal);
            isFed = await TryFeedAsync(seen, meal);
        }

        // The event comes after the feed: without one it would close an open server at once.
        if (!seen.IsInstalled && isFed)
        {
            if (seen.HasEvent) await DropEventsAsync(meal);
            await SendAsync(new Statement.InstallDeadMan(Statement.DeadManPart.Sweep), meal);
            await SendAsync(new Statement.InstallDeadMan(Statement.DeadManPart.Event), meal);
        }

        _wasFed = isFed;
        if (isFed) Become(meal, seen is { IsInstalled: true, IsWatching: true, EventsRun: true } ? DeadManState.Armed : DeadManState.Arming, "");
        else RecoveryLog.FedByAnother(services.Log, instance, meal.Token);
    }

    private async ValueTask<bool> TryFeedAsync(Seen seen, Meal meal)
    {
        var due = LeaseArithmetic.SwitchDue(meal.HolderEnd, services.Config.Timing);
        var fed = await SendAsync(new Statement.FeedDeadMan(LeaseArithmetic.OnServerClock(seen.NowUs, seen.At, due, services.Config.Timing), meal.Token.Value), meal);
        return fed.AffectedRows == 1;
    }

    private async ValueTask RemoveAsync(Meal meal)
    {
        if ((await LookAsync(meal)).HasEvent)
        {
            await DropEventsAsync(meal);
            await SendAsync(new Statement.ClearDeadMan(), meal);
        }

        _isRemoved = true;
        Become(meal, DeadManState.Off, "");
    }

    private async ValueTask DropEventsAsync(Meal meal)
    {
        await SendAsync(new Statement.InstallDeadMan(Statement.DeadManPart.NoEvent), meal);
        await SendAsync(new Statement.InstallDeadMan(Statement.DeadManPart.NoSweep), meal);
    }

    /// <param name="At">When the answer was there, on this node's clock: the server's clock showed <paramref name="NowUs"/> before.</param>
    private sealed record Seen(bool EventsRun, bool HasEvent, bool IsInstalled, bool IsWatching, long NowUs, TimeSpan At);

    private async ValueTask<Seen> LookAsync(Meal meal)
    {
        var table = await SendAsync(new Statement.ReadDeadMan(), meal);
        if (table.Rows.Count != 1 || !long.TryParse(table.Text(0, "now_us"), CultureInfo.InvariantCulture, out var nowUs))
            throw new FormatException("the server's clock is not a number");
        var found = table.Text(0, "event");
        return new(
            string.Equals(table.Text(0, "scheduler"), "ON", StringComparison.OrdinalIgnoreCase), found is not null,
            string.Equals(found, Statement.DeadManEvents, StringComparison.Ordinal), table.Text(0, "watcher") is not null, nowUs, services.Now);
    }

    private ValueTask<ResultTable> SendAsync(Statement statement, Meal meal) =>
        AskAsync(statement, () => _link.SessionsOpened == _prepared && meal.May());

    private ValueTask<ResultTable> AskAsync(Statement statement, Func<bool> may) => _link.AskAsync(statement, services.Config.Timing.StatementTimeout, may);

    private void Become(Meal meal, DeadManState state, string problem)
    {
        if (State == state && string.Equals(Problem, problem, StringComparison.Ordinal)) return;
        (State, Problem) = (state, problem);
        if (state == DeadManState.Absent) RecoveryLog.NoDeadMan(services.Log, instance, problem);
        services.Emit(new NodeEvent.DeadMan(services.Config.Self.Name, meal.Cluster, instance.ToString(), state.ToString(), problem));
    }
}
