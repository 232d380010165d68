namespace Verify.Chaos.Live.Proofs;

/// <summary>All proofs that "verify-chaos live" knows.</summary>
internal static class LiveProofs
{
    public static IReadOnlyList<ILiveProof> All { get; } =
        [new AckKillProof(), new KillStormProof(), new PauseAllProof(), new ReturnProof(), new DiskFullProof(), new RollingRestartProof()];
}
