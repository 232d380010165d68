namespace Verify.Checks;

/// <summary>A key with a lifetime was surely there during this time: from the answer to the write or touch, until its lifetime counted from when
/// that was sent.</summary>
public sealed record LifetimeSpan(string Key, long SureFromUs, long SureUntilUs);

/// <summary>A linearizable look at such a key.</summary>
public sealed record LifetimeLook(string Key, bool WasThere, long CalledUs, long ReturnedUs);

/// <summary>Keys with a lifetime: never gone early, and gone when the time is long over.</summary>
public static class Lifetimes
{
    /// <param name="goneBy">Keys that must not be there any more to whoever looks after this moment (microseconds), by key.</param>
    /// <returns>What is wrong; null: nothing.</returns>
    public static string? Objection(IEnumerable<LifetimeSpan> spans, IEnumerable<LifetimeLook> looks, IReadOnlyDictionary<string, long> goneBy)
    {
        var byKey = spans.ToLookup(span => span.Key, StringComparer.Ordinal);
        foreach (var look in looks)
        {
            if (!look.WasThere)
            {
                // The look took effect somewhere between its call and its answer: wrong only when the key was sure for all of that time.
                var early = byKey[look.Key].FirstOrDefault(span => look.CalledUs >= span.SureFromUs && look.ReturnedUs < span.SureUntilUs);
                if (early is not null) return $"{look.Key} was gone between {look.CalledUs} and {look.ReturnedUs} us; it should have been there from {early.SureFromUs} to {early.SureUntilUs} us";
            }
            else if (goneBy.TryGetValue(look.Key, out var latest) && look.CalledUs > latest) return $"{look.Key} was still there at {look.CalledUs} us; it should have been gone by {latest} us";
        }

        return null;
    }
}
