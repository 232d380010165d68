namespace Verify.Chaos.Live.Proofs;

/// <summary>All proofs that "verify-chaos live" knows.</summary>
internal static class LiveProofs
{
    public static IReadOnlyList<ILiveProof> All { get; } = [new RollingRestartProof()];
}
