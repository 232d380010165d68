namespace Verify.Checks.Linearizability;

public enum LockCallKind { Acquire, AcquireRefused, Release, ReleaseRefused, Expire, Use, UseRefused }

/// <summary>A call on a lock, or on what it guards, and its answer.</summary>
/// <param name="Client">Who calls.</param>
/// <param name="Token">Acquire: the fencing token that was given; null when nobody was told. Release and Use: the token that was shown.</param>
public readonly record struct LockCall(LockCallKind Kind, string Client, long? Token = null);

/// <param name="Holder">Null: free.</param>
/// <param name="Token">The holder's; null when nobody was told.</param>
/// <param name="LastToken">The highest given out.</param>
/// <param name="UsedToken">The highest that the guarded thing has seen.</param>
public readonly record struct LockState(string? Holder, long? Token, long LastToken, long UsedToken);

/// <summary>A lock that gives a token with each grant, higher than all before, and a guarded thing that refuses lower tokens than the
/// highest it has seen (Kleppmann 2016, "How to do distributed locking", section "Making the lock safe with fencing").</summary>
public sealed class LockModel : IModel<LockState, LockCall>
{
    public LockState Initial => new(null, null, long.MinValue, long.MinValue);

    public bool TryStep(LockState state, LockCall call, out LockState next)
    {
        var isHolder = string.Equals(state.Holder, call.Client, StringComparison.Ordinal) && (state.Token is null || state.Token == call.Token);
        next = call.Kind switch
        {
            LockCallKind.Acquire => state with { Holder = call.Client, Token = call.Token, LastToken = call.Token ?? state.LastToken },
            LockCallKind.Release or LockCallKind.Expire => state with { Holder = null, Token = null },
            LockCallKind.Use => state with { UsedToken = call.Token!.Value },
            _ => state,
        };
        return call.Kind switch
        {
            LockCallKind.Acquire => state.Holder is null && (call.Token is null || call.Token > state.LastToken),
            LockCallKind.AcquireRefused => state.Holder is not null,
            LockCallKind.Release => isHolder,
            LockCallKind.ReleaseRefused => !isHolder,
            LockCallKind.Expire => true,
            LockCallKind.Use => call.Token >= state.UsedToken,
            LockCallKind.UseRefused => call.Token < state.UsedToken,
            _ => throw new ArgumentOutOfRangeException(nameof(call), call.Kind, "not a call on a lock"),
        };
    }

    /// <summary>Refusals may go. A use may go when no refused use is left; a grant only together with its release, and when no refusal is
    /// left that it may explain.</summary>
    public bool[] MayBeLeftOut(IReadOnlyList<LockCall> calls, int from, int count)
    {
        bool IsInside(int i) => i >= from && i < from + count;
        var isUseRefusedLeft = calls.Where((c, i) => !IsInside(i) && c.Kind == LockCallKind.UseRefused).Any();
        var isLockRefusedLeft = calls.Where((c, i) => !IsInside(i) && c.Kind is LockCallKind.AcquireRefused or LockCallKind.ReleaseRefused).Any();
        bool Shows(int j, LockCallKind kind, long? token) => token is not null && calls[j].Kind == kind && calls[j].Token == token;
        bool IsPairOf(int i, LockCallKind other) =>
            Enumerable.Range(from, count).Any(j => Shows(j, other, calls[i].Token))
            && !Enumerable.Range(0, calls.Count).Any(j => !IsInside(j) && (Shows(j, LockCallKind.Acquire, calls[i].Token) || Shows(j, LockCallKind.Release, calls[i].Token)));

        return Enumerable.Range(from, count).Select(i => calls[i].Kind switch
        {
            LockCallKind.Use => !isUseRefusedLeft,
            LockCallKind.Acquire => !isLockRefusedLeft && IsPairOf(i, LockCallKind.Release),
            LockCallKind.Release => !isLockRefusedLeft && IsPairOf(i, LockCallKind.Acquire),
            LockCallKind.Expire => false,
            _ => true,
        }).ToArray();
    }
}
