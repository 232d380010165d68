namespace Verify.Fuzz;

/// <summary>Something that reads bytes from outside, as the fuzzer sees it: from what good inputs mutation begins, how to read one, what
/// it may say when the bytes are bad, and how much it may take while it reads.</summary>
public interface IDecoder
{
    string Name { get; }

    /// <summary>Good inputs: golden bytes of every version, and what this program writes. Never empty.</summary>
    IReadOnlyList<byte[]> Corpus { get; }

    /// <summary>Reads the whole input. True: accepted. False: refused as a value.</summary>
    bool Read(ReadOnlySpan<byte> input);

    /// <summary>The documented ways to refuse bytes. Anything else is a finding.</summary>
    bool IsDocumented(Exception refusal);

    /// <summary>Makes lengths and checksums right again after mutation, so that the bytes behind them are read as well. Asked for a part of the
    /// inputs; may give back what it got.</summary>
    byte[] Sealed(byte[] mutated) => mutated;

    /// <summary>Managed memory that reading so many bytes may allocate, all in all.</summary>
    long AllocatedBytesMax(int inputBytes) => (64 * 1024) + (256L * inputBytes);
}
