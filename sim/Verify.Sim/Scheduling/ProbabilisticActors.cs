namespace Verify.Sim.Scheduling;

/// <summary>Whoever went last goes on, unless <paramref name="coins"/> coins all show heads: then everybody is as likely. Long undisturbed turns
/// with rare interruptions: the strategy that Coyote calls probabilistic, with its strategy value as the number of coins.</summary>
public sealed class ProbabilisticActors(IChoiceSource choices, int coins) : IActorScheduler
{
    private int _last = -1;

    public int Pick(ReadOnlySpan<Candidate> enabled)
    {
        var at = IndexOfLast(enabled);
        if (at < 0 || choices.Next(ChoiceKind.Actor, 1 << coins) == 0) at = choices.Next(ChoiceKind.Actor, enabled.Length);
        _last = enabled[at].Actor;
        return at;
    }

    private int IndexOfLast(ReadOnlySpan<Candidate> enabled)
    {
        for (var i = 0; i < enabled.Length; i++)
            if (enabled[i].Actor == _last) return i;
        return -1;
    }
}
