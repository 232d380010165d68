using System.Globalization;
using Verify.MySql;

namespace Verify.Sim.Fleet;

/// <summary>The dead-man switch inside a simulated server: its tables and event outlive a crash, the running watcher does not. It does
/// what the event does (<see cref="Statement.InstallDeadMan"/>), at the same pauses.</summary>
internal sealed class DeadManModel(Flavor flavor, CommitPath commits, SortedDictionary<long, ServerSession> sessions, Func<long> nextSession, Action<ServerEffect> effect)
{
    private static readonly ColumnSet Columns = new("scheduler", "watcher", "event", "now_us");
    private static readonly TimeSpan LongestSleep = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan OverdueSleep = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Schedule = TimeSpan.FromSeconds(1);
    private bool _hasSchema;
    private bool _hasTable;
    private (long DueUs, long Token)? _row;
    private string? _definer;
    private bool _eventsRun = flavor == Flavor.MySql;
    private ServerSession? _watcher;

    public bool IsWatcher(ServerSession session) => session == _watcher;

    public ServerAnswer.Rows Read(long nowUs) => new(Columns,
    [
        [
            _eventsRun ? "ON" : "OFF", _watcher?.Id.ToString(CultureInfo.InvariantCulture), _definer is null ? null : $"ENABLED {Statement.DeadManVersion}",
            nowUs.ToString(CultureInfo.InvariantCulture),
        ],
    ]);

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

    /// <summary>The watcher wakes up.</summary>
    public void Wake(long nowUs)
    {
        if (_watcher is null)
        {
            Begin();
            return;
        }

        if (_watcher.IsBusy) return;
        if (_row is not { } row)
        {
            // The event leaves, and is begun again every second while it exists.
            sessions.Remove(_watcher.Id);
            _watcher = null;
            if (_definer is not null) effect(new ServerEffect.WatchAfter(Schedule));
            return;
        }

        var left = TimeSpan.FromMicroseconds(row.DueUs - nowUs);
        if (left > TimeSpan.Zero)
        {
            effect(new ServerEffect.WatchAfter(left < LongestSleep ? left : LongestSleep));
        }
        else if (commits.ShownReadOnly)
        {
            effect(new ServerEffect.WatchAfter(OverdueSleep));
        }
        else
        {
            _watcher.IsBusy = true;
            commits.SetReadOnly(_watcher, on: true);
        }
    }

    /// <summary>Its closing took effect.</summary>
    public void Closed() => effect(new ServerEffect.WatchAfter(OverdueSleep));

    /// <summary>KILL has ended it; the scheduler begins it again.</summary>
    public void Killed()
    {
        sessions.Remove(_watcher!.Id);
        _watcher = null;
        effect(new ServerEffect.WatchAfter(Schedule));
    }

    /// <summary>The process is gone.</summary>
    public void Crash()
    {
        _watcher = null;
        _eventsRun = flavor == Flavor.MySql;
    }

    /// <summary>The scheduler begins what is there to be begun.</summary>
    public void Begin()
    {
        if (_watcher is not null || !_eventsRun || _definer is null) return;
        _watcher = new(nextSession(), _definer, AccountRights.Topology) { RestingCommand = "Connect" };
        sessions.Add(_watcher.Id, _watcher);
        effect(new ServerEffect.WatchAfter(TimeSpan.Zero));
    }

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
            case Statement.DeadManPart.NoEvent:
                _definer = null;
                return ServerAnswer.Done;
            default:
                if (!_hasSchema) return ServerErrors.NoGuardSchema;
                _definer ??= user;
                Begin();
                return ServerAnswer.Done;
        }
    }

    private ServerAnswer.Error? Missing() => _hasTable ? null : flavor == Flavor.MySql && !_hasSchema ? ServerErrors.NoGuardSchema : ServerErrors.NoGuardTable;
}
