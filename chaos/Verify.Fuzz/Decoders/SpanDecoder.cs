using Verify.Node.Codec;

namespace Verify.Fuzz.Decoders;

internal delegate bool ReadBytes(ReadOnlySpan<byte> input);

/// <summary>A decoder that is one call.</summary>
internal sealed class SpanDecoder(string name, IReadOnlyList<byte[]> corpus, ReadBytes read) : IDecoder
{
    public string Name => name;
    public IReadOnlyList<byte[]> Corpus => corpus;

    /// <summary>Besides <see cref="WireFormatException"/>.</summary>
    public IReadOnlyList<Type> Refusals { get; init; } = [];
    public Func<byte[], byte[]> Seal { get; init; } = static bytes => bytes;
    public long AllocatedBytesPerByte { get; init; } = 256;

    public bool Read(ReadOnlySpan<byte> input) => read(input);
    public bool IsDocumented(Exception refusal) => refusal is WireFormatException || Refusals.Contains(refusal.GetType());
    public byte[] Sealed(byte[] mutated) => Seal(mutated);
    public long AllocatedBytesMax(int inputBytes) => (64 * 1024) + (AllocatedBytesPerByte * inputBytes);
}
