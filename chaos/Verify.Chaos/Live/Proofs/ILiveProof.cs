using Verify.Checks;

namespace Verify.Chaos.Live.Proofs;

/// <summary>One promise that is shown on real processes, sockets and disks, as often as asked, with everything told that went wrong.
/// Its name is its verb: "verify-chaos live NAME". To add one, add it to <see cref="LiveProofs.All"/>.</summary>
internal interface ILiveProof
{
    /// <summary>The verb on the command line.</summary>
    string Name { get; }

    /// <summary>What is done and what must come out of it, for --help and for the report.</summary>
    string Story { get; }

    /// <exception cref="Running.HarnessException">The machine or the harness failed, not the system.</exception>
    Task<IReadOnlyList<ProofRow>> RunAsync(ProofOptions options, Action<string> say, CancellationToken cancel);
}

/// <summary>How long and how often.</summary>
internal sealed record ProofOptions
{
    /// <summary>The short form, for CI.</summary>
    public bool Quick { get; init; }

    /// <summary>Null: as many as the proof likes in this form.</summary>
    public int? Rounds { get; init; }

    /// <summary>Draws targets, pauses and workload. Real processes cannot be replayed exactly.</summary>
    public ulong Seed { get; init; } = 1;

    public int RoundsOr(int usual, int quick) => Rounds ?? (Quick ? quick : usual);
}

/// <summary>One line of the table: what was tried how often, and what came out.</summary>
/// <param name="Proof">The proof's name.</param>
/// <param name="Case">Which form of it: "50 ms after the acknowledgement".</param>
/// <param name="Tried">How often, in words.</param>
/// <param name="Observed">Counts and times.</param>
internal sealed record ProofRow(string Proof, string Case, string Tried, Verdict Verdict, string Observed)
{
    /// <summary>What a reader needs to follow a failure; empty when there is none.</summary>
    public string Evidence { get; init; } = "";
}
