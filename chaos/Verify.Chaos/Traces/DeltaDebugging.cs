namespace Verify.Chaos.Traces;

/// <summary>Finds a small part of a list that still fails: ddmin (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input",
/// IEEE TSE 28(2), 2002, section 3). What is left is 1-minimal when the time was enough: without any single part of it the failure is gone.</summary>
internal static class DeltaDebugging
{
    /// <param name="fails">Whether the same check fails with only these, in order.</param>
    /// <param name="goesOn">Asked before each try.</param>
    public static IReadOnlyList<T> Minimize<T>(IReadOnlyList<T> all, Func<IReadOnlyList<T>, bool> fails, Func<bool> goesOn)
    {
        if (all.Count == 0 || !goesOn()) return all;
        if (fails([])) return [];
        var (left, parts) = (all, 2);
        while (left.Count >= 2 && goesOn())
        {
            var smaller = WithoutAPart(left, Math.Min(parts, left.Count), fails, goesOn);
            if (smaller is not null) (left, parts) = (smaller, Math.Max(parts - 1, 2));
            else if (parts >= left.Count) break;
            else parts = Math.Min(left.Count, parts * 2);
        }

        return left;
    }

    /// <summary>From the end: what comes late is rarely needed, and its absence moves nothing before it.</summary>
    private static IReadOnlyList<T>? WithoutAPart<T>(IReadOnlyList<T> left, int parts, Func<IReadOnlyList<T>, bool> fails, Func<bool> goesOn)
    {
        for (var part = parts - 1; part >= 0 && goesOn(); part--)
        {
            var (from, to) = (left.Count * part / parts, left.Count * (part + 1) / parts);
            var rest = new List<T>(left.Count);
            for (var i = 0; i < left.Count; i++)
                if (i < from || i >= to) rest.Add(left[i]);
            if (fails(rest)) return rest;
        }

        return null;
    }
}
