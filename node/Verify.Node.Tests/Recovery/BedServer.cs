using Verify.MySql;
using Verify.MySql.Gtid;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Recovery;

/// <summary>What a scripted server does when it is asked.</summary>
internal enum ServerHealth
{
    Up,

    /// <summary>Its process is gone; its host refuses connections.</summary>
    Dead,

    /// <summary>Stopped by a signal: it takes connections and statements into its buffers and answers when it goes on.</summary>
    Frozen,
}

/// <summary>A MySQL server as far as the statements of the high-availability part see it: flags, GTID sets, one replication channel,
/// a list of client sessions. Statements take effect half a round trip after they were sent.</summary>
internal sealed class BedServer(HaBed bed, Instance instance)
{
    private const int Coordinator = 5;
    private static readonly TimeSpan ReplicaNetTimeout = TimeSpan.FromSeconds(1);
    private readonly List<Action> _buffered = [];
    private readonly HashSet<long> _killed = [];
    private readonly SortedSet<long> _commits = [];
    private readonly string _uuid = $"{instance.Key.Host[^1]}1111111-1111-1111-1111-111111111111";
    private bool _hasLostSource;
    private long _transactions;
    private int _lives;

    /// <summary>It had run for an hour when the story began.</summary>
    private TimeSpan _upSince = TimeSpan.FromHours(-1);
    private long _nextSession = 100;
    private TimeSpan _sourceLostAt = TimeSpan.MaxValue;

    public InstanceKey Key => instance.Key;
    public ServerHealth Health { get; private set; }
    public ServerVersion Version { get; set; } = new(Flavor.MySql, 9, 7, 4);

    public bool IsReadOnly { get; set; } = true;

    /// <summary>super_read_only is off while read_only is on.</summary>
    public bool IsHalfClosed { get; set; }
    public Gtids Executed { get; private set; } = Gtids.Empty(Flavor.MySql);
    public Gtids Retrieved { get; private set; } = Gtids.Empty(Flavor.MySql);
    public InstanceKey? Source { get; private set; }
    public bool IoIsOn { get; private set; }
    public bool SqlIsOn { get; private set; }

    /// <summary>Client sessions whose commits wait for a semi-sync acknowledgement: SET read_only waits for them.</summary>
    public SortedSet<long> StuckCommits { get; } = [];

    /// <summary>SOURCE_AUTO_POSITION; false: by file and position.</summary>
    public bool FindsPlaceByGtid { get; set; } = true;
    public bool TakesWrites => Health != ServerHealth.Dead && !IsReadOnly && !HasStalledDisk;

    public void Follow(InstanceKey source)
    {
        Source = source;
        IoIsOn = SqlIsOn = true;
    }

    public void ForgetSource() => Source = null;

    public void StopApplying() => SqlIsOn = false;

    /// <summary>The fetching thread goes on trying and does not get through, for a reason of its own.</summary>
    public void LoseSource()
    {
        _hasLostSource = true;
        NoticeNetwork();
    }

    public void Write(int transactions = 1)
    {
        Assert.That(IsReadOnly, Is.False, $"{Key} takes no writes");
        _transactions += transactions;
        Executed = Executed.Union(Gtids.Parse($"{_uuid}:1-{_transactions}", Flavor.MySql));
        Replicate();
    }

    public void FindSource()
    {
        _hasLostSource = false;
        NoticeNetwork();
    }

    /// <summary>This server and the other one each get a transaction that nobody else has.</summary>
    public void Detour(BedServer other)
    {
        Executed = Executed.Union(Gtids.Parse($"{_uuid}:1", Flavor.MySql));
        other.Executed = other.Executed.Union(Gtids.Parse($"{other._uuid}:1", Flavor.MySql));
    }

    /// <summary>Questions are answered, what commits is not.</summary>
    public bool HasStalledDisk { get; private set; }

    /// <summary>What commits waits for a lock that somebody holds (FLUSH TABLES WITH READ LOCK).</summary>
    public bool IsLocked { get; set; }

    public void StallDisk() => HasStalledDisk = true;

    /// <summary>The event inside the server has begun to close it and comes first.</summary>
    public void RunDisk()
    {
        HasStalledDisk = false;
        _commits.Clear();
        Replicate();
    }

    public void Freeze() => Become(ServerHealth.Frozen);

    public void Thaw()
    {
        Become(ServerHealth.Up);
        foreach (var action in _buffered) action();
        _buffered.Clear();
    }

    public void Die() => Become(ServerHealth.Dead);

    public void Return(bool isReadOnly)
    {
        (IsReadOnly, _upSince) = (isReadOnly, bed.Now);
        Become(ServerHealth.Up);
    }

    private void Become(ServerHealth health)
    {
        Health = health;
        if (health == ServerHealth.Dead) _lives++;
        foreach (var server in bed.Servers) server.NoticeNetwork();
    }

    /// <summary>Fetches and applies, where the threads run and the source can be read.</summary>
    public void Replicate()
    {
        if (Health == ServerHealth.Up && HasSwitch && Switch <= NowUs && !IsReadOnly && !HasStalledDisk) IsReadOnly = true;
        if (Source is not { } source || Health != ServerHealth.Up) return;
        if (IoIsOn && ReadsNow) Retrieved = Retrieved.Union(bed.Server(source).Executed);
        if (SqlIsOn && !AppliesNothing) Executed = Executed.Union(Retrieved);
    }

    /// <summary>Both halves of semi-sync, and what else a detailed look shows.</summary>
    public BedSemiSync SemiSync { get; } = new();

    /// <summary>The dead-man switch inside: when it is due by this server's clock; null where it is not installed.</summary>
    public long? Switch { get; private set; }

    /// <summary>The topology user may not make events here.</summary>
    public bool ForbidsEvents { get; init; }

    /// <summary>What it answers to the questions of the configuration; the others it does not understand.</summary>
    public Dictionary<string, string> Answers { get; } = [];

    /// <summary>Where its binary log ends; null: it does not say.</summary>
    public (string File, long Position)? Binlog { get; set; }

    /// <summary>What it says of its lag while it reads from its source; null: 0.</summary>
    public int? SecondsBehind { get; set; }

    /// <summary>Its applying thread runs and gets nowhere.</summary>
    public bool AppliesNothing { get; set; }

    /// <summary>It refuses to be opened, and stays as it is.</summary>
    public bool RefusesToOpen { get; set; }

    private ResultTable CarryLook(Statement statement) => statement switch
    {
        Statement.AskConfigured ask when Answers.TryGetValue(ask.Text, out var answer) => Row(("answer", answer)),
        Statement.ReadBinlogPosition when Binlog is { } end => Row(("File", end.File), ("Position", $"{end.Position}")),
        _ => throw new MySqlServerException(1064, "42000", $"{statement} is not in the script"),
    };

    /// <summary>How far this server's clock is from the true time.</summary>
    public TimeSpan ClockOffset { get; set; } = TimeSpan.FromDays(9000);
    private long NowUs => (long)(bed.Now + ClockOffset).TotalMicroseconds;
    public bool HasSwitch { get; private set; }
    private long _switchToken;

    private ResultTable CarrySwitch(Statement statement)
    {
        switch (statement)
        {
            case Statement.ReadDeadMan:
                return Row(("scheduler", "ON"), ("watcher", HasSwitch ? "7" : null), ("event", HasSwitch ? Statement.DeadManEvents : null), ("now_us", $"{NowUs}"));
            case Statement.InstallDeadMan when ForbidsEvents:
                throw new MySqlServerException(1044, "42000", "Access denied for user 'verify'@'%' to database 'verify_guard'");
            case Statement.InstallDeadMan { Part: Statement.DeadManPart.Row }:
                Switch ??= 0;
                break;
            case Statement.InstallDeadMan { Part: var part }:
                if (part is Statement.DeadManPart.Event) HasSwitch = true;
                if (part is Statement.DeadManPart.NoEvent) HasSwitch = false;
                break;
            case Statement.ClearDeadMan:
                Switch = null;
                break;
            case Statement.LiftSuperReadOnly:
                IsHalfClosed = IsReadOnly;
                break;
            case Statement.FeedDeadMan feed:
                if (Switch is null || feed.Token < _switchToken || feed.DueUs <= NowUs) return new([], [], 0);
                (Switch, _switchToken) = (feed.DueUs, feed.Token);
                return new([], [], 1);
            default:
                break;
        }

        return new([], [], 0);
    }

    public void NoticeNetwork()
    {
        if (ReadsNow) _sourceLostAt = TimeSpan.MaxValue;
        else if (_sourceLostAt == TimeSpan.MaxValue) _sourceLostAt = bed.Now;
    }

    private bool ReadsNow => !_hasLostSource && Source is { } s && bed.Server(s) is { Health: ServerHealth.Up } source
        && bed.Reaches(instance.DataCenter, source.DataCenter);

    private string DataCenter => instance.DataCenter;

    /// <summary>A broken connection is noticed at once, a silent one after the network timeout.</summary>
    private string IoState
    {
        get
        {
            if (!IoIsOn) return "No";
            var isGone = _hasLostSource || (Source is { } s && bed.Server(s).Health == ServerHealth.Dead);
            return ReadsNow || (!isGone && bed.Now - _sourceLostAt < ReplicaNetTimeout) ? "Yes" : "Connecting";
        }
    }

    /// <summary>Nodes of these data centres are refused in its name although it lives, and their sessions are reset.</summary>
    public HashSet<string> RefusedPlaces { get; } = [];

    private bool Refuses(BedNode node) => RefusedPlaces.Contains(node.Config.DataCenter);

    public ValueTask<IServerConversation> OpenAsync(BedNode node, TimeSpan deadline)
    {
        if (Refuses(node) || (Health == ServerHealth.Dead && bed.Reaches(node.Config.DataCenter, DataCenter))) throw new ConnectionRefusedException(Key.Endpoint);
        var opened = new TaskCompletionSource<IServerConversation>();
        Deliver(node, deadline, opened, () => new Conversation(this, node, _nextSession++, _lives));
        return new(opened.Task);
    }

    /// <summary>Half a round trip, the effect, half a round trip; or nothing until the deadline.</summary>
    private void Deliver<T>(BedNode node, TimeSpan deadline, TaskCompletionSource<T> answered, Func<T> effect)
    {
        bed.At(deadline / node.ClockRate, () => answered.TrySetException(new MySqlTimeoutException($"{Key}: no answer")));
        if (node.IsBlindFor == Key || !bed.Reaches(node.Config.DataCenter, DataCenter)) return;
        bed.At(HaBed.Latency / 2, () =>
        {
            if (Refuses(node)) answered.TrySetException(new MySqlProtocolException($"{Key}: the connection was reset"));
            else if (Health == ServerHealth.Frozen) _buffered.Add(() => Answer(answered, effect));
            else Answer(answered, effect);
        });
    }

    private void Answer<T>(TaskCompletionSource<T> answered, Func<T> effect)
    {
        try
        {
            var value = effect();
            bed.At(HaBed.Latency / 2, () => answered.TrySetResult(value));
        }
        catch (Exception e) when (e is MySqlException or StillWaitingException)
        {
            if (e is MySqlException) bed.At(HaBed.Latency / 2, () => answered.TrySetException(e));
            else bed.At(HaBed.Latency, () => Answer(answered, effect));
        }
    }

    private ResultTable Carry(Statement statement, long session, int life)
    {
        if (Health == ServerHealth.Dead || life != _lives) throw new MySqlProtocolException($"{Key}: the connection ended");
        if (_killed.Contains(session)) throw new MySqlProtocolException($"{Key}: the session was killed");
        switch (statement)
        {
            case Statement.ReadFacts:
                return Row(("server_uuid", _uuid), ("server_id", $"{instance.Key.Host[^1]}"), ("read_only", IsReadOnly ? "1" : "0"),
                    ("super_read_only", IsReadOnly && !IsHalfClosed ? "1" : "0"), ("gtid_executed", Executed.ToString()), ("log_bin", "1"));
            case Statement.ReadReplicaStatus:
                return Source is null ? new([], [], 0) : WithLag(ReplicaRow());
            case Statement.AskConfigured or Statement.ReadBinlogPosition:
                return CarryLook(statement);
            case Statement.SetReadOnly { On: false } when RefusesToOpen:
                throw new MySqlServerException(1227, "42000", "Access denied; you need (at least one of) the SUPER privilege(s) for this operation");
            case Statement.SetReadOnly set:
                if (set.On && (StuckCommits.Count > 0 || HasStalledDisk)) throw new StillWaitingException();
                (IsReadOnly, IsHalfClosed) = (set.On, false);
                break;
            case Statement.FeedDeadMan when HasStalledDisk || IsLocked:
                if (HasStalledDisk) _commits.Add(session);
                throw new StillWaitingException();
            case Statement.ShowProcessList:
                return new(["Id", "Time", "State"], HasStalledDisk ? [.. _commits.Select(static id => new[] { $"{id}", "1", "waiting for handler commit" })] : [], 0);
            case Statement.SkipBinlog or Statement.LiftSuperReadOnly or Statement.EnableEvents or Statement.ReadDeadMan or Statement.InstallDeadMan or Statement.FeedDeadMan or Statement.ClearDeadMan:
                return CarrySwitch(statement);
            case Statement.SetSemiSync or Statement.SetSemiSyncReplica or Statement.SetSemiSyncPatience or Statement.ReadVariables or Statement.ReadCounters
                or Statement.ReadPersistedReadOnly or Statement.PersistReadOnly:
                SemiSync.Uptime = bed.Now - _upSince;
                return SemiSync.Carry(statement);
            case Statement.ListIdleCoordinators:
                return new(["ID"], SqlIsOn && Source is not null ? [[$"{Coordinator}"]] : [], 0);
            case Statement.KillSession { Id: Coordinator }:
                SqlIsOn = false;
                break;
            case Statement.ListSessions:
                return Sessions();
            case Statement.KillSession kill:
                if (!StuckCommits.Remove(kill.Id) && kill.Id >= _nextSession) throw new MySqlServerException(1094, "HY000", $"Unknown thread id: {kill.Id}");
                _killed.Add(kill.Id);
                break;
            case Statement.StopReplica stop:
                IoIsOn = false;
                SqlIsOn &= stop.OnlyIoThread;
                break;
            case Statement.StartReplicaSqlThread:
                SqlIsOn = true;
                break;
            case Statement.StartReplica:
                if (!IoIsOn) SemiSync.ReplicaAtWork = SemiSync.Replica;
                IoIsOn = SqlIsOn = true;
                break;
            case Statement.ResetReplicaAll:
                Source = null;
                Retrieved = Gtids.Empty(Flavor.MySql);
                break;
            case Statement.ChangeSource change:
                Source = new(change.Host, change.Port);
                _hasLostSource = false;
                Retrieved = Gtids.Empty(Flavor.MySql);
                NoticeNetwork();
                break;
            case Statement.WaitForGtids wait:
                return Row(("waited", Executed.Contains(Gtids.Parse(wait.Gtids, Flavor.MySql)) ? "0" : "1"));
            default:
                throw new MySqlServerException(1064, "42000", $"{statement} is not in the script");
        }

        return new([], [], 0);
    }

    private ResultTable ReplicaRow() => Row(
        ("Channel_Name", ""), ("Source_Host", Source!.Value.Host), ("Source_Port", $"{Source.Value.Port}"), ("Replica_IO_Running", IoState),
        ("Replica_SQL_Running", SqlIsOn ? "Yes" : "No"), ("Retrieved_Gtid_Set", Retrieved.ToString()), ("Executed_Gtid_Set", Executed.ToString()),
        ("Auto_Position", FindsPlaceByGtid ? "1" : "0"), ("Seconds_Behind_Source", SqlIsOn && IoState == "Yes" ? "0" : null), ("Last_IO_Errno", "0"), ("Last_IO_Error", ""), ("Last_SQL_Errno", "0"), ("Last_SQL_Error", ""));

    private ResultTable WithLag(ResultTable status)
    {
        if (SecondsBehind is not { } seconds || IoState != "Yes") return status;
        var at = status.Columns.ToList().IndexOf("Seconds_Behind_Source");
        return new(status.Columns, [status.Rows[0].Select((value, i) => i == at ? $"{seconds}" : value).ToArray()], 0);
    }

    private ResultTable Sessions()
    {
        string?[][] always = [["1", "event_scheduler", "Daemon"], ["2", "repl", "Binlog Dump GTID"], ["3", "verify", "Query"], ["4", "system user", "Connect"]];
        return new(["ID", "USER", "COMMAND"], [.. always, .. StuckCommits.Select(id => new[] { $"{id}", "app", "Query" })], 0);
    }

    private static ResultTable Row(params (string Name, string? Value)[] columns) =>
        new([.. columns.Select(c => c.Name)], [columns.Select(c => c.Value).ToArray()], 0);

    /// <summary>The statement waits inside the server; it is looked at again a little later.</summary>
    private sealed class StillWaitingException : Exception;

    private sealed class Conversation(BedServer server, BedNode node, long session, int life) : IServerConversation
    {
        public ServerVersion Version => server.Version;
        public long SessionId => session;
        public bool IsOpen { get; private set; } = true;

        public async ValueTask<ResultTable> AskAsync(Statement statement, TimeSpan deadline)
        {
            server.Record(node, statement);
            var answered = new TaskCompletionSource<ResultTable>();
            server.Deliver(node, deadline, answered, () => server.Carry(statement, session, life));
            try
            {
                return await answered.Task;
            }
            catch (Exception e) when (e is MySqlTimeoutException or MySqlProtocolException)
            {
                IsOpen = false;
                throw;
            }
        }

        public ValueTask DisposeAsync()
        {
            IsOpen = false;
            return ValueTask.CompletedTask;
        }
    }

    private void Record(BedNode node, Statement statement) => bed.Sent.Add((bed.Now, node.Config.DataCenter, Key, statement));
}
