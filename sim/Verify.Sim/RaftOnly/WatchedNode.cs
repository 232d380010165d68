using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>One node as the promises see it: its core, and what is known of its log and disk apart from the node's own account of them.</summary>
internal abstract class WatchedNode(int number)
{
    public int Number { get; } = number;
    public SwarmDisk Disk { get; protected set; } = new();

    /// <summary>The log as the core has handed it out: what is durable and what is on its way there.</summary>
    public SwarmLog Log { get; } = new();
    public RaftCore Core { get; protected set; } = null!;
    public virtual bool IsUp { get; protected set; }

    /// <summary>Its disk has lost or changed what was durable, behind the node's back: what is missing there is not held against the others.</summary>
    public virtual bool IsDamaged => false;

    /// <summary>The membership that this node began with.</summary>
    public Membership Start { get; protected set; } = Membership.None;

    public abstract LogIndex Applied { get; }

    /// <summary>Where the newest snapshot will end when all that the core has handed out is done.</summary>
    public LogIndex SnapshotIndexSoon { get; protected set; }

    /// <summary>Counted by the watch: how far it has seen this node's commit.</summary>
    public LogIndex CommitSeen { get; set; }

    /// <summary>The membership that the log of this node says is in force (thesis §4.1): the latest in it, committed or not.</summary>
    public Membership InForce => Log.Membership ?? Start;

    /// <summary>The entry is in its log, or so far back that it is in its snapshot.</summary>
    public bool Holds(EntryId id) => Log.Holds(id);

    public bool DiskHolds(EntryId id) => Disk.Holds(id);
}
