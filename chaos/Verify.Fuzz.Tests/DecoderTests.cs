using Verify.Fuzz.Decoders;

namespace Verify.Fuzz.Tests;

/// <summary>The short form of "verify-chaos fuzz": every decoder, 20,000 inputs.</summary>
public sealed class DecoderTests
{
    private const long Inputs = 20_000;

    private static IEnumerable<string> Names() => AllDecoders.List().Select(d => d.Name);

    [TestCaseSource(nameof(Names))]
    public void A_decoder_takes_mutated_inputs_without_a_crash_a_hang_or_more_memory_than_its_bound(string name)
    {
        var decoder = AllDecoders.List().Single(d => d.Name == name);
        var result = new Fuzzer(decoder, new() { Inputs = Inputs, Seed = 20_261_121, Say = TestContext.Progress.WriteLine }).Run();
        Assert.That(result.Failure, Is.Null, result.Failure is { } f ? $"{f.What}; input {f.Number}: {Convert.ToHexStringLower(f.Input)}\n{f.Detail}" : "");
        Assert.That(result.Inputs, Is.EqualTo(Inputs));
        Assert.That(result.Refused, Is.Positive, "mutation must spoil inputs, or nothing was tried");
        Assert.That(result.Accepted, Is.Positive, "mutation must leave inputs good enough to be read to their end, or only the first byte was tried");
    }
}
