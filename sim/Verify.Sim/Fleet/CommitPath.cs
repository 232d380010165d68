using Verify.MySql;

namespace Verify.Sim.Fleet;

/// <summary>How a write becomes a transaction: read-only flags, the global read lock that closing takes, row locks, the binary log, the wait
/// for a replica's acknowledgement (AFTER_SYNC). All of it as the real servers were seen to do it:
/// 1. Closing (SET … read_only = ON) waits for the writes that are under way, a wait for an acknowledgement included, and
///    meanwhile keeps new writes waiting; they are refused when it takes effect.
/// 2. KILL of a session whose commit waits: MariaDB commits at once without an answer. MySQL 9.7 closes the connection, but the commit
///    goes on waiting, and with it the closing.
/// 3. Switching the source's half of semi-sync off commits whatever waits.</summary>
internal sealed class CommitPath(ServerStore store, SimMySqlOptions options, Action<ServerSession, ServerAnswer> answer, Action<ServerEffect> effect)
{
    private const int MySqlWorkers = 4;
    private readonly List<Waiting> _unacknowledged = [];
    private readonly List<Blocked> _blocked = [];
    private readonly List<ServerSession> _closing = [];
    private readonly List<(ServerSession Session, Func<ServerAnswer> Write)> _unlogged = [];
    private bool _isPersisted;
    private bool _readOnly = options.BootsReadOnly;
    private bool _superReadOnly = options.BootsReadOnly && options.Flavor == Flavor.MySql;
    private int _applierWaiting;
    private bool _settling;
    private bool _applierHeldBack;

    /// <summary>A transaction in the binary log whose commit waits for a replica. Session is null for the applier's.</summary>
    private sealed record Waiting(BinlogTransaction Transaction, int Position, ServerSession? Session);

    /// <summary>A write that has not begun (behind a closing) or stands behind another's row.</summary>
    private sealed record Blocked(ServerSession Session, RowChange Change, bool IsUnderWay);

    public SemiSyncState SemiSync { get; } = new(options);

    /// <summary>It does not show yet that it keeps ordinary users out: one whose closing waits counts as open, as it does for whoever looks at
    /// a real server from outside.</summary>
    public bool IsWritable => !_readOnly;

    /// <summary>Every worker of the applier (four on MySQL, one on MariaDB) waits for a replica's acknowledgement.</summary>
    public bool ApplierIsFull => _applierWaiting >= (options.Flavor == Flavor.MySql ? MySqlWorkers : 1);
    public bool ApplierWaits => _applierWaiting > 0;

    /// <summary>What the variables show. While closing waits, MySQL already shows super_read_only=1 beside read_only=0: neither is in force.</summary>
    public bool ShownReadOnly => _readOnly;
    public bool ShownSuperReadOnly => _superReadOnly || (_closing.Count > 0 && !_readOnly && options.Flavor == Flavor.MySql);

    /// <summary>Clients whose commit waits for a replica.</summary>
    public int WaitSessions => _unacknowledged.Count(static w => w.Session is not null);

    private bool IsAnyUnderWay => _unacknowledged.Count > 0 || _blocked.Exists(static b => b.IsUnderWay);

    /// <summary>A client's write. Answers now or later.</summary>
    public void Write(ServerSession session, RowChange change, long nowSeconds)
    {
        if (Refusal(session) is { } refused) answer(session, refused);
        else if (_closing.Count > 0) _blocked.Add(new(session, change, IsUnderWay: false));
        else Begin(session, change, nowSeconds);
    }

    public enum Applied : byte { Done, Later, Failed }

    /// <summary>The applier's turn. Read-only flags do not bind it; closing keeps it waiting like everybody.</summary>
    public Applied Apply(BinlogTransaction transaction, out ServerAnswer.Error? error)
    {
        error = null;
        if (store.Gtids.IsLogged(transaction.Id) && options.Flavor == Flavor.MySql) return Applied.Done;
        if (_closing.Count > 0 || ApplierIsFull || MustWaitForOthers(transaction.Change)) return Later();
        error = OutOfOrder(transaction) ?? store.Check(transaction.Change);
        if (error is not null) return Applied.Failed;
        Log(transaction, session: null);
        return Applied.Done;
    }

    private Applied Later()
    {
        _applierHeldBack = true;
        return Applied.Later;
    }

    public void SetReadOnly(ServerSession session, bool on)
    {
        if (!on)
        {
            _readOnly = _superReadOnly = false;
            answer(session, ServerAnswer.Done);
        }
        else if (_readOnly && (_superReadOnly || options.Flavor == Flavor.MariaDb)) answer(session, ServerAnswer.Done);
        else
        {
            _closing.Add(session);
            Settle(nowSeconds: 0);
        }
    }

    /// <summary>super_read_only stands in the file of persisted variables, which outlives the process; MariaDB has none.</summary>
    public bool IsPersisted
    {
        get => _isPersisted;
        set => _isPersisted = value && options.Flavor == Flavor.MySql;
    }

    /// <summary>SET GLOBAL super_read_only = OFF of MySQL: ordinary users stay out.</summary>
    public void LiftSuperReadOnly() => _superReadOnly = false;

    /// <summary>A write of the server's own tables that no binary log sees: refused on a closed server, kept waiting by a closing.</summary>
    public void WriteUnlogged(ServerSession session, Func<ServerAnswer> write)
    {
        if (Refusal(session) is { } refused) answer(session, refused);
        else if (_closing.Count > 0) _unlogged.Add((session, write));
        else answer(session, write());
    }

    public void SetSemiSync(bool on, long nowSeconds)
    {
        SemiSync.Source = on;
        if (!on) Release(int.MaxValue, nowSeconds);
    }

    /// <summary>A replica has everything up to this length of the binary log.</summary>
    public void Acknowledged(uint replica, int position, long nowSeconds)
    {
        SemiSync.Acknowledged(replica, position);
        Release(SemiSync.Safe, nowSeconds);
    }

    private void Release(int position, long nowSeconds)
    {
        while (_unacknowledged.Count > 0 && _unacknowledged[0].Position <= position)
        {
            var waiting = _unacknowledged[0];
            _unacknowledged.RemoveAt(0);
            Commit(waiting);
        }

        Settle(nowSeconds);
    }

    /// <summary>KILL of a session with a statement in here.</summary>
    /// <returns>True when the statement ended with it; false when it goes on (rule 2).</returns>
    public bool Kill(ServerSession session, long nowSeconds)
    {
        _blocked.RemoveAll(b => b.Session == session);
        _unlogged.RemoveAll(u => u.Session == session);
        _closing.Remove(session);
        var at = _unacknowledged.FindIndex(w => w.Session == session);
        if (at >= 0 && options.Flavor == Flavor.MySql) return false;
        if (at >= 0)
        {
            var waiting = _unacknowledged[at];
            _unacknowledged.RemoveAt(at);
            store.Commit(waiting.Transaction, isReplicated: false);
        }

        Settle(nowSeconds);
        return true;
    }

    /// <summary>The process is gone. What stood in the binary log is committed by recovery at the next start; variables are as configured.</summary>
    public void Crash()
    {
        foreach (var waiting in _unacknowledged) store.Commit(waiting.Transaction, isReplicated: waiting.Session is null);
        _unacknowledged.Clear();
        _blocked.Clear();
        _closing.Clear();
        _unlogged.Clear();
        _applierWaiting = 0;
        _readOnly = options.BootsReadOnly || _isPersisted;
        _superReadOnly = _readOnly && options.Flavor == Flavor.MySql;
        SemiSync.Boot();
    }

    /// <summary>Why this account's write is refused now, before anything else is looked at.</summary>
    public ServerAnswer.Error? Refusal(ServerSession session) => (options.Flavor, session.Rights) switch
    {
        (Flavor.MySql, AccountRights.Topology) => _superReadOnly ? ServerErrors.ReadOnly(options.Flavor, "super-read-only") : null,
        (_, AccountRights.Topology) => null,
        _ => _readOnly ? ServerErrors.ReadOnly(options.Flavor, "read-only") : null,
    };

    private void Begin(ServerSession session, RowChange change, long nowSeconds)
    {
        if (store.Check(change) is { } error) answer(session, error);
        else if (IsRowTaken(change)) _blocked.Add(new(session, change, IsUnderWay: true));
        else if (!store.IsLogged(change)) answer(session, ServerAnswer.Done);
        else Log(new BinlogTransaction(store.Gtids.NextOwn(), change, nowSeconds), session);
    }

    private void Log(BinlogTransaction transaction, ServerSession? session)
    {
        var waiting = new Waiting(transaction, store.Log(transaction), session);
        effect(new ServerEffect.BinlogGrew());
        if (!SemiSync.Source)
        {
            Commit(waiting);
            return;
        }

        if (session is null) _applierWaiting++;
        _unacknowledged.Add(waiting);
    }

    private void Commit(Waiting waiting)
    {
        store.Commit(waiting.Transaction, isReplicated: waiting.Session is null);
        if (waiting.Session is not null)
        {
            answer(waiting.Session, new ServerAnswer.Ok(waiting.Transaction.Change is RowChange.CreateTable ? 0 : 1));
        }
        else if (ApplierWaits)
        {
            _applierWaiting--;
            effect(new ServerEffect.ApplierMoved());
        }
    }

    /// <summary>After every change: writes behind a row, then closing, then the writes that closing held back.</summary>
    private void Settle(long nowSeconds)
    {
        if (_settling) return;
        _settling = true;
        Retry(isUnderWay: true, nowSeconds);
        if (_closing.Count > 0 && !IsAnyUnderWay)
        {
            _readOnly = true;
            _superReadOnly = options.Flavor == Flavor.MySql;
            foreach (var session in _closing) answer(session, ServerAnswer.Done);
            _closing.Clear();
        }

        if (_closing.Count == 0 && _blocked.Count > 0) Retry(isUnderWay: false, nowSeconds);
        if (_closing.Count == 0 && _unlogged.Count > 0)
        {
            var turn = _unlogged.ToArray();
            _unlogged.Clear();
            foreach (var (session, write) in turn) WriteUnlogged(session, write);
        }

        if (_closing.Count == 0 && _applierHeldBack)
        {
            _applierHeldBack = false;
            effect(new ServerEffect.ApplierMoved());
        }

        _settling = false;
    }

    private void Retry(bool isUnderWay, long nowSeconds)
    {
        if (_blocked.Count == 0) return;
        var turn = _blocked.FindAll(b => b.IsUnderWay == isUnderWay);
        _blocked.RemoveAll(b => b.IsUnderWay == isUnderWay);
        foreach (var (session, change, _) in turn)
        {
            if (Refusal(session) is { } refused) answer(session, refused);
            else Begin(session, change, nowSeconds);
        }
    }

    /// <summary>Workers go side by side only with inserts of different rows.</summary>
    private bool MustWaitForOthers(RowChange change) =>
        IsRowTaken(change) || (ApplierWaits && (change is not RowChange.Insert || _unacknowledged.Exists(static w => w.Transaction.Change is not RowChange.Insert)));

    private bool IsRowTaken(RowChange change) => change is RowChange.Insert insert
        && _unacknowledged.Exists(w => w.Transaction.Change is RowChange.Insert other && string.Equals(other.Id, insert.Id, StringComparison.OrdinalIgnoreCase));

    /// <summary>gtid_strict_mode of MariaDB: numbers of a domain must grow.</summary>
    private ServerAnswer.Error? OutOfOrder(BinlogTransaction transaction)
    {
        if (store.Gtids is not MariaGtidState maria || transaction.Id.Number > maria.LastNumber) return null;
        return new(1950, "HY000",
            $"An attempt was made to binlog GTID {maria.Format(transaction.Id)} which would create an out-of-order sequence number with existing GTID {maria.BinlogText}, and gtid strict mode is enabled");
    }
}
