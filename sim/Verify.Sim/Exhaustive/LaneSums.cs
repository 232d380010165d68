using System.Numerics;
using System.Runtime.InteropServices;

namespace Verify.Sim.Exhaustive;

/// <summary>Sums of hashes under all renamings at once.</summary>
internal static class LaneSums
{
    public static void Add(Span<ulong> sums, ReadOnlySpan<ulong> change)
    {
        var wide = MemoryMarshal.Cast<ulong, Vector<ulong>>(sums);
        var by = MemoryMarshal.Cast<ulong, Vector<ulong>>(change);
        for (var i = 0; i < wide.Length; i++) wide[i] += by[i];
        for (var i = wide.Length * Vector<ulong>.Count; i < sums.Length; i++) sums[i] += change[i];
    }

    public static void Subtract(Span<ulong> sums, ReadOnlySpan<ulong> change)
    {
        var wide = MemoryMarshal.Cast<ulong, Vector<ulong>>(sums);
        var by = MemoryMarshal.Cast<ulong, Vector<ulong>>(change);
        for (var i = 0; i < wide.Length; i++) wide[i] -= by[i];
        for (var i = wide.Length * Vector<ulong>.Count; i < sums.Length; i++) sums[i] -= change[i];
    }
}
