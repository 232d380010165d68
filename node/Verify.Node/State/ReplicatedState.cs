using System.Diagnostics;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.State.Cluster;
using Verify.Node.State.Kv;
using Verify.Node.State.Ledger;
using Verify.Raft;

namespace Verify.Node.State;

/// <summary>The root of everything that is the same on every node: a function of the log, entry by entry. No clock, no dice, no
/// input but the command and its place in the log.</summary>
public sealed class ReplicatedState(int sessionsMax, int recoveriesKeptMax = 100)
{
    public KvStore Kv { get; } = new();
    public Sessions Sessions { get; } = new(sessionsMax);
    public HaState Ha { get; } = new(recoveriesKeptMax);

    public ClusterState Cluster { get; } = new();

    /// <summary>The last entry that was applied, barriers included.</summary>
    public EntryId Applied { get; private set; }

    /// <summary>Takes the next entry. Null for an entry that is no command.</summary>
    /// <exception cref="InvariantBrokenException">Entries must come in order.</exception>
    public CommandResult? Apply(EntryId id, Command? command)
    {
        Invariant.Holds(id.Index == Applied.Index.Next && id.Term >= Applied.Term, $"entries are applied in order ({Applied}, then {id})");
        Applied = id;
        return command switch
        {
            null => null,
            Command.Ha(var inner) => Ha.Apply(inner, new(id.Index.Value, id.Term.Value)),
            Command.KvPut put => Once(put.Id, id.Index.Value, () => Kv.Put(put, id.Index.Value)),
            Command.KvDelete delete => Once(delete.Id, id.Index.Value, () => Kv.Delete(delete, id.Index.Value)),
            Command.KvBatch batch => Once(batch.Id, id.Index.Value, () => Kv.Write(batch.Writes, id.Index.Value)),
            Command.Cluster(var inner) => Cluster.Apply(inner, new(id.Index.Value, id.Term.Value)),
            _ => throw new UnreachableException(),
        };
    }

    /// <summary>One number for keys, sessions and place in the log: equal on two nodes that applied the same entries.</summary>
    public ulong StateHash()
    {
        var bytes = new WireWriter();
        bytes.Number(Applied.Term.Value);
        bytes.Number(Applied.Index.Value);
        Kv.WriteTo(bytes);
        Sessions.WriteTo(bytes);
        Cluster.WriteTo(bytes);
        return Fnv1A.Of(bytes.Written.Span);
    }

    private CommandResult Once(RequestId? id, long index, Func<CommandResult> apply)
    {
        if (id is not { } request) return apply();
        if (Sessions.AnsweredBefore(request) is { } before) return before;
        var result = apply();
        Sessions.Remember(request, result, index);
        return result;
    }
}
