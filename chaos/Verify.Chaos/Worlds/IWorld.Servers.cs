using Verify.Scenarios;

namespace Verify.Chaos.Worlds;

/// <summary>What a scenario may do to single servers and links, and what an operator may ask of the nodes.</summary>
public partial interface IWorld
{
    /// <summary>Nothing passes between this node and this server any more, in silence; everybody else reaches both.</summary>
    ValueTask CutLinkAsync(string node, string server) => throw new NotSupportedException("this world has no servers");

    /// <summary>Ends that. Returns how many frames or bytes were dropped or held.</summary>
    ValueTask<long> MendLinkAsync(string node, string server) => throw new NotSupportedException("this world has no servers");

    /// <summary>A replica goes on fetching and applies nothing.</summary>
    ValueTask StopSqlThreadAsync(string server) => throw new NotSupportedException("this world has no servers");

    /// <summary>It applies again; a server that is no replica (any more), or does not run, is left alone.</summary>
    ValueTask StartSqlThreadAsync(string server) => throw new NotSupportedException("this world has no servers");

    /// <summary>The server's disk stands still: what writes waits, reads are answered.</summary>
    ValueTask StallDiskAsync(string server) => throw new NotSupportedException("this world has no servers");

    /// <summary>It takes up where it stood.</summary>
    ValueTask RunDiskAsync(string server) => throw new NotSupportedException("this world has no servers");

    /// <summary>A replica applies each transaction so long after its source committed it. Zero: at once again.</summary>
    ValueTask DelayApplierAsync(string server, TimeSpan by) => throw new NotSupportedException("this world has no servers");

    /// <summary>The next time this server starts, it has a transaction that nobody else has.</summary>
    ValueTask PlantErrantAsync(string server) => throw new NotSupportedException("this world has no servers");

    /// <summary>Whether it has started since.</summary>
    ValueTask<bool> HasStartedErrantAsync(string server) => ValueTask.FromResult(false);

    /// <summary>The node that leads the next time that a recovery comes to this moment dies right then.</summary>
    ValueTask ArmDeathAsync(LedgerMoment moment) => throw new NotSupportedException("this world has no servers");

    /// <summary>Nobody dies at this moment any more. Returns who did; null: nobody.</summary>
    ValueTask<string?> DisarmDeathAsync(LedgerMoment moment) => ValueTask.FromResult<string?>(null);

    /// <summary>Asks the leader as an operator does. Returns the recovery's id; it goes on after that.</summary>
    /// <param name="to">The server that takes over; null: the leader chooses.</param>
    /// <exception cref="IOException">Nobody leads, or the leader refuses; with its reason.</exception>
    ValueTask<long> TakeOverAsync(string? to, bool isForced) => throw new NotSupportedException("this world has no servers");

    /// <summary>How this recovery stands in the ledger; null when nobody can say.</summary>
    ValueTask<RecoveryEnd?> RecoveryAsync(long id) => ValueTask.FromResult<RecoveryEnd?>(null);
}

/// <summary>A recovery as the ledger has it.</summary>
/// <param name="Closing">What the ledger says at its end.</param>
public sealed record RecoveryEnd(bool IsOpen, bool IsSuccessful, string Closing);
