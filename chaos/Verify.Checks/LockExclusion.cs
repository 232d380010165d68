namespace Verify.Checks;

/// <summary>A lock as its holder may believe in it: from the answer that gave it, until the end of the session's lifetime counted from when the last
/// renewal that was answered was sent, or until the holder began to give it back.</summary>
/// <param name="Token">The fencing token that came with it.</param>
/// <param name="CalledUs">When it was asked for.</param>
public sealed record LockGrant(string Lock, string Holder, long Token, long CalledUs, long SureFromUs, long SureUntilUs);

/// <summary>Locks with sessions: at no moment may two clients believe that they hold the same lock, and whoever gets it later has a higher
/// token (Kleppmann 2016, "How to do distributed locking").</summary>
public static class LockExclusion
{
    /// <summary>What is wrong; null: nothing.</summary>
    public static string? Objection(IEnumerable<LockGrant> grants)
    {
        foreach (var ofLock in grants.GroupBy(grant => grant.Lock, StringComparer.Ordinal).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            var sorted = ofLock.OrderBy(grant => grant.SureFromUs).ThenBy(grant => grant.Token).ToArray();
            for (var later = 1; later < sorted.Length; later++)
                for (var earlier = 0; earlier < later; earlier++)
                    if (Between(sorted[earlier], sorted[later]) is { } objection) return $"lock {ofLock.Key}: {objection}";
        }

        return null;
    }

    private static string? Between(LockGrant a, LockGrant b)
    {
        var isSameGrant = string.Equals(a.Holder, b.Holder, StringComparison.Ordinal) && a.Token == b.Token;
        if (isSameGrant) return null;
        if (a.Token == b.Token) return $"{a.Holder} and {b.Holder} have the same token {a.Token}";
        // Who heard of it only after it could be over never believed in it.
        var wereBothSure = a.SureFromUs < a.SureUntilUs && b.SureFromUs < b.SureUntilUs;
        if (wereBothSure && !string.Equals(a.Holder, b.Holder, StringComparison.Ordinal) && a.SureUntilUs > b.SureFromUs && b.SureUntilUs > a.SureFromUs)
            return $"{a.Holder} (token {a.Token}) holds it surely from {a.SureFromUs} to {a.SureUntilUs} us, {b.Holder} (token {b.Token}) from {b.SureFromUs} to {b.SureUntilUs} us";
        return a.SureFromUs < b.CalledUs && b.Token < a.Token ? $"{b.Holder} asked at {b.CalledUs} us, after {a.Holder} had token {a.Token}, and got the lower token {b.Token}" : null;
    }
}
