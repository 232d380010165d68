using System.Globalization;
using Verify.MySql;
using Verify.Node.Seam;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Sim.Fleet;

/// <summary>Where a replica fetches from, as CHANGE REPLICATION SOURCE said.</summary>
internal sealed record SourceConfig(Endpoint Source, string User, string Password)
{
    public static readonly TimeSpan ConnectRetry = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan HeartbeatPeriod = TimeSpan.FromMilliseconds(500);
}

/// <summary>The error that a replication thread shows.</summary>
internal readonly record struct ThreadError(int Code, string Message, string At)
{
    public static readonly ThreadError None = new(0, "", "");
}

/// <summary>The replica's side of a server: source, threads, relay log. Source and relay log survive a crash, threads do not
/// (skip_replica_start).</summary>
internal sealed class ReplicaState(SimMySqlOptions options, ServerStore store, Action<ServerEffect> effect)
{
    private readonly Queue<BinlogTransaction> _relayLog = new();
    private readonly GtidRanges _retrieved = new();

    public SourceConfig? Source { get; private set; }
    public ThreadState Io { get; private set; }
    public bool SqlRuns { get; private set; }

    /// <summary>The connection that was lost had been made: the thread reconnects.</summary>
    public bool IsReconnecting { get; private set; }
    public ThreadError IoError { get; private set; } = ThreadError.None;
    public ThreadError SqlError { get; private set; } = ThreadError.None;

    /// <summary>What the source said of itself, the last time.</summary>
    public (uint ServerId, string Uuid) SourceIdentity { get; private set; } = (0, "");
    public string RetrievedText => _retrieved.ToString();

    /// <summary>Gtid_IO_Pos of MariaDB.</summary>
    public string IoPosition { get; private set; } = "";
    public int RelayLogCount => _relayLog.Count;
    public long ReceivedCount { get; private set; }
    public long HeartbeatCount { get; private set; }

    /// <summary>The next transaction to apply; null when the applier has nothing to do.</summary>
    public BinlogTransaction? Next => SqlRuns && _relayLog.TryPeek(out var next) ? next : null;
    public BinlogTransaction? OldestUnapplied => _relayLog.TryPeek(out var next) ? next : null;

    public bool IsRunning => Io != ThreadState.Stopped || SqlRuns;

    public ServerAnswer Change(Statement.ChangeSource to)
    {
        if (IsRunning) return ServerErrors.ReplicaRuns(options.Flavor);
        var source = new Endpoint(to.Host, to.Port);
        if (Source?.Source != source) SourceIdentity = (0, "");
        Source = new(source, to.User, to.Password);
        DropRelayLog();
        (IoError, SqlError) = (ThreadError.None, ThreadError.None);
        return ServerAnswer.Done;
    }

    public ServerAnswer Start()
    {
        if (Source is null) return ServerErrors.NotConfigured(options.Flavor);
        if (options.Flavor == Flavor.MariaDb)
        {
            // With GTIDs, MariaDB fetches anew what it has not applied (seen: gtid_slave_pos counts, the relay log does not).
            if (!IsRunning) DropRelayLog();
            if (IoPosition.Length == 0) IoPosition = store.Gtids.AppliedText;
        }

        StartSql();
        if (Io == ThreadState.Stopped)
        {
            Io = ThreadState.Connecting;
            IsReconnecting = false;
            IoError = ThreadError.None;
            effect(new ServerEffect.SwitchIoThread(Runs: true));
        }

        return ServerAnswer.Done;
    }

    /// <summary>Only the applier: on MySQL it finds the relay log as a crash has left it. On MySQL no error without a source, and no effect (seen).</summary>
    public ServerAnswer StartSqlThread()
    {
        if (Source is null) return options.Flavor == Flavor.MySql ? ServerAnswer.Done : ServerErrors.NotConfigured(options.Flavor);
        if (!IsRunning && options.Flavor == Flavor.MariaDb) DropRelayLog();
        StartSql();
        return ServerAnswer.Done;
    }

    public void Stop(bool onlyIoThread)
    {
        StopIo();
        if (!onlyIoThread) StopSql();
    }

    /// <summary>STOP REPLICA SQL_THREAD.</summary>
    public void StopSql()
    {
        if (!SqlRuns) return;
        SqlRuns = false;
        effect(new ServerEffect.ApplierMoved());
    }

    public ServerAnswer ResetAll()
    {
        if (IsRunning) return ServerErrors.ReplicaRuns(options.Flavor);
        Source = null;
        SourceIdentity = (0, "");
        DropRelayLog();
        (IoError, SqlError) = (ThreadError.None, ThreadError.None);
        return ServerAnswer.Done;
    }

    public void Connected(uint serverId, string uuid)
    {
        Io = ThreadState.Running;
        IoError = ThreadError.None;
        SourceIdentity = (serverId, uuid);
    }

    /// <summary>The connection is gone, or could not be made (with an error).</summary>
    public void Disconnected(ThreadError error)
    {
        if (Io == ThreadState.Running) IsReconnecting = true;
        Io = ThreadState.Connecting;
        IoError = error;
    }

    /// <summary>The source refuses for good: the thread ends.</summary>
    public void Refused(ThreadError error)
    {
        StopIo();
        IoError = error;
    }

    /// <summary>It is in the relay log, on disk.</summary>
    public void Retrieved(BinlogTransaction transaction)
    {
        ReceivedCount++;
        _retrieved.Add(transaction.Id);
        IoPosition = store.Gtids.Format(transaction.Id);
        _relayLog.Enqueue(transaction);
        if (SqlRuns && _relayLog.Count == 1) effect(new ServerEffect.ApplierMoved());
    }

    public void HeartbeatReceived() => HeartbeatCount++;

    public bool IsRetrieved(TransactionId id) => _retrieved.Contains(id);

    public void Applied() => _relayLog.Dequeue();

    public void ApplierFailed(ThreadError error)
    {
        SqlRuns = false;
        SqlError = error;
    }

    /// <summary>What a source must not send again.</summary>
    public string KnownText()
    {
        if (options.Flavor == Flavor.MariaDb) return IoPosition;
        var executed = store.Gtids.AppliedText;
        var retrieved = _retrieved.ToString();
        return retrieved.Length == 0 ? executed : executed.Length == 0 ? retrieved : $"{executed},{retrieved}";
    }

    public void Crash()
    {
        (Io, SqlRuns, IsReconnecting) = (ThreadState.Stopped, false, false);
        (IoError, SqlError) = (ThreadError.None, ThreadError.None);
        (ReceivedCount, HeartbeatCount) = (0, 0);
        IoPosition = "";
        if (options.RelayLogRecovery && options.Flavor == Flavor.MySql) DropRelayLog();
    }

    private void StartSql()
    {
        if (SqlRuns) return;
        SqlRuns = true;
        SqlError = ThreadError.None;
        effect(new ServerEffect.ApplierMoved());
    }

    private void StopIo()
    {
        if (Io == ThreadState.Stopped) return;
        Io = ThreadState.Stopped;
        IsReconnecting = false;
        effect(new ServerEffect.SwitchIoThread(Runs: false));
    }

    private void DropRelayLog()
    {
        _relayLog.Clear();
        _retrieved.Clear();
        IoPosition = "";
    }

    /// <summary>"261120 23:38:04", as the status shows the time of an error.</summary>
    public static string Stamp(long nowSeconds) =>
        DateTimeOffset.FromUnixTimeSeconds(nowSeconds).ToString("yyMMdd HH:mm:ss", CultureInfo.InvariantCulture);
}
