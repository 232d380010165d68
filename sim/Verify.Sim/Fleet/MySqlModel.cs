using System.Diagnostics;
using Verify.MySql;
using Verify.MySql.Gtid;

namespace Verify.Sim.Fleet;

/// <summary>A MySQL or MariaDB server without its sockets and clock: a decider. Statements and what replicas say go in, effects come
/// out, in order. What a real server keeps on disk outlives <see cref="Crash"/>, the rest does not.</summary>
internal sealed class MySqlModel
{
    private const long SecondsTo2000 = 946_684_800;

    private readonly SimMySqlOptions _options;
    private readonly ServerStore _store;
    private readonly CommitPath _commits;
    private readonly StatementReader _reader;
    private readonly SortedDictionary<long, ServerSession> _sessions = [];
    private readonly Queue<ServerEffect> _effects = new();
    private readonly List<GtidWait> _gtidWaits = [];
    private readonly List<ServerSession> _stopping = [];
    private readonly ServerThreads _threads;
    private readonly DeadManModel _deadMan;
    private long _nextSession = ServerThreads.FirstClient;
    private long _nextWait;
    private long _bootUs;

    private sealed record GtidWait(ServerSession Session, Gtids Target, long Number);

    public MySqlModel(SimMySqlOptions options)
    {
        _options = options;
        _store = new(options);
        _commits = new(_store, options, Answer, _effects.Enqueue);
        _reader = new(options.Flavor);
        Replica = new(options, _store, _effects.Enqueue);
        _threads = new(options.Flavor, _sessions, NextSessionId);
        _deadMan = new(options.Flavor, _commits, _sessions, NextSessionId, _effects.Enqueue, session => KillOther(session, NowSeconds), () => SwitchSemiSync(on: false, NowSeconds));
    }

    public ReplicaState Replica { get; }

    /// <summary>The server's clock, in microseconds since 2000 (UTC).</summary>
    public Func<long> ClockUs { get; set; } = static () => 0;

    /// <summary>The same in seconds since 1970, for what is told of replication.</summary>
    private long NowSeconds => SecondsTo2000 + (ClockUs() / 1_000_000);
    public bool IsWritable => _commits.IsWritable;
    public bool SemiSyncSource => _commits.SemiSync.Source;

    /// <summary>The fetching thread connects: whether it acknowledges.</summary>
    public bool BeginFetching() => _commits.SemiSync.ReplicaAtWork = _commits.SemiSync.Replica;
    public IReadOnlyDictionary<string, int> Rows => _store.Rows;
    public IReadOnlyList<BinlogTransaction> Binlog => _store.Binlog;
    public GtidState Gtids => _store.Gtids;
    public IEnumerable<ServerSession> Sessions => _sessions.Values;

    private IEnumerable<DumpRequest> Dumps => _sessions.Values.Where(static s => s is { Dump: not null, IsKilled: false }).Select(static s => s.Dump!);

    public bool TryTakeEffect(out ServerEffect? effect) => _effects.TryDequeue(out effect);

    /// <summary>The account that this login opens; null when the server refuses.</summary>
    public SimAccount? FindAccount(string user)
    {
        foreach (var account in _options.Accounts)
        {
            if (string.Equals(account.User, user, StringComparison.Ordinal)) return account;
        }

        return null;
    }

    /// <summary>A connection takes its number before anybody has logged in on it.</summary>
    public long NextSessionId() => _nextSession++;

    public void Open(long id, SimAccount account) => _sessions.Add(id, new(id, account.User, account.Rights));

    /// <summary>The client has closed its end.</summary>
    public void Closed(long id)
    {
        if (!_sessions.TryGetValue(id, out var session)) return;
        if (session.IsBusy) session.IsAbandoned = true;
        else _sessions.Remove(id);
    }

    public void Execute(long id, string text, long nowSeconds)
    {
        if (!_sessions.TryGetValue(id, out var session)) return;
        session.IsBusy = true;
        if (!_reader.TryRead(text, out var request)) Answer(session, ServerErrors.Syntax(_options.Flavor, text));
        else if (request is Request.Write && _commits.Refusal(session) is { } closed) Answer(session, closed);
        else if (AccountPolicy.Denial(_options.Flavor, session, request) is { } denied) Answer(session, denied);
        else Execute(session, request, nowSeconds);
    }

    /// <summary>Whether it cannot be answered while the disk stands still.</summary>
    /// <param name="hasCommits">Somebody waits for the disk with a commit under way: closing waits for that.</param>
    public bool NeedsDisk(string text, bool hasCommits) => _reader.TryRead(text, out var request) && request switch
    {
        Request.Write => true,
        Request.OfNode(var statement) => statement switch
        {
            Statement.SetReadOnly(On: true) => hasCommits,
            Statement.FeedDeadMan or Statement.ClearDeadMan or Statement.InstallDeadMan or Statement.PersistReadOnly or Statement.ChangeSource
                or Statement.StartReplica or Statement.StopReplica or Statement.ResetReplicaAll or Statement.AdoptBinlogPosition => true,
            _ => false,
        },
        _ => false,
    };

    /// <summary>What a session writes is held up by the disk, or no longer.</summary>
    public void WaitsForDisk(long session, bool waits)
    {
        if (_sessions.TryGetValue(session, out var held)) held.WaitsForDisk = waits;
    }

    /// <summary>The process has started: what runs by itself begins.</summary>
    public void Boot()
    {
        _bootUs = ClockUs();
        _deadMan.Begin();
    }

    /// <summary>The sleep of an event of the dead-man switch is over.</summary>
    public void Watch(DeadManEvent which)
    {
        _deadMan.Wake(which, ClockUs());
        Committed();
    }

    public void TimedOut(long id, long wait)
    {
        var at = _gtidWaits.FindIndex(w => w.Number == wait && w.Session.Id == id);
        if (at < 0) return;
        var session = _gtidWaits[at].Session;
        _gtidWaits.RemoveAt(at);
        Answer(session, ReadAnswers.Waited(_options.Flavor, isReached: false));
    }

    /// <summary>A replica asks for the binary log. Null, or why it is refused for good.</summary>
    public string? CheckDump(string knownGtids)
    {
        if (_store.Gtids is MySqlGtidState own)
            return GtidRanges.Parse(knownGtids).LastOf(_options.ServerUuid) > own.LastOwn ? ServerErrors.ReplicaHasMore : null;
        var maria = (MariaGtidState)_store.Gtids;
        if (MariaGtidState.ParsePosition(knownGtids) is not { } position || maria.IsLogged(position)) return null;
        return ServerErrors.NotInSourceBinlog(maria.Format(position), maria.LastNumber >= position.Number);
    }

    public void DumpBegins(long id, DumpRequest request)
    {
        if (!_sessions.TryGetValue(id, out var session)) return;
        session.Dump = request;
        session.RestingCommand = _options.Flavor == Flavor.MySql ? "Binlog Dump GTID" : "Binlog Dump";
    }

    public void Acknowledged(uint replica, int position, long nowSeconds)
    {
        _commits.Acknowledged(replica, position, nowSeconds);
        Committed();
    }

    /// <summary>One transaction of the relay log.</summary>
    /// <returns>False when the applier must wait until it is moved.</returns>
    public bool ApplyNext(long nowSeconds)
    {
        if (Replica.Next is not { } next) return false;
        switch (_commits.Apply(next, out var error))
        {
            case CommitPath.Applied.Done:
                Replica.Applied();
                Committed();
                return true;
            case CommitPath.Applied.Failed:
                Replica.ApplierFailed(new(error!.Code, ApplierText(next, error), ReplicaState.Stamp(nowSeconds)));
                _threads.Follow(Replica);
                return false;
            default:
                return false;
        }
    }

    /// <summary>The process is gone.</summary>
    public void Crash()
    {
        _commits.Crash();
        Replica.Crash();
        _sessions.Clear();
        _effects.Clear();
        _gtidWaits.Clear();
        _stopping.Clear();
        _nextSession = ServerThreads.FirstClient;
        _threads.Reset();
        _deadMan.Crash();
    }

    private void Execute(ServerSession session, Request request, long nowSeconds)
    {
        switch (request)
        {
            case Request.Write write:
                _commits.Write(session, write.Change, nowSeconds);
                Committed();
                break;
            case Request.ReadIds:
                Answer(session, ReadAnswers.Ids(_store));
                break;
            case Request.OfNode ofNode:
                Execute(session, ofNode.Statement, nowSeconds);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private void Execute(ServerSession session, Statement statement, long nowSeconds)
    {
        switch (statement)
        {
            case Statement.ReadFacts: Answer(session, ReadAnswers.Facts(_options, _store.Gtids, _commits)); break;
            case Statement.ReadReplicaStatus:
                Answer(session, ReplicaStatusTable.Read(_options.Flavor, Replica, _store.Gtids, _commits.ApplierWaits, nowSeconds));
                break;
            case Statement.ReadVariables: Answer(session, DetailAnswers.Variables(_options, _commits)); break;
            case Statement.ReadCounters: Answer(session, DetailAnswers.Counters(_options, _commits, Dumps, Replica, (ClockUs() - _bootUs) / 1_000_000)); break;
            case Statement.ReadPersistedReadOnly: Answer(session, DetailAnswers.Persisted(_commits)); break;
            case Statement.PersistReadOnly:
                _commits.IsPersisted = true;
                Answer(session, ServerAnswer.Done);
                break;
            case Statement.ListReplicas: Answer(session, DetailAnswers.Replicas(_options, Dumps)); break;
            case Statement.ListDumps: Answer(session, DetailAnswers.DumpHosts(_sessions.Values)); break;
            case Statement.ReadBinlogPosition: Answer(session, DetailAnswers.BinlogPosition(_options.Flavor, _store)); break;
            case Statement.AskConfigured ask: Answer(session, DetailAnswers.Constant(ask.Text)); break;
            case Statement.SetReadOnly set: _commits.SetReadOnly(session, set.On); break;
            case Statement.LiftSuperReadOnly:
                if (_options.Flavor == Flavor.MySql) _commits.LiftSuperReadOnly();
                Answer(session, ServerAnswer.Done);
                break;
            case Statement.SkipBinlog:
                session.SkipsBinlog = true;
                Answer(session, ServerAnswer.Done);
                break;
            case Statement.EnableEvents:
                _threads.ScheduleEvents();
                Answer(session, _deadMan.EnableEvents());
                break;
            case Statement.ReadDeadMan: Answer(session, _deadMan.Read(ClockUs())); break;
            case Statement.InstallDeadMan or Statement.FeedDeadMan or Statement.ClearDeadMan:
                if (!session.SkipsBinlog) throw new UnreachableException("a write of the dead-man switch would become a transaction that only this server has");
                _commits.WriteUnlogged(session, () => _deadMan.Write(session, statement, ClockUs()));
                break;
            case Statement.SetSemiSync set:
                SwitchSemiSync(set.On, nowSeconds);
                Answer(session, ServerAnswer.Done);
                break;
            case Statement.SetSemiSyncReplica set:
                _commits.SemiSync.Replica = set.On;
                Answer(session, ServerAnswer.Done);
                break;
            case Statement.SetSemiSyncPatience patience:
                _commits.SemiSync.SetWaitFor(patience.Acknowledgements);
                Answer(session, ServerAnswer.Done);
                break;
            case Statement.ListSessions: Answer(session, ReadAnswers.SessionList(_sessions, session)); break;
            case Statement.ShowProcessList: Answer(session, ReadAnswers.Processes(_sessions, session, _options.Flavor)); break;
            case Statement.ListIdleCoordinators: Answer(session, ReadAnswers.IdleCoordinators(_threads.Coordinator, Replica.RelayLogCount)); break;
            case Statement.KillSession kill: Kill(session, kill.Id, nowSeconds); break;
            case Statement.StopReplica stop: StopReplica(session, stop.OnlyIoThread); break;
            case Statement.StartReplica: Answer(session, Replica.Start()); break;
            case Statement.StartReplicaSqlThread: Answer(session, Replica.StartSqlThread()); break;
            case Statement.ResetReplicaAll: Answer(session, Replica.ResetAll()); break;
            case Statement.ChangeSource change: Answer(session, Replica.Change(change)); break;
            case Statement.WaitForGtids wait: Wait(session, wait); break;
            case Statement.ReadBinlogState: Answer(session, ReadAnswers.BinlogState(_store.Gtids)); break;
            case Statement.AdoptBinlogPosition: Answer(session, AdoptBinlogPosition()); break;
            default: throw new UnreachableException($"{statement.GetType().Name} is not simulated");
        }

        _threads.Follow(Replica);
    }

    private void Kill(ServerSession by, long id, long nowSeconds)
    {
        if (ServerThreads.IsEventScheduler(id) || !_sessions.TryGetValue(id, out var target))
        {
            Answer(by, ServerErrors.UnknownThread(id));
            return;
        }

        if (by.Rights != AccountRights.Topology && !string.Equals(by.User, target.User, StringComparison.Ordinal))
        {
            Answer(by, ServerErrors.NotOwner(id));
            return;
        }

        if (target == by)
        {
            Answer(by, ServerErrors.KilledItself(_options.Flavor));
            _effects.Enqueue(new ServerEffect.Close(id));
            _sessions.Remove(id);
            return;
        }

        KillOther(target, nowSeconds);
        Answer(by, ServerAnswer.Done);
        Committed();
    }

    private void SwitchSemiSync(bool on, long nowSeconds)
    {
        _commits.SetSemiSync(on, nowSeconds);
        Committed();
    }

    private void KillOther(ServerSession target, long nowSeconds)
    {
        if (_threads.IsIo(target)) Replica.Stop(onlyIoThread: true);
        else if (_threads.IsSql(target)) Replica.ApplierFailed(ThreadError.None);
        else if (_deadMan.IsOfEvent(target))
        {
            _commits.Kill(target, nowSeconds);
            _deadMan.Killed(target);
        }
        else
        {
            target.IsKilled = true;
            _effects.Enqueue(new ServerEffect.Close(target.Id));
            _gtidWaits.RemoveAll(w => w.Session == target);
            _stopping.Remove(target);
            if (_commits.Kill(target, nowSeconds)) _sessions.Remove(target.Id);
        }
    }

    private void StopReplica(ServerSession session, bool onlyIoThread)
    {
        Replica.Stop(onlyIoThread);
        if (!onlyIoThread && _commits.ApplierWaits) _stopping.Add(session); // the applier ends its transaction first
        else Answer(session, ServerAnswer.Done);
    }

    /// <summary>At rest, without the commit path: nobody waits, nobody is asked.</summary>
    public void CommitAlone(string id)
    {
        var transaction = new BinlogTransaction(_store.Gtids.NextOwn(), new RowChange.Insert(id, 0), 0);
        _store.Log(transaction);
        _store.Commit(transaction, isReplicated: false);
    }

    private ServerAnswer AdoptBinlogPosition()
    {
        if (_store.Gtids is not MariaGtidState maria) return ServerAnswer.Done;
        if (Replica.IsRunning) return ServerErrors.ReplicaRuns(_options.Flavor);
        maria.AdoptBinlogPosition();
        return ServerAnswer.Done;
    }

    private void Wait(ServerSession session, Statement.WaitForGtids wait)
    {
        Gtids target;
        try
        {
            target = Verify.MySql.Gtid.Gtids.Parse(wait.Gtids, _options.Flavor);
        }
        catch (FormatException)
        {
            Answer(session, ServerErrors.MalformedGtids(_options.Flavor, wait.Gtids));
            return;
        }

        if (_store.Gtids.Reaches(target)) Answer(session, ReadAnswers.Waited(_options.Flavor, isReached: true));
        else
        {
            _gtidWaits.Add(new(session, target, ++_nextWait));
            _effects.Enqueue(new ServerEffect.TimeOutAfter(session.Id, _nextWait, TimeSpan.FromSeconds(wait.SecondsMax)));
        }
    }

    /// <summary>Something may have been committed: those who wait for it go on.</summary>
    private void Committed()
    {
        for (var i = 0; i < _gtidWaits.Count;)
        {
            if (_store.Gtids.Reaches(_gtidWaits[i].Target))
            {
                var session = _gtidWaits[i].Session;
                _gtidWaits.RemoveAt(i);
                Answer(session, ReadAnswers.Waited(_options.Flavor, isReached: true));
            }
            else i++;
        }

        if (_stopping.Count == 0 || _commits.ApplierWaits) return;
        foreach (var session in _stopping) Answer(session, ServerAnswer.Done);
        _stopping.Clear();
    }

    private void Answer(ServerSession session, ServerAnswer answer)
    {
        session.IsBusy = false;
        if (_deadMan.IsOfEvent(session)) _deadMan.Closed();
        else if (session.IsKilled || session.IsAbandoned) _sessions.Remove(session.Id);
        else _effects.Enqueue(new ServerEffect.Answer(session.Id, answer));
    }

    private string ApplierText(BinlogTransaction transaction, ServerAnswer.Error error) => _options.Flavor == Flavor.MySql
        ? $"Coordinator stopped because there were error(s) in the worker(s). The most recent failure being: Worker 1 failed executing transaction '{_store.Gtids.Format(transaction.Id)}' at source log binlog.000001, end_log_pos 0. See error log and/or performance_schema.replication_applier_status_by_worker table for more details about this failure or others, if any."
        : $"Error '{error.Message}' on transaction {_store.Gtids.Format(transaction.Id)}";
}
