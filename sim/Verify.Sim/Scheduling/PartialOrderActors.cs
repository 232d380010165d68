namespace Verify.Sim.Scheduling;

/// <summary>POS, partial order sampling (Yuan, Yang, Gu, CAV 2018, section 3): every event, not every actor, has a random priority from the moment when it
/// waits; the highest happens; what races with it gets a new priority. So each partial order of racing events is about as likely as the
/// others, however many events there are that do not matter. Two events race when they are of the same actor: messages that wait for one
/// receiver. Where an actor has one candidate only (whole simulated hosts), nothing waiting races, and this is the paper's basic form.</summary>
public sealed class PartialOrderActors : IActorScheduler
{
    private const ulong Golden = 0x9E3779B97F4A7C15UL;
    private readonly ulong _salt;
    private ActorNumbers _generations = new();

    public PartialOrderActors(IChoiceSource choices)
    {
        ArgumentNullException.ThrowIfNull(choices);
        _salt = ((ulong)(uint)choices.Next(ChoiceKind.Actor, int.MaxValue) << 32) ^ (uint)choices.Next(ChoiceKind.Actor, int.MaxValue);
    }

    public int Pick(ReadOnlySpan<Candidate> enabled)
    {
        var (best, bestPriority) = (0, 0UL);
        for (var i = 0; i < enabled.Length; i++)
        {
            var priority = PriorityOf(enabled[i]);
            if (priority > bestPriority) (best, bestPriority) = (i, priority);
        }

        _generations[enabled[best].Actor]++;
        return best;
    }

    /// <summary>A hash in the place of a table: the event and how often its actor's events have been redrawn.</summary>
    private ulong PriorityOf(in Candidate candidate)
    {
        var what = candidate.Event != 0 ? (ulong)candidate.Event : (ulong)(uint)candidate.Label;
        var z = _salt + (what * Golden) + ((ulong)(uint)candidate.Actor << 48) + ((ulong)_generations[candidate.Actor] * 0xD1342543DE82EF95UL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
