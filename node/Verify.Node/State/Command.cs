using System.Collections.Immutable;
using Verify.Node.Api;
using Verify.Node.State.Cluster;

namespace Verify.Node.State;

/// <summary>Everything that can be written into the replicated state. High-availability commands are one case with their
/// own closed list (<see cref="Ledger.HaCommand"/>).</summary>
public abstract partial record Command
{
    private Command() { }

    public sealed record KvPut(string Key, ReadOnlyMemory<byte> Value, ulong Flags, long? ExpectedIndex, RequestId? Id) : Command;
    public sealed record KvDelete(string Key, long? ExpectedIndex, RequestId? Id) : Command;

    /// <summary>All of them or none.</summary>
    public sealed record KvBatch(ImmutableArray<KvWrite> Writes, RequestId? Id) : Command;
    public sealed record Ha(Ledger.HaCommand Inner) : Command
    {
        public override Time.TimeStamp? StampOf => Inner.StampOf;
    }

    public sealed record Cluster(ClusterCommand Inner) : Command;

    /// <summary>Time goes on; whatever ends by then ends with this entry.</summary>
    public sealed record TimePasses(Time.TimeStamp Stamp) : Command;

    /// <summary>From this entry on sessions of clients' writes are kept on these terms. An entry of its own, because entries of before it must do on
    /// every node, whichever program reads them again, what they did when they were written.</summary>
    public sealed record KeepSessions(SessionTerms Terms) : Command;

    /// <summary>The leader's stamp, for a command about something that ends by itself; null for all others.</summary>
    public virtual Time.TimeStamp? StampOf => this is TimePasses(var stamp) ? stamp : null;
}

/// <summary>What Apply may know besides the command. All of it is in the log or derived from it: the same on every node.</summary>
/// <param name="Index">The entry's index.</param>
/// <param name="Term">The entry's term.</param>
public readonly record struct ApplyContext(long Index, long Term);

/// <summary>What applying gave; for the waiting client and for the deciders.</summary>
public abstract partial record CommandResult
{
    private CommandResult() { }

    public sealed record Done(long ModifyIndex) : CommandResult;
    public sealed record CasConflict(long ModifyIndex) : CommandResult;
    public sealed record NotFound : CommandResult;

    /// <summary>The state refused the command, deterministically (an older token, a closed recovery, …).</summary>
    public sealed record Rejected(string Why) : CommandResult;

    /// <summary>Nothing was done and nothing is remembered of it: there is no place for another session. Again after this time.</summary>
    public sealed record Busy(string Why, long RetryAfterMs) : CommandResult;

    /// <summary>Not known whether it was or will be applied.</summary>
    public sealed record Unknown(string Why) : CommandResult;
}
