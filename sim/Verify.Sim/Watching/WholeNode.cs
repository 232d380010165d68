using Verify.Node.Seam;
using Verify.Raft;
using Verify.Sim.Hosts;
using Verify.Sim.RaftOnly;

namespace Verify.Sim.Watching;

/// <summary>A whole node as the promises see it: over all its lives, with its core of the present one, and a second account of its log and of
/// what its disk holds, kept from what its drivers did and checked against the simulated disk.</summary>
internal sealed class WholeNode(int number, RaftWatch watch) : WatchedNode(number), IRaftWitness
{
    private SimHost? _host;
    private LogIndex _applied;
    private bool _hasBegun;

    public override bool IsUp => _hasBegun && _host is { IsAlive: true };
    public override bool IsDamaged => _host is { Disk.IsDamaged: true };
    public override LogIndex Applied => _applied;

    /// <summary>A process starts; until its node begins, the core that is known is that of the dead.</summary>
    public void Starts(SimHost host) => (_host, _hasBegun) = (host, false);

    public void Began(RaftCore core, HardState hardState, SnapshotMark? snapshot, IReadOnlyList<Entry> log)
    {
        var before = Disk.HardState;
        Core = core;
        Disk = SwarmDisk.Of(hardState, snapshot is null ? null : new(snapshot, []), log);
        Log.Restart(Disk);
        if (Log.Membership is null) Start = core.Membership;
        _applied = CommitSeen = SnapshotIndexSoon = Disk.SnapshotIndex;
        _hasBegun = true;
        watch.Promises.Found(this, before);
        watch.Promises.Restarted(this);
        watch.Look();
    }

    public void Took(RaftWork work)
    {
        if (work.Install is { } mark)
        {
            Log.Reset(mark);
            SnapshotIndexSoon = LogIndex.Max(SnapshotIndexSoon, mark.Last.Index);
            _applied = mark.Last.Index;
        }

        if (!work.Append.IsEmpty) Log.Append(work.Append);
        watch.Promises.Took(this, work, work.Install);
        watch.Promises.Observe(this);
    }

    public void Durable(RaftWork work)
    {
        if (!work.NeedsSync) return;
        watch.SyncsSeen++;
        Disk.Begin(work, work.Install is { } mark ? new(mark, []) : null, discards: true, 0);
        watch.Promises.Synced(this, Disk.Sync(out var replacedFrom), replacedFrom);
        if (_host!.Disk.FirstUnsynced(IsRafts) is { } file) watch.Promises.NotSynced(this, file);
        watch.Look();
    }

    public void Sends(in Envelope envelope) => watch.Promises.Spoke(this, envelope);

    public void Applies(Entry entry)
    {
        watch.Promises.Applies(this, entry);
        _applied = entry.Index;
    }

    public void SnapshotMade(SnapshotMark mark)
    {
        Disk.Keep(new(mark, []));
        SnapshotIndexSoon = LogIndex.Max(SnapshotIndexSoon, mark.Last.Index);
    }

    public void Settled()
    {
        watch.Promises.Observe(this);
        watch.Look();
    }

    public void Knows(RaftStatus status) => watch.Promises.ObservePeers(this, status);

    /// <summary>Term and vote, and the log. A snapshot is written beside them, by another driver, while they are synced.</summary>
    private static bool IsRafts(string file) => string.Equals(file, "hardstate", StringComparison.Ordinal) || file.EndsWith(".seg", StringComparison.Ordinal);
}
