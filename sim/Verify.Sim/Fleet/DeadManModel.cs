using System.Globalization;
using Verify.MySql;

namespace Verify.Sim.Fleet;

/// <summary>The two events of the dead-man switch.</summary>
internal enum DeadManEvent : byte
{
    Closing,
    Sweep,
}

/// <summary>The dead-man switch inside a simulated server: its tables and events outlive a crash, their running sessions do not. It does
/// what the events do (<see cref="Statement.InstallDeadMan"/>), at the same pauses.</summary>
/// <param name="kill">KILL of a session.</param>
/// <param name="letCommitsGo">Switches the source's half of semi-sync off.</param>
internal sealed class DeadManModel(
    Flavor flavor, CommitPath commits, SortedDictionary<long, ServerSession> sessions, Func<long> nextSession, Action<ServerEffect> effect,
    Action<ServerSession> kill, Action letCommitsGo)
{
    private static readonly ColumnSet Columns = new("scheduler", "watcher", "event", "now_us");
    private static readonly TimeSpan LongestSleep = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan OverdueSleep = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SweepSleep = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Schedule = TimeSpan.FromSeconds(1);
    private readonly string?[] _definers = new string?[2];
    private readonly ServerSession?[] _running = new ServerSession?[2];
    private bool _hasSchema;
    private bool _hasTable;
    private (long DueUs, long Token)? _row;
    private bool _isSwept = true;
    private bool _eventsRun = flavor == Flavor.MySql;

    public bool IsOfEvent(ServerSession session) => _running.Contains(session);

    public ServerAnswer.Rows Read(long nowUs)
    {
        var installed = _definers.Count(static d => d is not null);
        var shown = installed switch { 0 => null, 2 => Statement.DeadManEvents, _ => Statement.DeadManEvents.Split(", ")[0] };
        return new(Columns,
        [
            [
                _eventsRun ? "ON" : "OFF", _running[0]?.Id.ToString(CultureInfo.InvariantCulture), shown,
                nowUs.ToString(CultureInfo.InvariantCulture),
            ],
        ]);
    }

    public ServerAnswer EnableEvents()
    {
        _eventsRun = true;
        Begin();
        return ServerAnswer.Done;
    }

    /// <summary>What writes. The session keeps it out of the binary log.</summary>
    public ServerAnswer Write(ServerSession session, Statement statement, long nowUs)
    {
        switch (statement)
        {
            case Statement.InstallDeadMan install:
                return Install(install.Part, session.User);
            case Statement.FeedDeadMan when Missing() is { } missing:
                return missing;
            case Statement.FeedDeadMan feed:
                if (_row is not { } row || row.Token > feed.Token || nowUs >= feed.DueUs) return ServerAnswer.Done;
                _row = (feed.DueUs, feed.Token);
                return new ServerAnswer.Ok(row == _row ? 0 : 1);
            case Statement.ClearDeadMan when Missing() is { } missing:
                return missing;
            case Statement.ClearDeadMan:
                var rows = _row is null ? 0 : 1;
                _row = null;
                return new ServerAnswer.Ok(rows);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>The sleep of an event is over.</summary>
    public void Wake(DeadManEvent which, long nowUs)
    {
        if (_running[(int)which] is not { } session)
        {
            Begin(which);
            return;
        }

        if (session.IsBusy) return;
        if (_row is not { } row)
        {
            // The event leaves, and is begun again every second while it exists.
            Left(which);
            return;
        }

        var left = TimeSpan.FromMicroseconds(row.DueUs - nowUs);
        if (left > TimeSpan.Zero)
        {
            if (which == DeadManEvent.Sweep) _isSwept = false;
            effect(new ServerEffect.WatchAfter(which, left < LongestSleep ? left : LongestSleep));
        }
        else if (which == DeadManEvent.Sweep) Sweep();
        else if (commits.ShownReadOnly) effect(new ServerEffect.WatchAfter(which, OverdueSleep));
        else
        {
            session.IsBusy = true;
            commits.SetReadOnly(session, on: true);
        }
    }

    /// <summary>Its closing took effect.</summary>
    public void Closed() => effect(new ServerEffect.WatchAfter(DeadManEvent.Closing, OverdueSleep));

    /// <summary>KILL has ended it; the scheduler begins it again.</summary>
    public void Killed(ServerSession session) => Left((DeadManEvent)Array.IndexOf(_running, session));

    /// <summary>The process is gone.</summary>
    public void Crash()
    {
        Array.Clear(_running);
        _eventsRun = flavor == Flavor.MySql;
    }

    /// <summary>The scheduler begins what is there to be begun.</summary>
    public void Begin()
    {
        Begin(DeadManEvent.Closing);
        Begin(DeadManEvent.Sweep);
    }

    private void Begin(DeadManEvent which)
    {
        if (_running[(int)which] is not null || !_eventsRun || _definers[(int)which] is not { } definer) return;
        var session = new ServerSession(nextSession(), definer, AccountRights.Topology) { RestingCommand = "Connect" };
        _running[(int)which] = session;
        if (which == DeadManEvent.Sweep) _isSwept = true;
        sessions.Add(session.Id, session);
        effect(new ServerEffect.WatchAfter(which, TimeSpan.Zero));
    }

    private void Left(DeadManEvent which)
    {
        sessions.Remove(_running[(int)which]!.Id);
        _running[(int)which] = null;
        if (_definers[(int)which] is not null) effect(new ServerEffect.WatchAfter(which, Schedule));
    }

    private void Sweep()
    {
        if (!_isSwept || !commits.ShownReadOnly)
        {
            _isSwept = true;
            bool IsClosing() => flavor == Flavor.MySql && commits is { ShownSuperReadOnly: true, ShownReadOnly: false };
            var isClosing = IsClosing();
            var definer = _definers[(int)DeadManEvent.Sweep];
            foreach (var session in sessions.Values.Where(s => IsClient(s, definer)).ToArray()) kill(session);
            if (isClosing && IsClosing()) letCommitsGo();
        }

        effect(new ServerEffect.WatchAfter(DeadManEvent.Sweep, SweepSleep));
    }

    private static bool IsClient(ServerSession session, string? definer) =>
        session is { IsKilled: false, Dump: null } && session.RestingCommand != "Daemon" && session.User is not ("system user" or "event_scheduler")
        && !string.Equals(session.User, definer, StringComparison.Ordinal);

    private ServerAnswer Install(Statement.DeadManPart part, string user)
    {
        switch (part)
        {
            case Statement.DeadManPart.Schema:
                _hasSchema = true;
                return new ServerAnswer.Ok(1);
            case Statement.DeadManPart.Table:
                if (!_hasSchema) return ServerErrors.NoGuardSchema;
                _hasTable = true;
                return ServerAnswer.Done;
            case Statement.DeadManPart.Row when Missing() is { } missing:
                return missing;
            case Statement.DeadManPart.Row:
                var isNew = _row is null;
                _row ??= (0, 0);
                return new ServerAnswer.Ok(isNew ? 1 : 0);
            case Statement.DeadManPart.NoEvent or Statement.DeadManPart.NoSweep:
                _definers[part == Statement.DeadManPart.NoEvent ? 0 : 1] = null;
                return ServerAnswer.Done;
            default:
                if (!_hasSchema) return ServerErrors.NoGuardSchema;
                _definers[part == Statement.DeadManPart.Event ? 0 : 1] ??= user;
                Begin();
                return ServerAnswer.Done;
        }
    }

    private ServerAnswer.Error? Missing() => _hasTable ? null : flavor == Flavor.MySql && !_hasSchema ? ServerErrors.NoGuardSchema : ServerErrors.NoGuardTable;
}
