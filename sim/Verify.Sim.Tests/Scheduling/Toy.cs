using Verify.Sim.Scheduling;

namespace Verify.Sim.Tests.Scheduling;

/// <summary>Actors that each do their steps in order, with nothing else in the world than the order: small enough to know how likely a bug is.</summary>
internal static class Toy
{
    /// <summary>One run: what was done, in order, as the actors' numbers.</summary>
    public static int[] Run(IActorScheduler scheduler, params int[] steps)
    {
        var done = new int[steps.Length];
        var order = new List<int>();
        var enabled = new List<Candidate>();
        while (true)
        {
            enabled.Clear();
            for (var i = 0; i < steps.Length; i++)
                if (done[i] < steps[i]) enabled.Add(new Candidate(i, (i * 1000) + done[i], 0, (i * 1000) + done[i] + 1));
            if (enabled.Count == 0) return [.. order];
            var picked = enabled.Count == 1 ? 0 : scheduler.Pick(enabled.ToArray());
            done[enabled[picked].Actor]++;
            order.Add(enabled[picked].Actor);
        }
    }

    /// <summary>How many of these runs show the bug.</summary>
    public static int Count(string strategy, int runs, Func<int[], bool> bug, params int[] steps)
    {
        var make = Strategies.Parse(strategy);
        return Enumerable.Range(0, runs).Count(seed => bug(Run(make(new DiceChoices((ulong)seed)), steps)));
    }

    /// <summary>When an actor did its n-th step, counted from 1.</summary>
    public static int When(int[] order, int actor, int nth)
    {
        for (var i = 0; i < order.Length; i++)
            if (order[i] == actor && --nth == 0) return i;
        return -1;
    }
}
