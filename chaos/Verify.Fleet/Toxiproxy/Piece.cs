namespace Verify.Fleet.Toxiproxy;

/// <summary>How a stream goes on after a piece.</summary>
internal enum PieceEnd
{
    /// <summary>More may follow.</summary>
    None,

    /// <summary>The sender has closed its side (FIN); the other way may go on.</summary>
    HalfClose,

    /// <summary>The connection ends, both ways.</summary>
    Close,

    /// <summary>The connection is reset (RST), both ways.</summary>
    Reset,
}

/// <summary>Bytes on their way through a proxy.</summary>
/// <param name="Arrived">When they were read, in ticks of the proxy's clock.</param>
internal readonly record struct Piece(ReadOnlyMemory<byte> Bytes, TimeSpan Arrived, PieceEnd End)
{
    public static Piece EndOf(PieceEnd end, TimeSpan now) => new(ReadOnlyMemory<byte>.Empty, now, end);
}
