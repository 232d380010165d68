using System.Buffers.Binary;

namespace Verify.Fuzz;

/// <summary>Makes bad inputs from good ones: flipped bits, cut ends, spliced halves, repeated pieces, and numbers put where lengths and
/// counts stand, in the widths that our formats use (fixed 2, 4, 8 bytes little-endian; varints).</summary>
internal static class Mutation
{
    public const int InputBytesMax = 64 * 1024;
    private const int MutationsMax = 6;

    private static readonly long[] Numbers =
    [
        0, 1, 2, 127, 128, 255, 256, 1023, 1024, 1025, 4095, 4096, 65_535, 65_536, 1 << 20, (1 << 20) + 1, 16 << 20, int.MaxValue, (long)int.MaxValue + 1,
        uint.MaxValue, (long)uint.MaxValue + 1, long.MaxValue, -1, long.MinValue,
    ];

    private static readonly string[] Words =
    [
        "null", "true", "-1", "0", "1e999", "999999999999999999999", "\"", "\\", "{", "}", "[", "]", ",", ":", "\0", "\n", "..", "/", "%2f", "%00", "%", "é", "\uFEFF", "//", "/*", "0x", "NaN", "$", "#", "../../",
    ];

    public static byte[] Of(IReadOnlyList<byte[]> corpus, ref InputDice dice)
    {
        var bytes = new List<byte>(corpus[dice.Next(corpus.Count)]);
        for (var left = 1 + dice.Next(MutationsMax); left > 0; left--) Once(bytes, corpus, ref dice);
        if (bytes.Count > InputBytesMax) bytes.RemoveRange(InputBytesMax, bytes.Count - InputBytesMax);
        return [.. bytes];
    }

    private static void Once(List<byte> bytes, IReadOnlyList<byte[]> corpus, ref InputDice dice)
    {
        var at = dice.Next(bytes.Count + 1);
        switch (dice.Next(13))
        {
            case 0 or 1 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << dice.Next(8));
                break;
            case 2 when at < bytes.Count:
                bytes[at] = (byte)dice.Next(256);
                break;
            case 3 when at < bytes.Count:
                bytes[at] = (byte)(bytes[at] + (dice.Next(2) == 0 ? 1 : -1));
                break;
            case 4:
                bytes.Insert(at, (byte)dice.Next(256));
                break;
            case 5 when at < bytes.Count:
                bytes.RemoveRange(at, 1 + dice.Next(Math.Min(16, bytes.Count - at)));
                break;
            case 6:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 7:
                Splice(bytes, at, corpus[dice.Next(corpus.Count)], ref dice);
                break;
            case 8 when at < bytes.Count:
                Repeat(bytes, at, ref dice);
                break;
            case 9 or 10:
                PutNumber(bytes, at, ref dice);
                break;
            case 11:
                PutVarint(bytes, at, ref dice);
                break;
            case 12:
                bytes.InsertRange(at, System.Text.Encoding.UTF8.GetBytes(Words[dice.Next(Words.Length)]));
                break;
            default:
                bytes.Add((byte)dice.Next(256));
                break;
        }
    }

    private static void Splice(List<byte> bytes, int at, byte[] other, ref InputDice dice)
    {
        var from = dice.Next(other.Length + 1);
        bytes.RemoveRange(at, bytes.Count - at);
        bytes.AddRange(other.AsSpan(from));
    }

    private static void Repeat(List<byte> bytes, int at, ref InputDice dice)
    {
        var piece = bytes.GetRange(at, 1 + dice.Next(Math.Min(32, bytes.Count - at)));
        for (var times = 1 + dice.Next(8); times > 0; times--) bytes.InsertRange(at, piece);
    }

    /// <summary>Overwrites, so that what follows stays in its place.</summary>
    private static void PutNumber(List<byte> bytes, int at, ref InputDice dice)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, Numbers[dice.Next(Numbers.Length)] + dice.Next(3) - 1);
        var width = dice.Next(3) switch { 0 => 2, 1 => 4, _ => 8 };
        for (var i = 0; i < width && at + i < bytes.Count; i++) bytes[at + i] = number[i];
    }

    /// <summary>Inserts a LEB128 number, one in four longer than any may be.</summary>
    private static void PutVarint(List<byte> bytes, int at, ref InputDice dice)
    {
        if (at < bytes.Count && dice.Next(2) == 0) bytes.RemoveAt(at);
        if (dice.Next(4) == 0)
        {
            bytes.InsertRange(at, Enumerable.Repeat((byte)0xFF, 9 + dice.Next(4)));
            return;
        }

        var value = (ulong)Numbers[dice.Next(Numbers.Length)];
        var digits = new List<byte>();
        for (; value >= 0x80; value >>= 7) digits.Add((byte)(value | 0x80));
        digits.Add((byte)value);
        bytes.InsertRange(at, digits);
    }
}
