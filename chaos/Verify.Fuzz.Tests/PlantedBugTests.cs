using System.Buffers.Binary;
using Verify.Node.Codec;

namespace Verify.Fuzz.Tests;

/// <summary>The fuzzer against decoders with bugs of the kinds that it is there to find.</summary>
public sealed class PlantedBugTests
{
    private const long Inputs = 200_000;

    [Test]
    public void A_length_that_is_believed_is_found_as_a_crash()
    {
        var failure = Fuzz(static bytes =>
        {
            if (bytes.Length < 4) throw new WireFormatException("short", 0);
            var length = (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            if (length < 0) throw new WireFormatException("negative", 0);
            return bytes.Slice(4, length).Length > 0; // the bug: nobody asked whether so many bytes are there
        });
        Assert.That(failure!.What, Does.Contain("ArgumentOutOfRange"));
    }

    [Test]
    public void Memory_that_is_taken_before_the_count_is_checked_is_found()
    {
        var failure = Fuzz(static bytes =>
        {
            if (bytes.Length < 8) throw new WireFormatException("short", 0);
            var count = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            if (count > 1 << 20) throw new WireFormatException("too many", 0);
            var room = new long[count]; // the bug: eight bytes for each thing that the input has no byte for
            if (bytes.Length - 4 < count) throw new WireFormatException($"{room.Length} things wanted", 4);
            return true;
        });
        Assert.That(failure!.What, Does.Contain("bytes of memory"));
    }

    [Test]
    public void Work_that_grows_with_a_number_in_the_input_is_found()
    {
        var failure = Fuzz(static bytes =>
        {
            if (bytes.Length < 8) throw new WireFormatException("short", 0);
            var turns = Math.Min(1u << 29, BinaryPrimitives.ReadUInt32LittleEndian(bytes));
            var sum = 0u;
            for (var i = 0u; i < turns; i++) sum ^= sum * 31 ^ i; // the bug: four bytes buy four billion turns
            return sum != 1;
        });
        Assert.That(failure!.What, Does.Contain("took"));
    }

    [Test]
    public void A_decoder_that_never_comes_back_is_found_and_its_input_is_named()
    {
        using var never = new ManualResetEventSlim();
        var decoder = new Planted(bytes =>
        {
            if (bytes.Length > 3 && bytes[3] == 0xFF) never.Wait(); // the bug: it waits for what does not come
            return true;
        });
        var failure = new Fuzzer(decoder, new() { Inputs = Inputs, HangTime = TimeSpan.FromSeconds(1) }).Run().Failure;
        never.Set();
        Assert.That(failure!.What, Does.Contain("does not end"));
        Assert.That(failure.Input[3], Is.EqualTo(0xFF));
    }

    [Test]
    public void A_bug_behind_a_checksum_is_found_because_checksums_are_made_right_again()
    {
        static byte[] Seal(byte[] bytes)
        {
            if (bytes.Length >= 5) BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc32C.Of(bytes.AsSpan(4)));
            return bytes;
        }

        var decoder = new Planted(static bytes =>
        {
            if (bytes.Length < 5 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Crc32C.Of(bytes[4..])) throw new WireFormatException("checksum", 0);
            return bytes[4] != 0xFF ? true : throw new InvalidOperationException("planted");
        })
        { Seal = Seal };
        var failure = new Fuzzer(decoder, new() { Inputs = Inputs }).Run().Failure;
        Assert.That(failure!.What, Does.Contain("planted"));
        Assert.That(Fuzzer.InputOf(decoder, failure.Seed, failure.Number), Is.EqualTo(failure.Input), "seed and number make the input again");
    }

    [Test]
    public void A_failing_input_is_saved_with_its_seed_and_fails_again_when_it_is_replayed()
    {
        var folder = Directory.CreateTempSubdirectory("verify-fuzz-").FullName;
        try
        {
            var decoder = new Planted(static bytes => bytes.Length > 0 && bytes[0] > 0x80 ? throw new IndexOutOfRangeException("planted") : true);
            var failure = new Fuzzer(decoder, new() { Inputs = Inputs, Seed = 9, Folder = folder }).Run().Failure;
            var saved = File.ReadAllBytes(Path.Combine(folder, $"planted-seed9-input{failure!.Number}.bin"));
            Assert.That(new Fuzzer(decoder, new()).Try(saved)?.What, Is.EqualTo(failure.What));
            Assert.That(File.ReadAllText(Path.Combine(folder, $"planted-seed9-input{failure.Number}.txt")), Does.Contain("--seed 9"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static FuzzFailure? Fuzz(Reading read) => new Fuzzer(new Planted(read), new() { Inputs = Inputs }).Run().Failure;

    private delegate bool Reading(ReadOnlySpan<byte> bytes);

    private sealed class Planted(Reading read) : IDecoder
    {
        public string Name => "planted";
        public IReadOnlyList<byte[]> Corpus { get; } = [[1, 0, 0, 0, 7, 0, 0, 0, 0]];
        public Func<byte[], byte[]> Seal { get; init; } = static bytes => bytes;
        public bool Read(ReadOnlySpan<byte> input) => read(input);
        public bool IsDocumented(Exception refusal) => refusal is WireFormatException;
        public byte[] Sealed(byte[] mutated) => Seal(mutated);
    }
}
