namespace Verify.Checks;

/// <summary>An instance with a lifetime that its client registered or renewed, and was told so.</summary>
/// <param name="AtIndex">The entry of the log that did it, as the answer says.</param>
/// <param name="SureUntilUs">Its lifetime, counted from when the request was sent; or when the client began to deregister it.</param>
public sealed record ServiceRenewal(string Instance, long AtIndex, long SureUntilUs);

/// <summary>A client was told that the instance is deregistered. It does not register the same id again.</summary>
public sealed record ServiceEnd(string Instance, long AtIndex);

/// <summary>Somebody asked a node for the passing instances of a service.</summary>
/// <param name="AppliedIndex">The entry up to which the answer knows everything.</param>
public sealed record ServiceLook(string Node, string Instance, bool WasListed, long AppliedIndex, long CalledUs, long ReturnedUs);

/// <summary>Instances that end by themselves: whoever was renewed in time is in every node's list of passing instances, and whoever was not is in nobody's
/// once the time is long over. Holds for stale answers as well: each says up to which entry it knows everything.</summary>
/// <remarks>Why an answer that lacks an instance is wrong although it may be old: it knows the renewal (its index is not below the renewal's), so
/// the instance ended at an entry between the two, and that entry was proposed before the answer came. The answer came before the lifetime was
/// over, counted from a moment before the renewal was proposed. So the instance ended early.</remarks>
public static class ServiceExpiry
{
    /// <param name="goneBy">Instances that must not be listed any more to whoever asks after this moment (microseconds), by id.</param>
    /// <returns>What is wrong; null: nothing.</returns>
    public static string? Objection(IEnumerable<ServiceRenewal> renewals, IEnumerable<ServiceEnd> ends, IEnumerable<ServiceLook> looks, IReadOnlyDictionary<string, long> goneBy)
    {
        var renewed = renewals.ToLookup(renewal => renewal.Instance, StringComparer.Ordinal);
        var ended = ends.ToLookup(end => end.Instance, StringComparer.Ordinal);
        foreach (var look in looks)
        {
            if (!look.WasListed)
            {
                var early = renewed[look.Instance].FirstOrDefault(renewal => renewal.AtIndex <= look.AppliedIndex && look.ReturnedUs < renewal.SureUntilUs);
                if (early is not null)
                    return $"{look.Instance} was not listed by {look.Node} at {look.ReturnedUs} us (applied {look.AppliedIndex}); it was renewed with entry {early.AtIndex} and surely lives until {early.SureUntilUs} us";
                continue;
            }

            if (ended[look.Instance].FirstOrDefault(end => end.AtIndex <= look.AppliedIndex) is { } over)
                return $"{look.Instance} was listed by {look.Node} at {look.ReturnedUs} us (applied {look.AppliedIndex}), though it was deregistered with entry {over.AtIndex}";
            if (goneBy.TryGetValue(look.Instance, out var latest) && look.CalledUs > latest)
                return $"{look.Instance} was still listed by {look.Node} at {look.CalledUs} us; it should have been gone by {latest} us";
        }

        return null;
    }
}
