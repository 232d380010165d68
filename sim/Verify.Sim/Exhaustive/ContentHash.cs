using System.Numerics;

namespace Verify.Sim.Exhaustive;

/// <summary>128 bits of what something consists of: two lanes of multiply and rotate with the finish of MurmurHash3 (Appleby, 2011). The same
/// in every process. Sums of such hashes stand for collections without an order.</summary>
internal struct ContentHash
{
    private ulong _one;
    private ulong _two;

    public static ContentHash Start(ulong what) => new() { _one = 0x9E3779B97F4A7C15 ^ what, _two = 0xC2B2AE3D27D4EB4F + what };

    public void Add(long word)
    {
        _one = BitOperations.RotateLeft((_one ^ (ulong)word) * 0x87C37B91114253D5, 31) + 0x52DCE729;
        _two = (BitOperations.RotateLeft(_two + (ulong)word, 29) * 0x4CF5AD432745937F) ^ (_one >> 17);
    }

    public void Add(bool bit) => Add(bit ? 1 : 0);

    public readonly (ulong One, ulong Two) Finish() => (Mix(_one + _two), Mix(_two ^ BitOperations.RotateLeft(_one, 23)));

    public static ulong Mix(ulong word)
    {
        word ^= word >> 33;
        word *= 0xFF51AFD7ED558CCD;
        word ^= word >> 33;
        word *= 0xC4CEB9FE1A85EC53;
        return word ^ (word >> 33);
    }
}
