using Verify.Chaos.Mutants;
using Verify.Checks;

namespace Verify.Chaos.Swarms;

/// <summary>Any number of schedules, each a function of its seed; how hard one is, is drawn from the seed too.</summary>
internal interface ISwarm
{
    /// <summary>One word.</summary>
    string Name { get; }
    string Story { get; }

    /// <summary>Plays the schedule of a seed.</summary>
    SwarmTrial Play(ulong seed);
}

/// <summary>How one schedule went.</summary>
/// <param name="Drawn">Its options, on one line.</param>
/// <param name="Hash">One number for "the same schedule".</param>
/// <param name="Counts">How often something worth checking happened, by name.</param>
internal sealed record SwarmTrial(Verdict Verdict, Discovery? Discovery, string Drawn, ulong Hash, IReadOnlyList<(string Name, long Count)> Counts);

/// <summary>A swarm as a hunt for planted bugs.</summary>
/// <param name="schedule">The schedule of a seed, written down; null when the swarm's schedules cannot be shrunk.</param>
internal sealed class SwarmHunt(ISwarm swarm, Func<ulong, Traces.IPlayable>? schedule = null) : IHunt
{
    public string Name => swarm.Name;
    public string Story => swarm.Story;

    public Trial Try(ulong seed)
    {
        var trial = swarm.Play(seed);
        return new Trial(trial.Verdict, trial.Discovery);
    }

    public Traces.IPlayable? Schedule(ulong seed) => schedule?.Invoke(seed);
}
