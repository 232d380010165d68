using Verify.Node.State.Time;
using Verify.Node.Topology;

namespace Verify.Node.State.Ledger;

/// <summary>Recoveries of every kind, with the group's time on them.</summary>
public abstract partial record HaCommand
{
    /// <summary>The moment at which the leader proposed it; null where the command carries none.</summary>
    public virtual TimeStamp? StampOf => null;

    /// <summary>The same command with the leader's stamp on it; itself where it carries none.</summary>
    internal virtual HaCommand With(TimeStamp stamp) => this;

    /// <summary>The same in the words of programs that speak only version 1 or 2 of the protocol between nodes; null: they have none for it.</summary>
    internal virtual HaCommand? ForOlder => null;

    /// <summary>This command where the group understands it, else the same in older words; null: neither.</summary>
    /// <param name="objectionTo">Why the group cannot take a command yet; null: it can.</param>
    internal HaCommand? UnderstoodBy(Func<Command, string?> objectionTo) => objectionTo(new Command.Ha(this)) is null ? this : ForOlder;

    /// <summary>Opens a recovery of any kind; its id is the entry's index. Refused while one is open, unless that one leaves the primary
    /// where it is and this one does not: then the open one is closed as overtaken.</summary>
    /// <param name="Failed">The server that is given up: the primary, or one that others replicate from.</param>
    /// <param name="SeenToken">The token of the primary that was judged: an older judgement is refused.</param>
    public sealed record BeginRecovery(
        string Cluster, RecoveryKind Kind, InstanceKey Failed, InstanceKey? Designated, string Analysis, string Votes, FencingToken SeenToken, string By,
        bool WithoutHooks, TimeStamp Stamp) : HaCommand
    {
        public override TimeStamp? StampOf => Stamp;
        internal override HaCommand With(TimeStamp stamp) => this with { Stamp = stamp };

        /// <summary>Older programs know failovers only, and no time (<see cref="OpenRecovery"/>).</summary>
        internal override HaCommand? ForOlder => Kind == RecoveryKind.DeadPrimary && Designated is null && !WithoutHooks
            ? new OpenRecovery(Cluster, Failed, Analysis, By.Length > 0 ? $"asked for by {By}; {Votes}" : Votes, SeenToken) : null;
    }

    /// <summary>Closes it, as <see cref="CloseRecovery"/> does, with the time.</summary>
    public sealed record EndRecovery(string Cluster, long RecoveryId, bool Successful, string Detail, TimeStamp Stamp) : HaCommand
    {
        public override TimeStamp? StampOf => Stamp;
        internal override HaCommand With(TimeStamp stamp) => this with { Stamp = stamp };
        internal override HaCommand? ForOlder => new CloseRecovery(Cluster, RecoveryId, Successful, Detail);
    }

    /// <summary>An operator has seen recoveries: all of a cluster, or one of them.</summary>
    /// <param name="RecoveryId">0: all closed recoveries of the cluster.</param>
    /// <param name="Instance">Only those in which this server failed; null: whichever.</param>
    public sealed record AcknowledgeRecoveries(
        string Cluster, long RecoveryId, InstanceKey? Instance, string By, string Comment, TimeStamp Stamp) : HaCommand
    {
        public override TimeStamp? StampOf => Stamp;
        internal override HaCommand With(TimeStamp stamp) => this with { Stamp = stamp };
    }
}
