namespace Verify.Sim.Network;

/// <summary>What is wrong with one way of one link. TCP hides most of it: a lost segment is sent again and holds up those behind it; bytes
/// that a broken box on the way garbles past TCP's weak checksum, or says twice, are for the receiver's own checksum to refuse.</summary>
/// <param name="LostPerMille">Segments that must be sent again, which takes <see cref="SimOptions.RetransmitMin"/> and more.</param>
/// <param name="GarbledPerMille">Segments in which one bit is turned.</param>
/// <param name="RepeatedPerMille">Segments whose bytes arrive twice.</param>
public sealed record LinkTrouble(int LostPerMille = 0, int GarbledPerMille = 0, int RepeatedPerMille = 0)
{
    public static LinkTrouble None { get; } = new();
}

/// <summary>How often a link's troubles bit: the proof that they had an effect.</summary>
public sealed record TroubleCounts(long Lost, long Garbled, long Repeated)
{
    public long Total => Lost + Garbled + Repeated;
}
