using Verify.Client.Http;

namespace Verify.Client;

/// <summary>How fresh a read must be.</summary>
public enum Freshness
{
    /// <summary>Linearizable, by a round of the quorum.</summary>
    Consistent,

    /// <summary>Linearizable while the nodes' clocks keep to their drift bound; the leader answers without a round.</summary>
    Lease,

    /// <summary>What any node has; the answer says which entry that is and how old.</summary>
    Stale,
}

/// <summary>A key with its value and its place in the log.</summary>
public sealed record KvPair(string Key, string Value, long ModifyIndex, long CreateIndex, ulong Flags);

/// <summary>The answer to a read.</summary>
/// <param name="Pair">Null: there is no such key.</param>
/// <param name="AppliedIndex">The last entry the answer reflects.</param>
/// <param name="Age">Of a stale read: the state was certainly this new so long ago; null when the node does not know or the read was not stale.</param>
public sealed record KvRead(KvPair? Pair, long AppliedIndex, TimeSpan? Age);

/// <summary>Keys that begin alike.</summary>
public sealed record KvKeys(IReadOnlyList<string> Keys, long AppliedIndex);

/// <summary>What came of a write.</summary>
public abstract record KvWrite
{
    private KvWrite() { }

    /// <summary>Done, exactly once.</summary>
    public sealed record Written(long ModifyIndex) : KvWrite;

    /// <summary>Compare-and-set: the key has another modify_index; nothing was changed.</summary>
    public sealed record Conflict(long ModifyIndex) : KvWrite;

    /// <summary>There was nothing to delete.</summary>
    public sealed record NotFound : KvWrite;
}

/// <summary>A write whose outcome is not known: all that is needed to send the very same again.</summary>
public sealed class UnknownWrite
{
    internal UnknownWrite(NodeRequest request) => Request = request;

    internal NodeRequest Request { get; }

    /// <summary>Session and number under which it went out.</summary>
    public WriteId Id => Request.Id!.Value;
}
