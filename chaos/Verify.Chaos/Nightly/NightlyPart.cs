using Verify.Chaos.Drawn;
using Verify.Chaos.Running;
using Verify.Chaos.Swarms;

namespace Verify.Chaos.Nightly;

/// <summary>One of the swarms that a night plays in turn.</summary>
/// <param name="Turn">How many seeds at a time; a multiple of <see cref="Canary.Every"/>, so that each whole turn has its canaries.</param>
/// <param name="IsPlanted">Tells a canary from every other failure.</param>
/// <param name="Again">What follows "verify-chaos" to play one seed as it is, without the canary.</param>
internal sealed record NightlyPart(string Name, ISwarm Swarm, int Turn, Func<SwarmFailure, bool> IsPlanted, string Again)
{
    private const int TurnOfWorlds = 100;
    private const int TurnOfRaft = 10_000;

    /// <summary>The Raft core alone, whole nodes under each story, and drawn fleets with MySQL servers. Turns take some seconds each.</summary>
    public static IReadOnlyList<NightlyPart> All { get; } =
    [
        Of("raft", new RaftSwarmTrials(null) { CountsMarks = true }, TurnOfRaft, "swarm raft"),
        .. Enum.GetValues<ClusterStory>().Select(OfStory),
        Of("fleet", new FleetSwarm(), TurnOfWorlds, "swarm fleet"),
    ];

    /// <summary>A swarm with its canaries.</summary>
    public static NightlyPart Of(string name, IFalsifiable swarm, int turn, string again)
    {
        var canary = new Canary(swarm);
        return new(name, canary, turn, canary.IsPlanted, again);
    }

    /// <summary>The parts of a list of names; all when it is empty.</summary>
    /// <exception cref="HarnessException">There is no such part.</exception>
    public static IReadOnlyList<NightlyPart> Named(string names)
    {
        var wanted = names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (Array.Find(wanted, name => All.All(part => part.Name != name)) is { } unknown)
            throw new HarnessException($"'{unknown}' is no part of a night; there are: {string.Join(", ", All.Select(part => part.Name))}");
        return wanted.Length == 0 ? All : [.. All.Where(part => wanted.Contains(part.Name, StringComparer.Ordinal))];
    }

    private static NightlyPart OfStory(ClusterStory story)
    {
        var word = story.ToString().ToLowerInvariant();
        return story == ClusterStory.Everything ? Of("cluster", new ClusterSwarm(), TurnOfWorlds, "swarm cluster")
            : Of(word, new ClusterSwarm(story: story), TurnOfWorlds, $"swarm cluster --story {word}");
    }
}
