using Verify.MySql;

namespace Verify.Sim.Fleet;

/// <summary>The variables of both halves of semi-sync: as configured after a start, as they were set since.</summary>
internal sealed class SemiSyncState
{
    private readonly SimMySqlOptions _options;
    private readonly SortedDictionary<uint, int> _acknowledged = [];

    public SemiSyncState(SimMySqlOptions options)
    {
        _options = options;
        Boot();
    }

    public bool Source { get; set; }

    /// <summary>As it is set: a fetching thread that runs goes on as it began.</summary>
    public bool Replica { get; set; }
    public int WaitFor { get; private set; }

    /// <summary>The fetching thread said when it connected that it acknowledges.</summary>
    public bool ReplicaAtWork { get; set; }

    public void Boot()
    {
        Source = _options.SemiSyncSourceAtBoot;
        Replica = _options.SemiSyncReplica;
        WaitFor = 1;
        _acknowledged.Clear();
    }

    /// <summary>Never fewer than before. MariaDB waits for one, always.</summary>
    public void SetWaitFor(int acknowledgements)
    {
        if (_options.Flavor == Flavor.MySql) WaitFor = Math.Max(WaitFor, acknowledgements);
    }

    public void Acknowledged(uint replica, int position)
    {
        if (!_acknowledged.TryGetValue(replica, out var before) || before < position) _acknowledged[replica] = position;
    }

    /// <summary>The length of the binary log that as many replicas have as a commit waits for.</summary>
    public int Safe => _acknowledged.Count < WaitFor ? 0 : _acknowledged.Values.OrderDescending().ElementAt(WaitFor - 1);
}
