using Verify.MySql;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Sim.Fleet;

/// <summary>The server's own lines of the process list: the event scheduler, and the replication threads as "system user"
/// (MySQL: one that fetches, a coordinator, four workers; MariaDB: two).</summary>
internal sealed class ServerThreads
{
    public const long FirstClient = 8;
    private const long EventScheduler = 5;
    private static readonly string[] MySqlIo = ["Connect"];
    private static readonly string[] MySqlApplier = ["Query", "Connect", "Connect", "Connect", "Connect"];
    private static readonly string[] MariaIo = ["Slave_IO"];
    private static readonly string[] MariaApplier = ["Slave_SQL"];

    private readonly SortedDictionary<long, ServerSession> _sessions;
    private readonly Func<long> _nextId;
    private readonly bool _isMySql;
    private readonly List<ServerSession> _io = [];
    private readonly List<ServerSession> _applier = [];

    public ServerThreads(Flavor flavor, SortedDictionary<long, ServerSession> sessions, Func<long> nextId)
    {
        (_sessions, _nextId, _isMySql) = (sessions, nextId, flavor == Flavor.MySql);
        Reset();
    }

    /// <summary>MySQL: the session of the applier's coordinator, while the applier runs.</summary>
    public long? Coordinator => _isMySql && _applier.Count > 0 ? _applier[0].Id : null;

    /// <summary>KILL does not know it on either flavour.</summary>
    public static bool IsEventScheduler(long id) => id == EventScheduler;

    public bool IsIo(ServerSession session) => _io.Contains(session);
    public bool IsSql(ServerSession session) => _applier.Contains(session);

    /// <summary>After a restart: no replication thread.</summary>
    public void Reset()
    {
        _io.Clear();
        _applier.Clear();
        if (_isMySql) ScheduleEvents();
    }

    /// <summary>event_scheduler is on: MySQL's default, and a variable to set on MariaDB.</summary>
    public void ScheduleEvents() =>
        _sessions.TryAdd(EventScheduler, new(EventScheduler, "event_scheduler", AccountRights.Topology) { RestingCommand = "Daemon" });

    public void Follow(ReplicaState replica)
    {
        Follow(_io, replica.Io != ThreadState.Stopped, _isMySql ? MySqlIo : MariaIo);
        Follow(_applier, replica.SqlRuns, _isMySql ? MySqlApplier : MariaApplier);
    }

    private void Follow(List<ServerSession> threads, bool run, string[] commands)
    {
        if (run == threads.Count > 0) return;
        foreach (var thread in threads) _sessions.Remove(thread.Id);
        threads.Clear();
        if (!run) return;
        foreach (var command in commands)
        {
            var thread = new ServerSession(_nextId(), "system user", AccountRights.Topology) { RestingCommand = command };
            threads.Add(thread);
            _sessions.Add(thread.Id, thread);
        }
    }
}
