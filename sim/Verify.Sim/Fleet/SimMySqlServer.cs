using Verify.MySql;
using Verify.MySql.Gtid;
using Verify.Node.Seam;

namespace Verify.Sim.Fleet;

/// <summary>A MySQL or MariaDB server of a simulated fleet: it speaks the real wire protocol over the seam's network and behaves like
/// the real servers on the statements that we send (the same transcripts run against both). It outlives its process: what a
/// server keeps on disk is there again after <see cref="Kill"/> and <see cref="Start"/>.
/// In a <see cref="SimWorld"/>: <c>AddHost(name, dc, host =&gt; new(server.Start(host.Seam.Network, host.Seam.Time)))</c>, and <see cref="Kill"/> beside the world's own.</summary>
public sealed class SimMySqlServer : IDisposable
{
    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly MySqlModel _model;
    private readonly SortedDictionary<long, ClientConnection> _connections = [];
    private readonly List<ITimer> _timers = [];
    private readonly List<WakeUp> _dumps = [];
    private readonly ReplicaThreads _replica;
    private IListener? _listener;
    private TaskCompletionSource? _ended;
    private readonly Standstill _process = new();
    private readonly Standstill _disk = new();
    private INetwork? _network;
    private TimeProvider? _time;
    private bool _wasWritable;
    private bool _carrying;
    private readonly SortedSet<DeadManEvent> _dueEvents = [];

    public SimMySqlServer(SimMySqlOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        _model = new(options);
        _replica = new(this, _model);
    }

    public SimMySqlOptions Options { get; }
    public bool IsRunning => _ended is not null;
    public bool IsPaused => _process.IsOn;

    /// <summary>An ordinary user's write that arrived now would be taken: the process runs, is not stopped, is open, and is not just being closed.</summary>
    public bool IsWritable => IsRunning && !IsPaused && !IsStalled && _model.IsWritable;

    /// <summary>Called at the very moment when <see cref="IsWritable"/> changes, before anybody is answered.</summary>
    public Action<bool>? WritableChanged { get; set; }

    /// <summary>Committed rows of app.writes, id and client, ordered by id.</summary>
    public IReadOnlyDictionary<string, int> Rows => _model.Rows;

    /// <summary>All transactions that are committed here.</summary>
    public Gtids Gtids => Gtids.Parse(_model.Gtids.ExecutedText, Options.Flavor);

    internal INetwork Network => _network!;
    internal TimeProvider Time => _time!;
    internal MySqlModel Model => _model;

    /// <summary>Unix time by the server's own clock.</summary>
    internal long NowSeconds => Time.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Counts the lives of the process; what belongs to another life must not go on.</summary>
    internal int Life { get; private set; }

    /// <summary>Starts the process. A crash that nobody reported (the host was killed without <see cref="Kill"/>) happens first.</summary>
    /// <returns>Completes when the process ends; fails when the model itself is broken.</returns>
    public Task Start(INetwork network, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (IsRunning) Kill();
        (_network, _time) = (network, time);
        _listener = network.Listen(Options.Endpoint);
        _ended = new TaskCompletionSource();
        var ended = _ended.Task;
        _model.ClockUs = () => (Time.GetUtcNow() - Epoch).Ticks / TimeSpan.TicksPerMicrosecond;
        _model.Boot();
        CarryOut();
        Watch(AcceptAsync(_listener, Life));
        NoteWritable();
        return ended;
    }

    /// <summary>SIGKILL: connections break, and everything that is not on the disk is lost.</summary>
    public void Kill()
    {
        if (_ended is not { } ended) return;
        Life++;
        _ended = null;
        _dueEvents.Clear();
        _process.End();
        _process.Forget();
        _disk.Forget();
        _replica.Abandon();
        Watch(_listener!.DisposeAsync().AsTask());
        foreach (var timer in _timers) timer.Dispose();
        _timers.Clear();
        foreach (var connection in _connections.Values) connection.Break();
        _connections.Clear();
        _dumps.Clear();
        _model.Crash();
        NoteWritable();
        ended.TrySetResult();
    }

    /// <summary>SIGSTOP: the kernel goes on accepting connections, but nothing is read, answered, sent or applied.</summary>
    public void Pause()
    {
        if (IsRunning) _process.Begin();
        NoteWritable();
    }

    /// <summary>SIGCONT.</summary>
    public void Resume() => GoOn(_process);

    /// <summary>From here to <see cref="RunDisk"/> its disk stands still (fsfreeze): what writes waits, reads are answered.</summary>
    public bool IsStalled => _disk.IsOn;

    public void StallDisk()
    {
        _disk.Begin();
        NoteWritable();
    }

    /// <summary>The disk takes up where it stood; it outlives the process.</summary>
    public void RunDisk() => GoOn(_disk);

    /// <summary>STOP REPLICA SQL_THREAD by somebody beside the nodes.</summary>
    public void StopSqlThread()
    {
        if (!IsRunning) return;
        _model.Replica.StopSql();
        CarryOut();
    }

    /// <summary>START REPLICA SQL_THREAD; nothing on a server that has no source.</summary>
    public void StartSqlThread()
    {
        if (!IsRunning || _model.Replica.Source is null) return;
        _model.Replica.StartSqlThread();
        CarryOut();
    }

    /// <summary>SOURCE_DELAY: a transaction is applied so long after its source's clock wrote it. It outlives the process.</summary>
    public TimeSpan ApplierDelay { get; set; }

    /// <summary>While the process is down: a row that is there when it starts, in a transaction that no other server has (as one from an init file).</summary>
    public void CommitAlone(string id)
    {
        if (IsRunning) throw new InvalidOperationException($"{Options.Name} runs");
        _model.CommitAlone(id);
    }

    public void Dispose() => Kill();

    /// <summary>Completes when the process may go on.</summary>
    internal Task WhenRunning() => _process.WhenOver();

    /// <summary>Completes when the disk takes writes.</summary>
    internal Task WhenDiskRuns() => _disk.WhenOver();

    /// <summary>A statement that writes waits for the disk. Closing the server waits for those that do.</summary>
    internal async Task WhenDiskTakes(long session, string text)
    {
        if (!IsStalled || !_model.NeedsDisk(text, hasCommits: _disk.HoldsSomebody)) return;
        _model.WaitsForDisk(session, waits: true);
        await WhenDiskRuns();
        _model.WaitsForDisk(session, waits: false);
    }

    /// <summary>Those who send the binary log to replicas: woken when it grows.</summary>
    internal List<WakeUp> Dumps => _dumps;

    /// <summary>Does what the model asks for, in order. Work that this starts may ask for more: it is done in the same loop.</summary>
    internal void CarryOut()
    {
        if (_carrying) return;
        _carrying = true;
        try
        {
            while (_model.TryTakeEffect(out var effect))
            {
                NoteWritable();
                Carry(effect!);
            }
        }
        finally
        {
            _carrying = false;
        }

        NoteWritable();
    }

    internal void Enter(ClientConnection connection) => _connections.Add(connection.SessionId, connection);

    internal void Leave(ClientConnection connection)
    {
        if (_connections.TryGetValue(connection.SessionId, out var known) && known == connection) _connections.Remove(connection.SessionId);
        _model.Closed(connection.SessionId);
        CarryOut();
    }

    /// <summary>A replica that comes back has one connection: an older one of the same server is closed.</summary>
    internal void CloseOtherDumps(ClientConnection connection, uint serverId)
    {
        var others = new List<ClientConnection>();
        foreach (var other in _connections.Values)
        {
            if (other != connection && other.DumpsTo == serverId) others.Add(other);
        }

        foreach (var other in others) other.Break();
    }

    /// <summary>Keeps an eye on a driver: what it throws is the end of the process, and loud.</summary>
    internal async void Watch(Task driver)
    {
        var life = Life;
        try
        {
            await driver;
        }
        catch (Exception broken)
        {
            if (life == Life && _ended is { } ended) ended.TrySetException(broken);
        }
    }

    private async Task AcceptAsync(IListener listener, int life)
    {
        while (await listener.AcceptAsync() is { } stream)
        {
            if (life != Life)
            {
                await stream.DisposeAsync();
                return;
            }

            Watch(new ClientConnection(this, stream, life).RunAsync());
        }
    }

    private void Carry(ServerEffect effect)
    {
        switch (effect)
        {
            case ServerEffect.Answer(var session, var what):
                if (_connections.TryGetValue(session, out var asking)) asking.Answer(what);
                break;
            case ServerEffect.Close(var session):
                if (_connections.TryGetValue(session, out var closing)) closing.End();
                break;
            case ServerEffect.TimeOutAfter(var session, var wait, var limit):
                TimeOut(session, wait, limit);
                break;
            case ServerEffect.WatchAfter(var which, var sleep):
                After(sleep, () => Watch(which));
                break;
            case ServerEffect.BinlogGrew:
                foreach (var dump in _dumps.ToArray()) dump.Set();
                break;
            case ServerEffect.SwitchIoThread(var runs):
                _replica.SwitchIo(runs);
                break;
            case ServerEffect.ApplierMoved:
                _replica.MoveApplier();
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>A process that stands still notices only when it goes on.</summary>
    private void Watch(DeadManEvent which)
    {
        if (IsPaused || IsStalled)
        {
            _dueEvents.Add(which);
            return;
        }

        _dueEvents.Remove(which);
        _model.Watch(which);
        CarryOut();
    }

    private void GoOn(Standstill which)
    {
        which.End();
        NoteWritable();
        foreach (var due in _dueEvents.ToArray()) Watch(due);
        which.LetGo();
    }

    private void TimeOut(long session, long wait, TimeSpan limit) => After(limit, () =>
    {
        _model.TimedOut(session, wait);
        CarryOut();
    });

    private void After(TimeSpan limit, Action happens)
    {
        var life = Life;
        ITimer? timer = null;
        timer = Time.CreateTimer(
            _ =>
            {
                if (life != Life) return;
                timer!.Dispose();
                _timers.Remove(timer);
                happens();
            },
            null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timers.Add(timer);
        timer.Change(limit, Timeout.InfiniteTimeSpan);
    }

    private void NoteWritable()
    {
        var isWritable = IsWritable;
        if (isWritable == _wasWritable) return;
        _wasWritable = isWritable;
        WritableChanged?.Invoke(isWritable);
    }
}
